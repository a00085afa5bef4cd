import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kolmogorovTail } from './kolmogorov-distribution.js';

type Known = [n: number, d: number, tail: number];

const reference = JSON.parse(readFileSync(new URL('./reference/two-sample.json', import.meta.url), 'utf8')) as {
  oneSampleTails: Known[]; oneSampleExact: Known[];
};

/** The largest error of any case, and where it is. */
function worst(cases: readonly Known[], errorOf: (found: number, expected: number) => number): { error: number; at: string } {
  const errors = cases.map(([n, d, expected]) => {
    const found = kolmogorovTail(d, n);
    return { error: errorOf(found, expected), at: `n ${n}, d ${d}: ${found} for ${expected}` };
  });
  return errors.reduce((most, next) => (next.error > most.error || Number.isNaN(next.error) ? next : most));
}

describe('the tail of the one-sample Kolmogorov–Smirnov statistic', () => {
  it('equals scipy.stats.kstwo.sf', () => {
    expect(reference.oneSampleTails.length).toBeGreaterThan(700);
    const found = worst(reference.oneSampleTails, (tail, expected) => Math.abs(tail - expected));
    expect(found.error, found.at).toBeLessThan(1e-9);
  });

  it('equals it to 1e-9 of a small tail also, down to 1e-250', () => {
    const small = reference.oneSampleTails.filter(([, , tail]) => tail < 0.01 && tail > 1e-250);
    expect(small.length).toBeGreaterThan(150);
    const found = worst(small, (tail, expected) => Math.abs(tail / expected - 1));
    expect(found.error, found.at).toBeLessThan(1e-9);
  });

  it('equals whole-number arithmetic', () => {
    const found = worst(reference.oneSampleExact, (tail, expected) => Math.abs(tail - expected));
    expect(found.error, found.at).toBeLessThan(1e-13);
  });

  it('is certain up to half a row, and impossible from 1 on', () => {
    for (const n of [1, 2, 140, 141, 1e6, 1e9]) {
      expect(kolmogorovTail(-0.1, n)).toBe(1);
      expect(kolmogorovTail(0, n)).toBe(1);
      expect(kolmogorovTail(0.5 / n, n)).toBe(1);
      expect(kolmogorovTail(1, n)).toBe(0);
      expect(kolmogorovTail(Infinity, n)).toBe(0);
    }
  });

  it.each([2, 100, 1000, 6000, 1e5, 1e8])('falls from 1 to 0 in %d rows, but for the seams between the methods', (n) => {
    let before = 1;
    for (let z = 0.01; z < 6; z += 0.01) {
      const tail = kolmogorovTail(z / Math.sqrt(n), n);
      expect(tail).toBeGreaterThanOrEqual(0);
      expect(tail).toBeLessThanOrEqual(before + 1e-7);
      before = tail;
    }
    expect(before).toBeLessThan(1e-20);
  });

  it('refuses samples and statistics that do not exist', () => {
    for (const n of [0, -1, 1.5, NaN, Infinity]) expect(() => kolmogorovTail(0.1, n)).toThrow(RangeError);
    expect(() => kolmogorovTail(NaN, 10)).toThrow(RangeError);
  });
});
