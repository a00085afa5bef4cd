import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Estimate } from '../contracts/verdict.js';
import { pearson, spearman, welchDifference } from './correlations.js';

type Known = readonly [value: number, low: number | null, high: number | null];

const reference = JSON.parse(readFileSync(new URL('./reference/correlations.json', import.meta.url), 'utf8')) as {
  correlations: { name: string; xs: number[]; ys: number[]; alpha: number; pearson: Known; spearman: Known }[];
  differences: { name: string; ones: number[]; others: number[]; alpha: number; difference: Known }[];
};

/** @param size of what the figures were made from: rounding is of it */
function expectEqual(found: Estimate | null, [value, low, high]: Known, size = 1): void {
  for (const [end, expected] of [[found!.value, value], [found!.low, low], [found!.high, high]] as const) {
    if (expected === null) expect(end).toBeNull();
    else expect(Math.abs(end! - expected), `${end} for ${expected}`).toBeLessThan(1e-9 * size);
  }
}

describe('correlations equal SciPy', () => {
  it.each(reference.correlations.map((known) => [known.name, known.alpha, known] as const))('%s, alpha %d', (_, alpha, known) => {
    const [xs, ys] = [Float64Array.from(known.xs), Float64Array.from(known.ys)];
    expectEqual(pearson(xs, ys, alpha), known.pearson);
    expectEqual(spearman(xs, ys, alpha), known.spearman);
    expectEqual(spearman(ys, xs, alpha), known.spearman);
  });

  it('are not defined for fewer than three rows, and for a constant column', () => {
    const rising = Float64Array.of(1, 2, 3, 5);
    for (const correlation of [pearson, spearman]) {
      for (const [xs, ys] of [[rising, rising.map(() => 0.1)], [rising.map(() => 7), rising], [rising.slice(0, 2), rising.slice(1, 3)], [rising.slice(0, 0), rising.slice(0, 0)]] as const) {
        expect(correlation(xs, ys, 0.05)).toBeNull();
      }
      expect(correlation(rising, rising.map((value) => -value), 0.05)).toEqual({ value: -1, low: null, high: null });
    }
  });
});

describe('the difference of two means equals SciPy', () => {
  it.each(reference.differences.map((known) => [known.name, known.alpha, known] as const))('%s, alpha %d', (_, alpha, known) => {
    expectEqual(welchDifference(Float64Array.from(known.ones), Float64Array.from(known.others), alpha), known.difference, Math.max(1, ...known.ones) / 1e3 + 1);
  });

  it('has no interval for a single row and without any spread, and is not defined without rows', () => {
    expect(welchDifference(Float64Array.of(3), Float64Array.of(1, 2), 0.05)).toEqual({ value: 1.5, low: null, high: null });
    expect(welchDifference(Float64Array.of(3, 3), Float64Array.of(1, 1), 0.05)).toEqual({ value: 2, low: null, high: null });
    expect(welchDifference(new Float64Array(0), Float64Array.of(1, 1), 0.05)).toBeNull();
  });
});
