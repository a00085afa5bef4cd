import { describe, expect, it } from 'vitest';
import type { FeatureDrift } from '../contracts/feature-drift.js';
import { normalQuantile } from '../evaluation/distributions.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { categoryDrift } from './category-drift.js';
import { numericDrift } from './numeric-drift.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { findUpstreamFaults } from './upstream-faults.js';

type Sampler = (share: number) => number;

const normal = (mean: number, deviation: number): Sampler => (share) => mean + deviation * normalQuantile(Math.min(Math.max(share, 1e-9), 1 - 1e-9));
const exponential: Sampler = (share) => -Math.log(1 - share);
const draw = (sampler: Sampler, rows: number, seed: number): Float64Array => {
  const uniform = seededRandom(seed);
  return Float64Array.from({ length: rows }, () => sampler(uniform()));
};

const number = (name: string, maxMissing = 0): FeatureSpec => ({ name, type: 'number', maxMissing });
const category = (name: string): FeatureSpec => ({ name, type: 'category', categories: ['a', 'b'], maxUnknown: 0, maxMissing: 0 });

/** As numpy.quantile has them. */
function decilesOf(values: Float64Array): number[] {
  const sorted = values.slice().sort();
  return Array.from({ length: 9 }, (_, index) => {
    const place = ((index + 1) / 10) * (sorted.length - 1);
    const low = sorted[Math.floor(place)]!;
    return low + (sorted[Math.min(Math.floor(place) + 1, sorted.length - 1)]! - low) * (place - Math.floor(place));
  });
}

interface Held { readonly baseline: Sampler; readonly window: Sampler; readonly map?: (value: number) => number; readonly rows?: number; readonly deciles?: boolean }

/** One feature's fault, as `kind` or `unitChange: name`; '' for none. */
function faultOf({ baseline, window, map = (value) => value, rows = 4_000, deciles = false }: Held, seed: number): string {
  const values = draw(window, rows, seed + 1).map(map);
  const hints = deciles ? { deciles: new Map([['x', decilesOf(values)]]) } : {};
  return findUpstreamFaults([numericDrift('x', draw(baseline, 20_000, seed), values)], [number('x')], hints).map(({ kind, unit }) => (unit ? `${kind}: ${unit}` : kind)).join(', ');
}

const SUMMER = normal(72, 9);
const toCelsius = (value: number): number => ((value - 32) * 5) / 9;
const LOAD = normal(100, 15);
const SKEWED: Sampler = (share) => Math.exp(normal(3, 1)(share));
const COUNTS: Sampler = (share) => Math.floor(-2 * Math.log(1 - share));

const UNIT_CHANGES: readonly (readonly [string, Held, string])[] = [
  ['Celsius instead of Fahrenheit', { baseline: SUMMER, window: SUMMER, map: toCelsius }, 'unitChange: Fahrenheit to Celsius'],
  ['Celsius on one warm day', { baseline: SUMMER, window: normal(77, 6), map: toCelsius, rows: 300 }, 'unitChange: Fahrenheit to Celsius'],
  ['Fahrenheit instead of Celsius', { baseline: normal(22, 5), window: normal(22, 5), map: (value) => value * 1.8 + 32 }, 'unitChange: Celsius to Fahrenheit'],
  ['Kelvin instead of Celsius', { baseline: normal(12, 8), window: normal(12, 8), map: (value) => value + 273.15 }, 'unitChange: Celsius to Kelvin'],
  ['a thousandfold', { baseline: LOAD, window: LOAD, map: (value) => value * 1_000 }, 'unitChange: times 10^3'],
  ['a thousandth', { baseline: LOAD, window: LOAD, map: (value) => value / 1_000 }, 'unitChange: times 10^-3'],
  ['a thousandfold of what lies around 0', { baseline: normal(0, 1), window: normal(0, 1), map: (value) => value * 1_000 }, 'unitChange: times 10^3'],
  ['a thousandth of what is skewed', { baseline: SKEWED, window: SKEWED, map: (value) => value / 1_000 }, 'unitChange: times 10^-3'],
  ['a hundredfold of counts with ties', { baseline: COUNTS, window: COUNTS, map: (value) => value * 100 }, 'unitChange: times 10^2'],
  ['centimetres instead of inches', { baseline: normal(68, 3), window: normal(68, 3), map: (value) => value * 2.54 }, 'unitChange: inches to centimetres'],
  ['kilometres instead of miles', { baseline: LOAD, window: LOAD, map: (value) => value * 1.609344 }, 'unitChange: miles to kilometres'],
  ['pounds instead of kilograms', { baseline: LOAD, window: LOAD, map: (value) => value / 0.45359237 }, 'unitChange: kilograms to pounds'],
  ['kilometres of a rather wide distribution, by its deciles', { baseline: normal(100, 45), window: normal(100, 45), map: (value) => value * 1.609344, deciles: true }, 'unitChange: miles to kilometres'],
  ['centimetres of a wide distribution, by its deciles', { baseline: exponential, window: exponential, map: (value) => value * 2.54, deciles: true }, 'unitChange: inches to centimetres'],
];

