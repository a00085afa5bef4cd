import { describe, expect, it } from 'vitest';
import { calibrationNeed, expectedCalibrationError } from './calibration-need.js';
import { calibrate, fitIsotonicCalibration } from './isotonic-calibration.js';
import { numbers, readLabelFreeReference } from './label-free-fixture.js';
import { seededDraws } from './seeded-draws.js';

const reference = readLabelFreeReference();

const expectAll = (found: ArrayLike<number>, expected: readonly number[], what: string): void => {
  expect(found.length, what).toBe(expected.length);
  expected.forEach((value, index) => expect(Math.abs(found[index]! - value), `${what} ${index}: ${found[index]} for ${value}`).toBeLessThan(1e-12));
};

describe('isotonic calibration equals scikit-learn', () => {
  it.each(reference.isotonic.map((known) => [known.name, known] as const))('%s', (_, known) => {
    const fitted = fitIsotonicCalibration(numbers(known.scores), numbers(known.labels));
    expectAll(fitted.scores, known.points, 'point');
    expectAll(fitted.values, known.values, 'value');
    expectAll(calibrate(fitted, numbers(known.at)), known.calibrated, 'calibrated');
  });

  it('survives JSON, clips what lies beyond, and leaves NaN as it is', () => {
    const fitted = fitIsotonicCalibration(Float64Array.of(0.2, 0.4, 0.8), Float64Array.of(0, 0.5, 1));
    const read = JSON.parse(JSON.stringify(fitted)) as typeof fitted;
    expect([...calibrate(read, Float64Array.of(-Infinity, 0.3, Infinity, NaN))]).toEqual([0, expect.closeTo(0.25, 12), 1, NaN]);
  });

  it('fits nothing to no rows or to unequal lengths', () => {
    expect(() => fitIsotonicCalibration(new Float64Array(0), new Float64Array(0))).toThrow(RangeError);
    expect(() => fitIsotonicCalibration(new Float64Array(2), new Float64Array(3))).toThrow(/2 scores and 3 labels/);
  });
});

describe('the decision to calibrate', () => {
  it.each(reference.need.map((known) => [known.name, known] as const))("sees NannyML's calibration errors: %s", (_, known) => {
    const need = calibrationNeed(numbers(known.probabilities), numbers(known.labels));
    for (const key of ['errorBefore', 'errorAfter'] as const) {
      if (known[key] === null) expect(need[key], key).toBeNull();
      else expect(Math.abs(need[key]! - known[key]), key).toBeLessThan(1e-12);
    }
    // Closer errors NannyML decides by the order in which tied rows happen to be sorted.
    const clear = known.errorBefore === null || Math.abs(known.errorBefore - known.errorAfter!) > 0.012;
    if (clear) expect(need.needed).toBe(known.nannyml ?? false);
  });

  it('is clear in most cases, in both directions', () => {
    const clear = reference.need.filter(({ errorBefore, errorAfter }) => errorBefore !== null && Math.abs(errorBefore - errorAfter!) > 0.012);
    expect(clear.length).toBeGreaterThan(12);
    expect(new Set(clear.map(({ nannyml }) => nannyml))).toEqual(new Set([true, false]));
  });

  it('does not hang on the order of tied rows', () => {
    const probabilities = Float64Array.from({ length: 40 }, (_, row) => Math.floor(row / 15) / 10);
    const labels = Float64Array.from({ length: 40 }, (_, row) => (row % 3 === 0 ? 1 : 0));
    const backwards = expectedCalibrationError(probabilities.toReversed(), labels.toReversed());
    expect(expectedCalibrationError(probabilities, labels)).toBeCloseTo(backwards, 14);
  });
});

describe("seeded draws equal NumPy's", () => {
  it.each(reference.permutations)('seed $seed', ({ seed, drawn, skipped, first }) => {
    const draws = seededDraws(seed);
    if (skipped !== undefined) {
      draws.skipPermutation(skipped);
      expect([...seededDraws(seed).permutation(skipped).subarray(0, first!.length)]).toEqual(first);
    }
    for (const order of drawn) expect([...draws.permutation(order.length)]).toEqual(order);
  });
});
