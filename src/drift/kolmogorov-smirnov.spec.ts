import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kolmogorovSmirnovPValue, kolmogorovSmirnovStatistic } from './kolmogorov-smirnov.js';

type Written = (number | string)[];
type Known = [n: number, m: number, statistic: number, pValue: number];

const reference = JSON.parse(readFileSync(new URL('./reference/two-sample.json', import.meta.url), 'utf8')) as {
  pathShares: Known[];
  smallSamples: { name: string; reference: Written; current: Written; statistic: number; pValue: number }[];
  largeSamples: Known[];
};

const columnOf = (values: Written): Float64Array => Float64Array.from(values, Number);

describe('two small samples, as scipy.stats.ks_2samp has them', () => {
  it.each(reference.smallSamples.map((known) => [known.name, known] as const))('%s', (_, known) => {
    const [before, now] = [columnOf(known.reference), columnOf(known.current)];
    const statistic = kolmogorovSmirnovStatistic(before, now);
    expect(Math.abs(statistic - known.statistic)).toBeLessThanOrEqual(1e-15);
    expect(kolmogorovSmirnovStatistic(now, before)).toBe(statistic);
    expect(Math.abs(kolmogorovSmirnovPValue(statistic, before.length, now.length) / known.pValue - 1)).toBeLessThan(1e-12);
  });

  it('has no statistic without rows, or of NaN', () => {
    const [none, one, unknown] = [new Float64Array(0), Float64Array.of(1), Float64Array.of(1, NaN)];
    for (const [before, now] of [[none, one], [one, none], [none, none], [one, unknown], [unknown, one]] as const) {
      expect(() => kolmogorovSmirnovStatistic(before, now)).toThrow(RangeError);
    }
  });
});

describe('p-values', () => {
  it('equal shares of lattice paths in whole numbers, however small', () => {
    expect(Math.min(...reference.pathShares.map(([, , , share]) => share))).toBeLessThan(1e-80);
    for (const [n, m, statistic, share] of reference.pathShares) {
      for (const found of [kolmogorovSmirnovPValue(statistic, n, m), kolmogorovSmirnovPValue(statistic, m, n)]) {
        expect(Math.abs(found / share - 1), `${n} and ${m} rows, ${statistic}: ${found} for ${share}`).toBeLessThan(1e-13);
      }
    }
  });

  it.each(reference.largeSamples)('equal scipy.stats.ks_2samp for %d and %d rows', (n, m, statistic, expected) => {
    const found = kolmogorovSmirnovPValue(statistic, n, m);
    expect(Math.abs(found - expected), `${found} for ${expected}`).toBeLessThan(1e-9);
    if (expected > 1e-305 && expected < 0.01) expect(Math.abs(found / expected - 1), `${found} for ${expected}`).toBeLessThan(1e-9);
  });

  it('is 1 for samples that do not differ', () => {
    for (const n of [1, 7, 10_000, 10_001, 1e9]) expect(kolmogorovSmirnovPValue(0, n, 3)).toBe(1);
  });

  it('refuses statistics and samples that do not exist', () => {
    for (const statistic of [-0.1, 1.1, NaN]) expect(() => kolmogorovSmirnovPValue(statistic, 5, 5)).toThrow(RangeError);
    for (const rows of [0, -3, 2.5, NaN, Infinity]) {
      expect(() => kolmogorovSmirnovPValue(0.5, rows, 5)).toThrow(RangeError);
      expect(() => kolmogorovSmirnovPValue(0.5, 5, rows)).toThrow(RangeError);
    }
  });
});
