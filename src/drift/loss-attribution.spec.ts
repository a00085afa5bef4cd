import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../contracts/canonical.js';
import type { AttributionFigures, FeatureAttribution } from '../contracts/window-assessment-report.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { attributeLoss, type ComparedLosses, holm } from './loss-attribution.js';
import { type BlockCorrelation, blocksOf, binCount, binsOf, LossSums, type RowBlocks } from './loss-bins.js';
import { unevenRise } from './uneven-rise.js';

const DAY = 86_400_000;

const number = (name: string): FeatureSpec => ({ name, type: 'number', maxMissing: 0 });
const category = (name: string, ...categories: string[]): FeatureSpec => ({ name, type: 'category', categories, maxUnknown: 0, maxMissing: 0 });

/** Rows of one side: what went in, feature by feature, and what was lost. */
interface Side {
  readonly values: readonly ArrayLike<number>[];
  readonly losses: ArrayLike<number>;
  readonly blocks?: RowBlocks | null;
}

function compare(features: readonly FeatureSpec[], baseline: Side, window: Side): ComparedLosses[] {
  return features.map((feature, place) => {
    const bins = binsOf(feature, Float32Array.from(baseline.values[place]!));
    const [before, now] = [baseline, window].map(({ values, losses, blocks = null }) => {
      const sums = new LossSums(bins, blocks, 0.3);
      Array.from(losses).forEach((loss, row) => sums.add(row, Math.fround(values[place]![row]!), loss));
      return sums;
    }) as [LossSums, LossSums];
    return { baseline: { bins, losses: before.losses(), correlation: before.correlation() }, window: now.losses() };
  });
}

const attribute = (features: readonly FeatureSpec[], baseline: Side, window: Side): AttributionFigures =>
  attributeLoss(compare(features, baseline, window), { alpha: 0.05, bound: 1 })!;
const featureOf = ({ features }: AttributionFigures, name: string): FeatureAttribution => features.find((one) => one.name === name)!;

interface Written {
  readonly values: readonly (number | null)[];
  readonly losses: readonly number[];
  readonly blocks: readonly number[] | null;
}
const reference = JSON.parse(readFileSync(new URL('./reference/loss-attribution.json', import.meta.url), 'utf8')) as {
  readonly alpha: number;
  readonly bound: number;
  readonly cases: readonly {
    name: string; categories: number | null; baseline: Written; window: Written; edges: number[] | null; correlation: BlockCorrelation | null; rise: number;
    expected: { shift: number; change: number; concentrated: number; low: number | null; high: number | null; shiftPValue: number | null;
      unevenness: { statistic: number; degreesOfFreedom: [number, number]; pValue: number } | null };
  }[];
};

const sideOf = ({ values, losses, blocks }: Written): Side => ({
  values: [values.map((value) => value ?? NaN)], losses, blocks: blocks && blocksOf(Float64Array.from(blocks, (block) => block * DAY), { dependence: 'blocks', blockMs: DAY }),
});

describe('the attribution equals the reference', () => {
  it.each(reference.cases.map((one) => [one.name, one] as const))('%s', (_, { categories, baseline, window, edges, correlation, rise, expected }) => {
    const feature = categories === null ? number('f') : category('f', ...Array.from({ length: categories }, (__, code) => `c${code}`));
    const compared = compare([feature], sideOf(baseline), sideOf(window));
    const close = (found: number | null | undefined, right: number | null, what: string): void => {
      if (right === null) expect(found ?? null, what).toBeNull();
      else expect(Math.abs(found! - right), what).toBeLessThan(1e-12 + 1e-9 * Math.abs(right));
    };
    const { bins, correlation: found } = compared[0]!.baseline;
    expect(bins.type === 'number' ? bins.edges : null).toEqual(edges);
    for (const name of ['losses', 'membership', 'degreesOfFreedom'] as const) close(found?.[name], correlation?.[name] ?? null, name);
    const figures = attributeLoss(compared, { alpha: reference.alpha, bound: reference.bound })!;
    const [one] = figures.features;
    close(figures.rise, rise, 'rise');
    close(one!.shift.value, expected.shift, 'shift');
    close(one!.shift.low, expected.low, 'low');
    close(one!.shift.high, expected.high, 'high');
    close(one!.shiftTest?.pValue, expected.shiftPValue, 'p of shift');
    close(one!.change, expected.change, 'change');
    close(one!.concentrated, expected.concentrated, 'concentrated');
    close(one!.unevenness?.statistic, expected.unevenness?.statistic ?? null, 'statistic');
    for (const place of [0, 1] as const) close(one!.unevenness?.degreesOfFreedom[place], expected.unevenness?.degreesOfFreedom[place] ?? null, 'degrees of freedom');
    close(one!.unevenness?.pValue, expected.unevenness?.pValue ?? null, 'p');
  });
});

