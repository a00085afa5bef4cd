import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { countLimit, distanceLimit, gapLimit, indexLimit } from './chance-limits.js';
import { chiSquaredLimit, chiSquaredTail } from './chi-squared.js';
import { hypergeometricChance, hypergeometricTail, visitChances } from './hypergeometric.js';
import { kolmogorovSmirnovPValue } from './kolmogorov-smirnov.js';

type Numbers<Count extends number, Found extends number[] = []> = Found['length'] extends Count ? Found : Numbers<Count, [...Found, number]>;
interface Binned {
  readonly name: string;
  readonly baseline: number[];
  readonly window: number[];
  readonly alpha: number;
  readonly psi: number;
  readonly jensenShannon: number;
}

const reference = JSON.parse(readFileSync(new URL('./reference/chance-limits.json', import.meta.url), 'utf8')) as {
  chiSquared: Numbers<3>[];
  hypergeometric: Numbers<6>[];
  binned: Binned[];
  countLimits: Numbers<5>[];
};

const expectNear = (found: number, expected: number, what: string): void => expect(Math.abs(found / expected - 1), `${what}: ${found} for ${expected}`).toBeLessThan(1e-9);

describe('the distributions behind the limits equal SciPy', () => {
  it('chi2.isf', () => {
    for (const [chance, degrees, expected] of reference.chiSquared) expectNear(chiSquaredLimit(chance, degrees), expected, `${chance} of ${degrees} degrees`);
    for (const chance of [0, 1, -1, NaN]) expect(() => chiSquaredLimit(chance, 3)).toThrow(RangeError);
    expect(chiSquaredTail(chiSquaredLimit(0.03, 7), 7)).toBeCloseTo(0.03, 14);
  });

  it('hypergeom', () => {
    for (const [rows, marked, drawn, y, chance, tail] of reference.hypergeometric) {
      const draw = { rows, marked, drawn };
      expectNear(hypergeometricChance(draw, y), chance, `${y} of ${JSON.stringify(draw)}`);
      expectNear(hypergeometricTail(draw, y), tail, `${y} or more of ${JSON.stringify(draw)}`);
    }
  });

  it('and the chances that are visited are all that there are', () => {
    for (const draw of [{ rows: 10, marked: 4, drawn: 3 }, { rows: 10, marked: 9, drawn: 8 }, { rows: 10, marked: 10, drawn: 4 }, { rows: 5_000, marked: 1, drawn: 4_999 }, { rows: 90_000, marked: 30_000, drawn: 20_000 }]) {
      let [sum, mean] = [0, 0];
      visitChances(draw, (y, chance) => [sum, mean] = [sum + chance, mean + y * chance]);
      expect(sum).toBeCloseTo(1, 10);
      expect(mean / ((draw.marked * draw.drawn) / draw.rows)).toBeCloseTo(1, 10);
    }
  });
});

describe('what distances over bins come to by chance', () => {
  it.each(reference.binned.map((known) => [known.name, known.alpha, known] as const))('%s, alpha %d: equals the moments that are summed with SciPy', (name, alpha, known) => {
    expectNear(indexLimit(known.baseline, known.window, alpha)!, known.psi, name);
    expectNear(distanceLimit(known.baseline, known.window, alpha)!, known.jensenShannon, name);
  });

  it('is (1/n + 1/m) times a quantile of chi-squared where bins are well filled', () => {
    const [n, m] = [1e7, 3e6];
    const [baseline, window] = [new Float64Array(10).fill(n / 10), new Float64Array(10).fill(m / 10)];
    const plain = (1 / n + 1 / m) * chiSquaredLimit(0.05, 9);
    expect(indexLimit(baseline, window, 0.05)! / plain).toBeCloseTo(1, 4);
    expect(distanceLimit(baseline, window, 0.05)! / Math.sqrt(plain / (8 * Math.LN2))).toBeCloseTo(1, 4);
  });

  it('is not known for one bin, and without rows', () => {
    for (const [baseline, window] of [[[5], [7]], [[5, 0], [7, 0]], [[0, 0], [3, 4]], [[3, 4], [0, 0]], [[], []]] as const) {
      expect(indexLimit(baseline, window, 0.05)).toBeNull();
      expect(distanceLimit(baseline, window, 0.05)).toBeNull();
    }
  });
});

describe('what other figures come to by chance', () => {
  it('is for counts the most that fisher_exact does not find more frequent', () => {
    for (const [inBaseline, baseline, window, alpha, expected] of reference.countLimits) {
      expect(countLimit(inBaseline, { baseline, window }, alpha), `${inBaseline} of ${baseline}, ${window} rows, alpha ${alpha}`).toBe(expected);
    }
    expect(countLimit(3_000_000, { baseline: 12_000_000, window: 12_000_000 }, 0.05) / 12_000_000).toBeCloseTo(0.25 + 1.6449 * Math.sqrt((0.25 * 0.75) / 6_000_000), 6);
  });

  it('is for the Kolmogorov-Smirnov statistic where its p-value is alpha, or a little more', () => {
    for (const [baseline, window] of [[200, 200], [9_000, 700], [50_000, 40_000]] as const) {
      for (const alpha of [0.05, 0.001]) {
        const pValue = kolmogorovSmirnovPValue(gapLimit({ baseline, window }, alpha), baseline, window);
        expect(pValue / alpha, `${baseline} and ${window} rows: ${pValue}`).toBeGreaterThan(0.75);
        expect(pValue / alpha, `${baseline} and ${window} rows: ${pValue}`).toBeLessThan(1.05);
      }
    }
    expect(gapLimit({ baseline: 1, window: 1 }, 0.05)).toBe(1);
  });
});
