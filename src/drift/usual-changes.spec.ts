import { describe, expect, it } from 'vitest';
import type { FeatureDrift } from '../contracts/feature-drift.js';
import type { UpstreamFault } from '../contracts/window-drift.js';
import { normalQuantile } from '../evaluation/distributions.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { numericDrift } from './numeric-drift.js';
import { UNIT_MAPS, type UnitMap } from './unit-maps.js';
import { findWindowFaults } from './upstream-faults.js';
import { pastsOf, staysWithin, timesTheUsual } from './usual-changes.js';

const ROWS = 400;
const SEED = 20130101;
const random = seededRandom(SEED);
const normal = (): number => normalQuantile(Math.min(Math.max(random(), 1e-9), 1 - 1e-9));
/** Values about a level. */
const around = (level: number, spread: number): Float64Array => Float64Array.from({ length: ROWS }, () => level + spread * normal());
const mapOf = (name: string) => UNIT_MAPS.find((map) => map.name === name)!;
const number = (limits: { min?: number; max?: number; maxMissing?: number } = {}): FeatureSpec => ({ name: 'x', type: 'number', maxMissing: 0, ...limits });

/** The days of a feature, of which only the last has what is to be told; the champion's baseline is the first ten together. */
class Days {
  private readonly baseline: Float64Array;

  constructor(private readonly days: readonly Float64Array[]) {
    this.baseline = Float64Array.from(days.slice(0, 10).flatMap((values) => [...values]));
  }

  told(last: Float64Array, { spec = number(), earlier = 26 } = {}): UpstreamFault[] {
    const reports = earlier === 0 ? [] : this.days.slice(-earlier).map((values) => ({ features: [this.besideBaseline(values)] }));
    return findWindowFaults([this.besideBaseline(last)], [this.change(last)], [spec], reports);
  }

  change(last: Float64Array): FeatureDrift {
    return numericDrift('x', this.days.at(-1)!, last);
  }

  besideBaseline(values: Float64Array): FeatureDrift {
    return numericDrift('x', this.baseline, values);
  }
}

const levels = (level: (day: number) => number, spread: number): Days => new Days(Array.from({ length: 40 }, (_, day) => around(level(day), spread)));
/** Degrees of the wind: it turns over the whole circle within ten days, and is northerly on the last one. */
const WIND = levels((day) => 15 + (320 * ((day * 7 + 7) % 10)) / 9, 4);
/** Degrees Fahrenheit in spring. */
const AIR = levels((day) => 50 + day / 4 + 5 * normal(), 4);
const PRESSURE = levels(() => 1_010 + 6 * normal(), 2);
const units = (faults: readonly UpstreamFault[]): (string | null)[] => faults.map(({ unit }) => unit);

describe(`a change of a feature that moves by itself (seed ${SEED})`, () => {
  it('is no change of a unit where days before were as far apart', () => {
    const west = around(288, 4);
    expect(units(WIND.told(west))).toEqual([]);
    // Beside a history of calm winds the same day is told.
    expect(units(levels(() => 15 + normal(), 4).told(west))).toEqual(['Celsius to Kelvin']);
  });

  it('is one where it is far beyond what days before did', () => {
    expect(units(AIR.told(around(60, 4).map((value) => (value - 32) / 1.8)))).toEqual(['Fahrenheit to Celsius']);
    expect(units(AIR.told(around(68, 4)))).toEqual([]);
  });

  it('by a thousand is told of a day that lies elsewhere than the one before too', () => {
    // Five deviations of a day from the one before it, which no map within its shape leaves.
    const elsewhere = PRESSURE.change(around(1_010, 2)).baseline.mean! + 10;
    expect(units(PRESSURE.told(around(elsewhere, 2).map((value) => value * 1_000)))).toEqual(['times 10^3']);
  });

  it('is held against the width of the baseline while few windows are known', () => {
    expect(units(WIND.told(around(288, 4), { earlier: 0 }))).toEqual([]);
    expect(units(AIR.told(around(60, 4).map((value) => (value - 32) / 1.8), { earlier: 5 }))).toEqual(['Fahrenheit to Celsius']);
  });

  it('is never told of honest days, however much the feature moves from one to the next', () => {
    for (const spread of [0.02, 0.1, 0.3, 0.8]) {
      const days = Array.from({ length: 70 }, () => around(100 * Math.exp(spread * normal()), 4));
      const reports = days.map((values) => ({ features: [numericDrift('x', days[0]!, values)] }));
      for (let day = 30; day < days.length; day++) {
        const change = numericDrift('x', days[day - 1]!, days[day]!);
        expect(findWindowFaults(reports[day]!.features, [change], [number()], reports.slice(day - 26, day)), `${spread} ${day}`).toEqual([]);
      }
    }
  });
});