const HONEST: readonly (readonly [string, Held])[] = [
  ['no change', { baseline: LOAD, window: LOAD }],
  ['no change, with deciles', { baseline: exponential, window: exponential, deciles: true }],
  ['a mean shifted by one standard deviation', { baseline: LOAD, window: normal(115, 15), deciles: true }],
  ['a mean shifted by one standard deviation downwards', { baseline: LOAD, window: normal(85, 15) }],
  ['a mean shifted by three standard deviations', { baseline: LOAD, window: normal(145, 15) }],
  ['a mean shifted by four standard deviations, to where miles would be kilometres', { baseline: LOAD, window: normal(160.9, 15) }],
  ['a doubled standard deviation', { baseline: LOAD, window: normal(100, 30) }],
  ['a halved standard deviation', { baseline: LOAD, window: normal(100, 7.5), deciles: true }],
  ['a growth by 30 percent of a wide distribution', { baseline: exponential, window: exponential, map: (value) => value * 1.3, deciles: true }],
  ['a threefold growth, which is no unit', { baseline: LOAD, window: LOAD, map: (value) => value * 3, deciles: true }],
  ['growth by 140 percent, which is near 2.54', { baseline: LOAD, window: LOAD, map: (value) => value * 2.4 }],
  ['another shape of the mean that 2.54 would give', { baseline: exponential, window: (share) => 5.08 * share, deciles: true }],
  ['a growth by 40 percent, which is no unit', { baseline: LOAD, window: LOAD, map: (value) => value * 1.4 }],
  ['winter after summer, in Fahrenheit', { baseline: SUMMER, window: normal(35, 10) }],
  ['one odd row a thousand times too large', { baseline: LOAD, window: (share) => (share < 0.0003 ? 100_000 : LOAD(share)) }],
  ['a rather wide distribution in kilometres, without deciles', { baseline: normal(100, 45), window: normal(100, 45), map: (value) => value * 1.609344 }],
  ['another shape of the same mean and range', { baseline: normal(0, 1), window: (share) => (share < 0.9 ? -111 : 1_000) + share }],
  ['a constant baseline', { baseline: () => 5, window: LOAD }],
  ['fewer rows than can be judged', { baseline: LOAD, window: LOAD, map: (value) => value * 1_000, rows: 30 }],
];

describe('a unit change', () => {
  it.each(UNIT_CHANGES)('is found: %s', (_, held, expected) => {
    for (const seed of [1, 20, 300]) expect(faultOf(held, seed)).toBe(expected);
  });

  it.each(HONEST)('is not found in %s', (_, held) => {
    for (const seed of [1, 20, 300]) expect(faultOf(held, seed)).toBe('');
  });

  it('is never found in shifts of up to two and a half deviations, of any shape', () => {
    const uniform = seededRandom(7);
    for (let round = 0; round < 80; round++) {
      const [mean, shift, stretch] = [20 + 200 * uniform(), 5 * uniform() - 2.5, 0.7 + 0.7 * uniform()];
      const held = { baseline: normal(mean, 10), window: normal(mean + 10 * shift, 10 * stretch), rows: 1_500, deciles: round % 2 === 0 };
      expect(faultOf(held, 1_000 + 2 * round), JSON.stringify({ mean, shift, stretch })).toBe('');
    }
  });
});

describe('a misfit', () => {
  it('is named with all changes that fit alike', () => {
    const measured = [numericDrift('x', draw(SKEWED, 20_000, 1), draw(SKEWED, 4_000, 2).map((value) => value * 1_000))];
    expect(findUpstreamFaults(measured, [number('x')])[0]?.because).toMatch(/times 10\^3, or as well kibibytes to bytes, is taken back: the mean went from [\d.]+ to \d+/);
  });
});

