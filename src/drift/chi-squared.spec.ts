import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stirlingRemainder } from '../evaluation/distributions.js';
import { type ChiSquaredResult, chiSquaredTail, chiSquaredTest } from './chi-squared.js';

type Known = [x: number, degrees: number, tail: number];

const reference = JSON.parse(readFileSync(new URL('./reference/two-sample.json', import.meta.url), 'utf8')) as {
  chiSquaredTails: Known[];
  chiSquaredExact: Known[];
  tables: { name: string; reference: number[]; current: number[]; test: ChiSquaredResult | null }[];
};

describe('the tail of the chi-squared distribution', () => {
  it('equals scipy.stats.chi2.sf', () => {
    expect(Math.min(...reference.chiSquaredTails.map(([, , tail]) => tail))).toBeLessThan(1.01e-250);
    for (const [x, degrees, expected] of reference.chiSquaredTails) {
      const found = chiSquaredTail(x, degrees);
      expect(Math.abs(found / expected - 1), `x ${x}, ${degrees} degrees: ${found} for ${expected}`).toBeLessThan(1e-10);
    }
  });

  it('equals sums in 60 digits more closely', () => {
    for (const [x, degrees, expected] of reference.chiSquaredExact) {
      const found = chiSquaredTail(x, degrees);
      expect(Math.abs(found / expected - 1), `x ${x}, ${degrees} degrees: ${found} for ${expected}`).toBeLessThan(1e-12);
    }
  });

  it('is 1 up to 0 and 0 at infinity', () => {
    for (const degrees of [1, 2, 10_000]) {
      expect(chiSquaredTail(-1, degrees)).toBe(1);
      expect(chiSquaredTail(0, degrees)).toBe(1);
      expect(chiSquaredTail(Infinity, degrees)).toBe(0);
      expect(chiSquaredTail(1e300, degrees)).toBe(0);
    }
  });

  it('refuses what has no distribution', () => {
    for (const degrees of [0, -1, NaN, Infinity]) expect(() => chiSquaredTail(1, degrees)).toThrow(RangeError);
    expect(() => chiSquaredTail(NaN, 1)).toThrow(RangeError);
  });
});

describe("Pearson's test equals scipy.stats.chi2_contingency", () => {
  it.each(reference.tables.map((known) => [known.name, known] as const))('%s', (_, known) => {
    const found = chiSquaredTest(known.reference, Float64Array.from(known.current));
    if (!known.test || !found) return expect(found).toBe(known.test);
    expect(found.degreesOfFreedom).toBe(known.test.degreesOfFreedom);
    expect(Math.abs(found.statistic - known.test.statistic)).toBeLessThan(1e-12 * Math.max(1, known.test.statistic));
    expect(Math.abs(found.pValue - known.test.pValue)).toBeLessThanOrEqual(1e-9 * known.test.pValue);
  });

  it('refuses counts that are none, and rows of unequal length', () => {
    for (const count of [-1, NaN, Infinity]) {
      expect(() => chiSquaredTest([1, count], [1, 2])).toThrow(RangeError);
      expect(() => chiSquaredTest([1, 2], [count, 2])).toThrow(RangeError);
    }
    expect(() => chiSquaredTest([1, 2], [1, 2, 3])).toThrow(/2 categories cannot be compared with 3/);
  });
});

it("what Stirling's formula leaves gives back factorials on both sides of the change of method", () => {
  for (const x of [1, 2, 14, 15, 16, 20]) {
    let factorial = 1;
    for (let factor = 2; factor <= x; factor++) factorial *= factor;
    expect(Math.abs((Math.sqrt(2 * Math.PI * x) * (x / Math.E) ** x * Math.exp(stirlingRemainder(x))) / factorial - 1)).toBeLessThan(1e-13);
  }
});