describe('times the usual', () => {
  /** A ramp of numbers, of one range on all days. */
  const ramp = (level: number): Float64Array => Float64Array.from({ length: ROWS }, (_, row) => level + row / ROWS);
  const alternating = Array.from({ length: 27 }, (_, day) => ramp(day % 2 === 0 ? 10 : 11));
  const reports = alternating.map((values) => ({ features: [numericDrift('x', alternating[0]!, values)] }));
  const timesOf = (map: string | UnitMap, last: Float64Array): number =>
    timesTheUsual(typeof map === 'string' ? mapOf(map) : map, numericDrift('x', alternating.at(-1)!, last), pastsOf([numericDrift('x', alternating[0]!, last)], reports).get('x')!);

  it('are the change over Student’s quantile of the changes before, on the scale where the map adds', () => {
    const middle = (ROWS - 1) / ROWS / 2;
    // One value has no range, so that the mean alone tells; all 26 changes of ln(mean) are as large. scipy.stats.t.ppf(1 - 1e-4 / 2, 26).
    const usual = 4.586984347627752 * Math.log((11 + middle) / (10 + middle));
    expect(timesOf('times 10^3', new Float64Array(ROWS).fill(1_000 * (10 + middle)))).toBeCloseTo(Math.log(1_000) / usual, 9);
  });

  it('are 0 of a map that leaves more than the usual, or that does less', () => {
    expect(timesOf('times 10^2', ramp(10).map((value) => value * 1_000))).toBe(0);
    expect(timesOf('miles to kilometres', new Float64Array(ROWS).fill(1.1 * 1.609344 * 10))).toBeGreaterThan(1);
    expect(timesOf('US gallons to litres', ramp(11))).toBe(0);
    // ln 1.5 is usual here, though the change, ln 1.77, is not.
    expect(timesOf({ name: 'half as much more', offset: 0, scale: 1.5 }, new Float64Array(ROWS).fill(1.1 * 1.609344 * 10))).toBe(0);
  });
});

describe('declared limits', () => {
  it('rule out a map whose values lay outside of them', () => {
    const calm = levels(() => 100 + normal(), 8);
    const turned = around(373, 8);
    expect(units(calm.told(turned))).toEqual(['Celsius to Kelvin']);
    expect(units(calm.told(turned, { spec: number({ min: 0, max: 360 }) }))).toEqual(['Celsius to Kelvin']);
    expect(units(calm.told(turned, { spec: number({ min: 0, max: 80 }) }))).toEqual([]);
    const window = calm.change(turned).window;
    expect([staysWithin({ min: 95 }, mapOf('Celsius to Kelvin'), window), staysWithin({ min: 0 }, mapOf('Celsius to Kelvin'), window), staysWithin({}, mapOf('Celsius to Kelvin'), window)]).toEqual([false, true, true]);
  });
});

describe('what a feature did before', () => {
  it('is not frozen: rain that failed on an earlier day too', () => {
    const rain = (): Float64Array => Float64Array.from({ length: ROWS }, () => (random() < 0.7 ? random() : 0));
    const dry = new Float64Array(ROWS);
    const days = (second: Float64Array) => new Days(Array.from({ length: 30 }, (_, day) => (day === 12 ? second : rain())));
    expect(days(rain()).told(dry).map(({ kind }) => kind)).toEqual(['frozen']);
    expect(days(dry).told(dry)).toEqual([]);
  });

  it('is not missing: a gauge that was silent on an earlier day too', () => {
    const silent = (share: number): Float64Array => around(1_010, 5).map((value) => (random() < share ? NaN : value));
    const days = (share: number) => new Days(Array.from({ length: 30 }, (_, day) => silent(day === 12 ? share : 0.1)));
    const spec = number({ maxMissing: 0.3 });
    expect(days(0.1).told(silent(0.75), { spec }).map(({ kind }) => kind)).toEqual(['missing']);
    expect(days(0.7).told(silent(0.75), { spec })).toEqual([]);
  });
});