/** Bell-shaped, of deviation 1. */
const noise = (random: () => number): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

const FEATURES = [number('size'), category('airport', 'JFK', 'LGA', 'EWR', 'SFO', 'BOS'), category('weekday', '1', '2', '3', '4', '5', '6', '7')];

/** @param lossOf of a row by its size and airport, without its noise */
function drawn(random: () => number, rows: number, lossOf: (size: number, airport: number) => number, sizeOf: () => number = random): Side {
  const [sizes, airports, weekdays] = [Array.from({ length: rows }, sizeOf), Array.from({ length: rows }, () => Math.floor(5 * random())), Array.from({ length: rows }, (_, row) => row % 7)];
  return { values: [sizes, airports, weekdays], losses: sizes.map((size, row) => lossOf(size, airports[row]!) + 0.1 * noise(random)) };
}

describe('the decomposition', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);

  it(`is exact, and so are the parts of its bins (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const whole = (most: number): number => 1 + Math.floor(random() * most);
    const value = (): number => (random() < 0.1 ? NaN : Math.floor(random() * 6) / 2);
    for (let run = 0; run < 200; run++) {
      const bound = 10 ** (4 * random() - 2);
      const many = (length: number, one: () => number): number[] => Array.from({ length }, one);
      const side = (rows: number): Side => ({ values: [many(rows, value), many(rows, () => Math.floor(value() * 1.5))], losses: many(rows, () => bound * random() ** 3) });
      const [baseline, window] = [side(whole(200)), side(whole(60))];
      const figures = attributeLoss(compare([number('a'), category('b', 'x', 'y')], baseline, window), { alpha: 0.05, bound })!;
      const mean = ({ losses }: Side): number => Array.from(losses).reduce((sum, loss) => sum + loss, 0) / losses.length;
      const rise = mean(window) - mean(baseline);
      expect(Math.abs(figures.rise - rise)).toBeLessThan(1e-12 * Math.max(1, bound));
      for (const { shift, change, bins, binCount: count, concentrated } of figures.features) {
        expect(Math.abs(shift.value + change - rise)).toBeLessThan(1e-12 * Math.max(1, bound));
        expect(concentrated).toBeGreaterThanOrEqual(0);
        if (count <= bins.length) expect(Math.abs(bins.reduce((sum, bin) => sum + bin.shift + bin.change, 0) - rise)).toBeLessThan(1e-12 * Math.max(1, bound));
      }
      expect(canonicalJson(figures)).not.toMatch(/NaN|Infinity/);
    }
  });

  it('names a feature and its bin where the model got worse there only', () => {
    const random = seededRandom(20240801);
    const baseline = drawn(random, 4_000, (size) => 0.2 + 0.2 * size);
    const window = drawn(random, 1_000, (size, airport) => 0.2 + 0.2 * size + (airport === 2 ? 0.1 : 0));
    const figures = attribute(FEATURES, baseline, window);
    expect(figures.explaining).toEqual(['airport']);
    const [airport] = figures.features;
    expect(airport).toMatchObject({ name: 'airport', explains: ['change'] });
    expect(airport!.bins[0]).toMatchObject({ kind: 'category', category: 'EWR', rows: expect.any(Number) as number });
    expect(airport!.bins[0]!.change).toBeGreaterThan(0.8 * figures.rise);
    expect(airport!.unevenness!.adjustedPValue).toBeLessThan(1e-6);
    expect(airport!.concentrated).toBeGreaterThan(0.6 * figures.rise);
  });

  it('of a pure shift has no change', () => {
    const random = seededRandom(20240802);
    const lossOf = (size: number): number => (size < 0.5 ? 0.1 : 0.5);
    const [baseline, window] = [drawn(random, 6_000, lossOf), drawn(random, 2_000, lossOf, () => Math.sqrt(random()))];
    const figures = attribute(FEATURES, baseline, window);
    const size = featureOf(figures, 'size');
    expect(figures.rise).toBeGreaterThan(0.08);
    expect(size).toMatchObject({ explains: ['shift'] });
    expect(Math.abs(size.change)).toBeLessThan(0.1 * figures.rise);
    expect(size.shift.low!).toBeLessThan(size.shift.value);
    expect(Math.abs(size.shift.value - figures.rise)).toBeLessThan(0.1 * figures.rise);
    // The same rise, seen by what did not move, is change, and even.
    expect(featureOf(figures, 'weekday')).toMatchObject({ explains: [] });
    expect(figures.explaining).toEqual(['size']);
  });

  it.each(['rows', 'blocks'] as const)('names nothing in at least 95 of 100 windows whose losses rose evenly, under dependence %s', (dependence) => {
    const random = seededRandom(20240803);
    let named = 0;
    for (let run = 0; run < 200; run++) {
      const [baseline, window] = ([[0, 20, 1_600], [0.1, 5, 500]] as const).map(([rise, days, rows]): Side => {
        const shocks = Array.from({ length: days }, () => (dependence === 'blocks' ? 0.05 * noise(random) : 0));
        const day = (row: number): number => Math.floor((row * days) / rows);
        const side = drawn(random, rows, (size) => 0.2 + 0.3 * size + rise);
        // A weekday is a block of its own.
        const values = [side.values[0]!, side.values[1]!, Array.from({ length: rows }, (_, row) => day(row) % 7)];
        const blocks = blocksOf(Float64Array.from({ length: rows }, (_, row) => day(row) * DAY), { dependence, blockMs: DAY });
        return { values, blocks, losses: Array.from(side.losses, (loss, row) => loss + shocks[day(row)]!) };
      }) as [Side, Side];
      if (attribute(FEATURES, baseline, window).explaining.length > 0) named += 1;
    }
    expect(named).toBeLessThanOrEqual(10);
  });
});

describe('what is defined where there is little', () => {
  const some = drawn(seededRandom(5), 300, () => 0.3);

  it('is nothing without rows or features', () => {
    expect(attributeLoss(compare(FEATURES, some, { values: [[], [], []], losses: [] }), { alpha: 0.05, bound: 1 })).toBeNull();
    expect(attributeLoss([], { alpha: 0.05, bound: 1 })).toBeNull();
  });

  it('of one row is the decomposition, without a test', () => {
    const figures = attribute(FEATURES, some, { values: [[0.5], [2], [3]], losses: [0.9] });
    expect(figures).toMatchObject({ rows: 1, meanLoss: expect.closeTo(0.9, 12) as number, explaining: [] });
    for (const { shift, change, unevenness, shiftTest } of figures.features) {
      expect(shift.value + change).toBeCloseTo(figures.rise, 12);
      expect([shift.low, shift.high, unevenness, shiftTest]).toEqual([null, null, null, null]);
    }
  });

  it('of a column with one value is all change', () => {
    const single = (rows: number, loss: number): Side => ({
      values: [new Float32Array(rows).fill(7), new Int32Array(rows), new Float32Array(rows).fill(NaN)], losses: Array.from({ length: rows }, (_, row) => loss + (row % 5) / 50),
    });
    const figures = attribute([number('constant'), category('only', 'a'), number('absent')], single(200, 0.2), single(100, 0.4));
    for (const feature of figures.features) expect(feature).toMatchObject({ shift: { value: 0 }, change: expect.closeTo(0.2, 12) as number, unevenness: null, explains: [], binCount: 1 });
    expect(featureOf(figures, 'constant').bins).toMatchObject([{ kind: 'range', from: 7, until: null, share: 1 }]);
    expect(featureOf(figures, 'absent').bins).toMatchObject([{ kind: 'missing', from: null, until: null, category: null }]);
  });

  it('of losses that are all the same on a side is no test', () => {
    const same = (rows: number, loss: number): Side => ({ ...drawn(seededRandom(rows), rows, () => 0), losses: new Float64Array(rows).fill(loss) });
    for (const [before, now] of [[0, 0], [0.1, 0.3], [0, 1]] as const) {
      for (const feature of attribute(FEATURES, same(300, before), same(200, now)).features) {
        expect(feature).toMatchObject({ unevenness: null, shiftTest: null, explains: [] });
        expect(feature.change).toBeCloseTo(now - before, 12);
      }
    }
  });

  it('of bins that the baseline has not is shift, and not surely: nobody knows how bad the model was there', () => {
    const random = seededRandom(20240804);
    const [baseline, window] = [drawn(random, 2_000, () => 0.1), drawn(random, 800, () => 0.6)];
    const codes = (side: Side, code: number): Side => ({ ...side, values: [side.values[0]!, new Int32Array(side.losses.length).fill(code), side.values[2]!] });
    const airport = featureOf(attribute(FEATURES, codes(baseline, 0), codes(window, 5)), 'airport');
    expect(airport).toMatchObject({ change: 0, explains: [] });
    expect(airport.bins).toMatchObject([{ kind: 'others', category: null, rows: 800, baselineRows: 0, baselineMeanLoss: null, change: 0 }]);
    expect(airport.binCount).toBe(2);
    expect(airport.shift.low!).toBeLessThan(airport.shift.value - 0.25);
    expect(airport.shift.high!).toBeGreaterThan(airport.shift.value + 0.15);
  });

  it('names nothing where losses have fallen', () => {
    const random = seededRandom(20240805);
    const figures = attribute(FEATURES, drawn(random, 3_000, () => 0.5), drawn(random, 900, (_, airport) => (airport === 1 ? 0.3 : 0.5)));
    expect(figures.rise).toBeLessThan(0);
    expect(featureOf(figures, 'airport').unevenness!.pValue).toBeLessThan(1e-6);
    expect(figures.explaining).toEqual([]);
  });
});

describe('bins', () => {
  it('hold every number in one, those without a value in the last', () => {
    const bins = binsOf(number('f'), Float32Array.of(NaN, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
    const sums = new LossSums(bins, null, 0);
    expect(bins).toEqual({ name: 'f', type: 'number', edges: [2, 3, 4, 5, 6, 7, 8, 9, 10] });
    for (const value of [-1e38, 1, 2, 2.5, 10, 3.4e38, NaN]) sums.add(0, value, 1);
    expect(sums.losses()).toMatchObject({ rows: [2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 1], allBlockRows: 1 });
    expect([binCount(bins), binCount(binsOf(number('f'), Float32Array.of(NaN)))]).toEqual([11, 2]);
  });

  it('know how rows lie in blocks, numbered as they come', () => {
    const blocks = blocksOf(Float64Array.of(5 * DAY, 2 * DAY, 5 * DAY + 1, 5 * DAY), { dependence: 'blocks', blockMs: DAY })!;
    expect(blocks).toEqual({ count: 2, ofRow: Int32Array.of(0, 1, 0, 0) });
    const sums = new LossSums(binsOf(category('c', 'a'), new Float32Array(0)), blocks, 0.5);
    [0, 0, 0, 1].forEach((code, row) => sums.add(row, code, row / 4));
    const { rows, means, squares, blockRows, allBlockRows } = sums.losses();
    expect({ rows, means, blockRows, allBlockRows }).toEqual({ rows: [3, 1, 0], means: [0.25, 0.75, 0], blockRows: [5 / 3, 1, 0], allBlockRows: 2.5 });
    expect(squares[0]).toBeCloseTo(0.125, 12);
    expect(blocksOf(Float64Array.of(1), { dependence: 'rows', blockMs: DAY })).toBeNull();
  });
});

describe('the tests', () => {
  it('of rises do not depend on how much all rose, and are none for one bin or without variance', () => {
    const bins = [0.1, 0.2, 0.4].map((rise, place) => ({ rise, variance: 0.01 * (place + 1), degreesOfFreedom: 20 }));
    const moved = unevenRise(bins.map((bin) => ({ ...bin, rise: bin.rise + 5 })))!;
    expect(moved.statistic).toBeCloseTo(unevenRise(bins)!.statistic, 9);
    expect(unevenRise(bins, 3)!.degreesOfFreedom).toEqual([2, 3]);
    expect(unevenRise(bins.slice(1))).not.toBeNull();
    for (const wrong of [[], bins.slice(2), [...bins, { ...bins[0]!, variance: 0 }], [...bins, { ...bins[0]!, rise: NaN }]]) expect(unevenRise(wrong)).toBeNull();
  });

  it('of all features share the chance of a false one', () => {
    expect(holm([0.04, null, 0.01, 0.03])).toEqual([0.06, null, 0.03, 0.06]);
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
    expect(holm([null])).toEqual([null]);
  });
});
