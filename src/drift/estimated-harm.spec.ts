import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { limitOfBlocks, sumBlocks } from './baseline-limit.js';
import { calibrateThreshold, type ErrorThreshold, flagRows, limitOfFlagged } from './estimated-harm.js';
import { harmFigures, harmOver, type HarmState, splitHarmDelta } from './harm-sequence.js';
import { seededRandom } from '../observations/testing/random-observations.js';

const reference = JSON.parse(readFileSync(new URL('./reference/estimated-harm.json', import.meta.url), 'utf8')) as {
  readonly estimated: {
    name: string; errors: (number | string)[]; estimates: (number | string)[]; minimumPrecision: number; threshold: ErrorThreshold | null;
  }[];
};
const numbers = (values: readonly (number | string)[]): Float64Array => Float64Array.from(values, Number);
const DAY = 86_400_000;

describe('the threshold of high errors equals the reference', () => {
  it.each(reference.estimated.map((known) => [known.name, known] as const))('%s', (_, { errors, estimates, minimumPrecision, threshold }) => {
    const found = calibrateThreshold({ errors: numbers(errors), estimates: numbers(estimates) }, minimumPrecision);
    if (!threshold || !found) return expect(found).toBe(threshold);
    for (const [figure, value] of Object.entries(threshold)) expect(found[figure as keyof ErrorThreshold], figure).toBeCloseTo(Number(value), 12);
  });

  it('has its precision and recall where rows are counted again', () => {
    const { errors, estimates } = reference.estimated.find(({ name }) => name === 'good estimates')!;
    const threshold = calibrateThreshold({ errors: numbers(errors), estimates: numbers(estimates) })!;
    const flags = flagRows(numbers(estimates), threshold);
    const high = numbers(errors).map((error) => (error > threshold.error ? 1 : 0));
    const count = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
    const hits = count(flags.map((flag, row) => flag * high[row]!));
    expect(threshold).toMatchObject({ flagged: count(flags) / flags.length, precision: hits / count(flags), recall: hits / count(high) });
  });

  it('does not depend on the order of the rows', () => {
    const { errors, estimates } = reference.estimated.find(({ name }) => name === 'ties')!;
    const straight = calibrateThreshold({ errors: numbers(errors), estimates: numbers(estimates) });
    expect(calibrateThreshold({ errors: numbers(errors).toReversed(), estimates: numbers(estimates).toReversed() })).toEqual(straight);
  });

  it('refuses errors and estimates of different rows', () => {
    expect(() => calibrateThreshold({ errors: new Float64Array(3), estimates: new Float64Array(2) })).toThrow(/3 errors have 2 estimates/);
  });
});

describe('flags', () => {
  it('are 1 above the threshold, 0 up to it, and nothing without an estimate', () => {
    expect([...flagRows(Float64Array.of(0.1, 0.2, 0.3, NaN, Infinity, -Infinity), { estimate: 0.2 })]).toEqual([0, 0, 1, NaN, 1, 0]);
  });

  it('have a limit that rows without an estimate are no part of', () => {
    const threshold: ErrorThreshold = { errorLevel: 0.9, error: 1, estimate: 0.5, flagged: 0.1, precision: 0.9, recall: 0.9 };
    expect(limitOfFlagged(Float64Array.of(0.1, 0.9, NaN, 0.2), threshold, 0.05)).toMatchObject({ dependence: 'rows', mean: 1 / 3 });
    expect(limitOfFlagged(Float64Array.of(NaN), threshold, 0.05)).toBeNull();
  });
});

describe('simulated production without labels (seed 3)', () => {
  /** Errors that depend on how hard a row is, and an estimator that sees most of it but is wrong in scale. */
  const draw = seededRandom(3);
  const rowsOf = (count: number, hardness: number): { errors: Float64Array; estimates: Float64Array } => {
    const hard = Float64Array.from({ length: count }, () => (draw() < hardness ? 0.4 + 0.3 * draw() : 0.1 * draw()));
    return { errors: hard.map((value) => Math.min(1, value * (0.5 + draw()))), estimates: hard.map((value) => 0.3 * value + 0.05 * draw()) };
  };
  const deltas = splitHarmDelta(0.1);

  const track = (dependence: 'rows' | 'blocks', hardness: (day: number) => number): HarmState => {
    const threshold = calibrateThreshold(rowsOf(2_000, 0.15))!;
    const { estimates } = rowsOf(4_000, 0.15);
    const days = Int32Array.from(estimates, (_, row) => Math.floor(row / 100));
    const limit = dependence === 'rows'
      ? limitOfFlagged(estimates, threshold, deltas.source)!
      : limitOfBlocks(sumBlocks(flagRows(estimates, threshold), days, 1), 0.35, deltas.source)!;
    const batches = Array.from({ length: 90 }, (_, day) => (
      { fromMs: day * DAY, untilMs: (day + 1) * DAY, losses: flagRows(rowsOf(100, hardness(day)).estimates, threshold) }));
    return harmOver({ limit, bound: 1, tolerance: 0.01, deltas }, 0, batches);
  };

  it.each(['rows', 'blocks'] as const)('raises no alarm where nothing is harder, and one soon after rows got harder: %s', (dependence) => {
    expect(track(dependence, () => 0.15).alarm).toBeNull();
    // Easier rows are a shift, too, and do no harm.
    expect(track(dependence, (day) => (day < 30 ? 0.15 : 0.05)).alarm).toBeNull();
    const harmed = track(dependence, (day) => (day < 30 ? 0.15 : 0.25));
    const [at, since] = [harmed.alarm?.atMs, harmed.alarm?.sinceMs].map((ms) => (ms ?? NaN) / DAY);
    console.log(`${dependence}: from 0.15 to 0.25 hard rows on day 30, found on day ${at}, since day ${since}`);
    expect(harmed.alarm!.atMs).toBeGreaterThan(30 * DAY);
    expect(harmed.alarm!.atMs).toBeLessThan(60 * DAY);
    expect(Math.abs(harmed.alarm!.sinceMs - 30 * DAY)).toBeLessThanOrEqual(7 * DAY);
    expect(harmFigures(harmed).rows).toBe(9_000);
  });
});