describe('a window after one around a promotion', () => {
  /** Half of the rows. */
  const silent = (share: number): Float64Array => around(1_010, 5).map((value, row) => (row < share * ROWS ? NaN : value));
  const baseline = around(1_010, 5);
  const [mixed, last] = [silent(0.5), silent(0.45)];
  const toldBeside = (before: Float64Array, earlier: readonly Pick<FeatureDrift, 'notTaken'>[]): string[] =>
    findWindowFaults([numericDrift('x', baseline, last)], [numericDrift('x', before, last)], [number()], earlier.map((more) => ({ features: [{ ...numericDrift('x', baseline, mixed), ...more }] }))).map(({ kind }) => kind);
  const notTaken = { rows: ROWS / 2, missing: ROWS / 2 };

  it('may not lack what rows there lacked that a version without the feature answered', () => {
    expect(toldBeside(mixed, [{ notTaken }])).toEqual(['missing']);
    expect(toldBeside(baseline, [{ notTaken }])).toEqual(['missing']);
    // As when those rows had the feature, and lacked it by themselves.
    expect([toldBeside(mixed, [{}]), toldBeside(baseline, [{}])]).toEqual([[], []]);
  });
});

describe('a window after one without the values of a feature', () => {
  const named = (name: string, drift: FeatureDrift): FeatureDrift => ({ ...drift, name });
  const spec: FeatureSpec[] = [{ ...number(), name: 'known' }, { ...number(), name: 'added' }];
  const [before, baseline] = [around(1_010, 5), around(1_010, 5)];
  /** Of a feature that a new champion added, the other being honest; `earlier` tells what the window before has of it. */
  const toldOf = (last: Float64Array, earlier: readonly FeatureDrift[] = []): string[] => {
    const honest = around(1_010, 5);
    const features = [named('known', numericDrift('x', baseline, honest)), named('added', numericDrift('x', baseline, last))];
    return findWindowFaults(features, [named('known', numericDrift('x', before, honest)), ...earlier], spec, []).map(({ kind, features: names }) => `${kind} ${names.join()}`);
  };
  const thousandfold = (): Float64Array => around(1_010, 5).map((value) => value * 1_000);
  const silent = new Float64Array(ROWS).fill(NaN);

  it('has no fault for a feature that a new champion added', () => {
    expect(toldOf(around(1_010, 5))).toEqual([]);
  });

  it('is told from the baseline where that feature is at fault', () => {
    expect(toldOf(thousandfold())).toEqual(['unitChange added']);
    expect(toldOf(silent)).toEqual(['missing added']);
    // Of a file with rows of both champions the window before has the column, and no value in it.
    expect(toldOf(thousandfold(), [named('added', numericDrift('x', silent, thousandfold()))])).toEqual(['unitChange added']);
  });

  it('is told from the baseline where the one before had no inputs', () => {
    for (const [last, told] of [[thousandfold(), 'unitChange'], [silent, 'missing']] as const) {
      const features = [numericDrift('x', baseline, last)];
      for (const changes of [[], [numericDrift('x', new Float64Array(0), last)]]) expect(findWindowFaults(features, changes, [number()], []).map(({ kind }) => kind)).toEqual([told]);
    }
  });

  it('lacks a feature that neither has', () => {
    const honest = around(1_010, 5);
    const faults = findWindowFaults([named('known', numericDrift('x', baseline, honest))], [named('known', numericDrift('x', before, honest))], spec, []);
    expect(faults.map(({ kind, features }) => [kind, features])).toEqual([['schema', ['added']]]);
  });
});