describe('swapped features', () => {
  const [speed, load] = [normal(60, 5), normal(100, 30)];
  const two = (one: Sampler, other: Sampler): FeatureDrift[] =>
    [numericDrift('speed', draw(speed, 10_000, 1), draw(one, 2_000, 2)), numericDrift('load', draw(load, 10_000, 3), draw(other, 2_000, 4))];
  const spec = [number('speed'), number('load')];

  it('are found once, and are no unit changes', () => {
    expect(findUpstreamFaults(two(load, speed), spec)).toEqual([expect.objectContaining({ kind: 'swapped', features: ['speed', 'load'], unit: null })]);
  });

  it('are not found where only one looks like the other, or both are in place', () => {
    expect(findUpstreamFaults(two(load, normal(101, 32)), spec)).toEqual([]);
    expect(findUpstreamFaults(two(speed, load), spec)).toEqual([]);
  });

  it('are not told apart where their distributions are alike', () => {
    const alike = [numericDrift('a', draw(normal(30, 5), 10_000, 1), draw(normal(32, 5), 2_000, 2)), numericDrift('b', draw(normal(32, 5), 10_000, 3), draw(normal(30, 5), 2_000, 4))];
    expect(findUpstreamFaults(alike, [number('a'), number('b')])).toEqual([]);
  });

  it('are not found where the other one went elsewhere', () => {
    expect(findUpstreamFaults(two(load, normal(700, 90)), spec)).toEqual([]);
  });

  it('have one partner each', () => {
    const measured = [[0, 10], [10, 0], [10, 0]].map(([was, is], index) => numericDrift(`x${index}`, draw(normal(was!, 1), 5_000, index), draw(normal(is!, 1), 1_000, 10 + index)));
    expect(findUpstreamFaults(measured, measured.map(({ name }) => number(name)))).toHaveLength(1);
  });

  it('are found in pairs, the best first', () => {
    const samplers = [normal(0, 1), normal(10, 1), normal(30, 2), normal(50, 2)];
    const measured = [1, 0, 3, 2].map((other, index) => numericDrift(`x${index}`, draw(samplers[index]!, 5_000, index), draw(samplers[other]!, 1_000, 10 + index)));
    const found = findUpstreamFaults(measured, measured.map(({ name }) => number(name)));
    expect(found.map(({ features }) => features.join()).sort()).toEqual(['x0,x1', 'x2,x3']);
  });
});

describe('missing values', () => {
  const withMissing = (share: number, rows: number, seed: number): Float64Array => draw((at) => (at < share ? NaN : at), rows, seed);
  const found = (baseline: number, window: number, maxMissing: number, rows = 2_000): string[] =>
    findUpstreamFaults([numericDrift('x', withMissing(baseline, 5_000, 1), withMissing(window, rows, 2))], [number('x', maxMissing)]).map(({ kind }) => kind);

  it.each([
    ['half of the rows where none was allowed', 0, 0.5, 0, ['missing']],
    ['all rows', 0, 1, 0.05, ['missing']],
    ['what the spec allows', 0, 0.3, 0.3, []],
    ['what the baseline has too', 0.4, 0.4, 0, []],
    ['a little more than the spec allows', 0, 0.08, 0.05, []],
    ['more, but not three times the odds', 0.4, 0.6, 0, []],
  ] as const)('%s', (_, baseline, window, maxMissing, expected) => {
    expect(found(baseline, window, maxMissing)).toEqual(expected);
  });

  it('counts what is infinite as missing, and needs rows to be sure', () => {
    const infinite = numericDrift('x', draw(LOAD, 5_000, 1), draw((share) => (share < 0.5 ? Infinity : share), 2_000, 2));
    expect(findUpstreamFaults([infinite], [number('x')]).map(({ kind }) => kind)).toEqual(['missing']);
    expect(found(0, 0.5, 0, 6)).toEqual([]);
  });
});

describe('rows of a version that does not take a feature', () => {
  const [ROWS, OLD] = [2_000, 1_000];
  /** Of a window whose first rows a version without the feature answered; of the others `broken` lack it. */
  const told = (broken: number, without: number | null = OLD): string[] => {
    const rows = draw(LOAD, ROWS, 2).map((value, row) => (row < OLD || row < OLD + broken * (ROWS - OLD) ? NaN : value));
    const notTaken = without === null ? {} : { notTaken: new Map([['x', { rows: without, missing: without }]]) };
    return findUpstreamFaults([numericDrift('x', draw(LOAD, 5_000, 1), rows)], [number('x')], notTaken).map(({ because }) => because);
  };

  it('are not missing it', () => {
    expect(told(0, null)).toEqual(['x has no value in 50 % of 2000 rows; 0 % is what the spec and the baseline know.']);
    expect(told(0, 0)).toHaveLength(1);
    expect(told(0)).toEqual([]);
  });

  it('hide none that the others miss, nor are they judged where few are left', () => {
    expect(told(0.3)).toEqual(['x has no value in 30 % of 1000 rows of versions that take it; 0 % is what the spec and the baseline know.']);
    expect(told(1, ROWS)).toEqual([]);
    expect(told(1, ROWS - 3)).toEqual([]);
  });

  it('that have it all the same are left out as they are', () => {
    // A source has the column for the rows of every version: here those that take it lack it.
    const rows = draw(LOAD, ROWS, 2).map((value, row) => (row < OLD ? value : NaN));
    const notTaken = new Map([['x', { rows: OLD, missing: 0 }]]);
    expect(findUpstreamFaults([numericDrift('x', draw(LOAD, 5_000, 1), rows)], [number('x')], { notTaken })[0]?.because).toMatch(/^x has no value in 100 % of 1000 rows/);
  });

  it('need not have the column, where there are no others', () => {
    const measured = [numericDrift('x', draw(LOAD, 1_000, 1), draw(LOAD, 1_000, 2))];
    const kinds = (rows: number) => findUpstreamFaults(measured, [number('x'), number('y')], { notTaken: new Map([['y', { rows, missing: rows }]]) }).map(({ kind, features }) => [kind, features]);
    expect(kinds(1_000)).toEqual([]);
    expect(kinds(999)).toEqual([['schema', ['y']]]);
  });
});

describe('a frozen feature', () => {
  const frozen = (baseline: Sampler, value: number, rows: number, steady: readonly string[] = []): string[] =>
    findUpstreamFaults([numericDrift('x', draw(baseline, 5_000, 1), new Float64Array(rows).fill(value))], [number('x')], { steady: new Set(steady) }).map(({ kind }) => kind);

  it('is one value where the baseline varies', () => {
    expect(frozen(LOAD, 101, 200)).toEqual(['frozen']);
    expect(frozen(LOAD, -1, 200)).toEqual(['frozen']);
  });

  it('is none where it is steady, with few rows, or where the baseline is mostly or always that value', () => {
    expect(frozen(LOAD, 101, 200, ['x'])).toEqual([]);
    expect(frozen(LOAD, 101, 1)).toEqual([]);
    expect(frozen((share) => (share < 0.95 ? 0 : share), 0, 200)).toEqual([]);
    expect(frozen(() => 7, 7, 200)).toEqual([]);
  });

  it('is one category where the baseline has several', () => {
    const counts = (a: number, b: number) => ({ missing: 0, counts: new Map(Object.entries({ a, b }).filter(([, count]) => count > 0)) });
    const of = (a: number, b: number, rows: number) => findUpstreamFaults([categoryDrift('c', counts(a, b), counts(rows, 0))], [category('c')]).map(({ kind, because }) => `${kind} ${because}`);
    expect(of(500, 500, 200)).toEqual(['frozen c is "a" in all 200 rows; 50 % of the baseline lies in its bin.']);
    expect(of(990, 10, 200)).toEqual([]);
    expect(of(1_000, 0, 200)).toEqual([]);
  });
});

describe('the schema', () => {
  it('misses a feature of the spec, and one of another type', () => {
    const measured = [numericDrift('x', draw(LOAD, 1_000, 1), draw(LOAD, 1_000, 2))];
    expect(findUpstreamFaults(measured, [number('x'), number('y')])).toEqual([{ kind: 'schema', features: ['y'], unit: null, because: 'y is in the spec, but not in the window.' }]);
    expect(findUpstreamFaults(measured, [category('x')])).toEqual([{ kind: 'schema', features: ['x'], unit: null, because: 'x came as a number; the spec says category.' }]);
  });

  it('is not judged where no inputs were kept, and an empty window has no fault', () => {
    expect(findUpstreamFaults([], [number('x')])).toEqual([]);
    expect(findUpstreamFaults([numericDrift('x', draw(LOAD, 1_000, 1), new Float64Array(0))], [number('x')])).toEqual([]);
  });
});
