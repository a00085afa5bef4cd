import { describe, expect, it } from 'vitest';
import type { DriftThresholds, FeatureDrift } from '../contracts/feature-drift.js';
import { meanEstimate } from '../evaluation/metrics.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { categoryDrift, type CategoryProfile } from './category-drift.js';
import { OTHER_CATEGORIES } from './drift-columns.js';
import { driftThresholds, shareThreshold } from './drift-thresholds.js';
import { numericDrift } from './numeric-drift.js';

const SEED = 20261123;
type Figure = Exclude<keyof DriftThresholds, 'alpha'>;
const FIGURES: readonly Figure[] = ['psi', 'jensenShannon', 'ks', 'wasserstein', 'missing', 'newCategories'];

/** Bell-shaped, with a few rows missing. */
const numbers = (random: () => number, rows: number, shift: number): Float64Array => Float64Array.from({ length: rows }, () => {
  if (random() < 0.02 + shift / 6) return NaN;
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()) + shift;
});

/** Eight values, the lowest ones the most frequent, so that deciles fall together. */
const tied = (random: () => number, rows: number, shift: number): Float64Array => Float64Array.from({ length: rows }, () => Math.floor(8 * (random() * (1 - shift)) ** 2));

/** Categories by Zipf's law, the rarest ones a few in a million; with a shift some more that are new. */
function categories(random: () => number, rows: number, shift: number, among: number): CategoryProfile {
  const counts = new Map<string, number>();
  let missing = 0;
  for (let row = 0; row < rows; row++) {
    if (random() < 0.02 + shift / 6) {
      missing += 1;
      continue;
    }
    const value = random() < shift / 2 ? 'new' : `c${Math.floor(Math.exp(random() * Math.log(among)))}`;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return { counts, missing };
}

/** Rows of the baseline and of the window. */
const SIZES = [[200, 200], [1_000, 250], [300, 1_200]] as const;

const KINDS: readonly (readonly [string, readonly Figure[], (random: () => number, n: number, m: number, shift: number) => FeatureDrift])[] = [
  ['numbers', ['psi', 'jensenShannon', 'ks', 'missing'], (random, n, m, shift) => numericDrift('x', numbers(random, n, 0), numbers(random, m, shift))],
  ['tied numbers', ['psi', 'jensenShannon', 'ks'], (random, n, m, shift) => numericDrift('x', tied(random, n, 0), tied(random, m, shift))],
  ['four categories', ['missing', 'newCategories'], (random, n, m, shift) => categoryDrift('x', categories(random, n, 0, 5), categories(random, m, shift, 5))],
  ['many categories', ['missing', 'newCategories'], (random, n, m, shift) => categoryDrift('x', categories(random, n, 0, 400), categories(random, m, shift, 400))],
];

describe(`what a figure may come to by chance (seed ${SEED})`, () => {
  it.each(KINDS.flatMap(([kind, shifted, draw], place) => SIZES.slice(place % 2, place % 2 + 2).map(([n, m]) => [kind, n, m, shifted, draw] as const)))(
    '%s, %d and %d rows: is passed in about one window in twenty where nothing has changed, and nearly always where something has', (_, n, m, shifted, draw) => {
      const random = seededRandom(SEED + n + m);
      const [alpha, windows, worse] = [0.05, 600, 40];
      const beyond = (shift: number, runs: number): Record<Figure, number> => {
        const counts = Object.fromEntries(FIGURES.map((figure) => [figure, 0])) as Record<Figure, number>;
        for (let run = 0; run < runs; run++) {
          const thresholds = driftThresholds(draw(random, n, m, shift), alpha);
          for (const figure of FIGURES) if (thresholds[figure]?.verdict === 'fail') counts[figure] += 1;
        }
        return counts;
      };
      // Three standard deviations of six hundred windows are 2.7 %.
      for (const [figure, count] of Object.entries(beyond(0, windows))) expect(count / windows, `${figure}: ${count}`).toBeLessThan(1.54 * alpha);
      const found = beyond(0.6, worse);
      for (const figure of shifted) expect(found[figure] / worse, figure).toBeGreaterThan(0.9);
    });

  it('is not passed too seldom either by the distances over bins, of which the level is alpha', () => {
    const random = seededRandom(SEED);
    const drawn = Array.from({ length: 600 }, () => driftThresholds(numericDrift('x', numbers(random, 500, 0), numbers(random, 400, 0)), 0.1));
    for (const figure of ['psi', 'jensenShannon', 'ks'] as const) {
      const share = drawn.filter((thresholds) => thresholds[figure]!.verdict === 'fail').length / drawn.length;
      expect(share, figure).toBeGreaterThan(0.063);
      expect(share, figure).toBeLessThan(0.137);
    }
  });
});

describe('figures that have none', () => {
  const one = Float64Array.of(1, 2, 3);
  const none = Float64Array.of(NaN, NaN);

  it('are those that are not defined, and the Wasserstein distance', () => {
    expect(driftThresholds(numericDrift('x', one, none), 0.05)).toEqual({
      alpha: 0.05, psi: null, jensenShannon: null, ks: null, wasserstein: null, newCategories: null, missing: { limit: 1, verdict: 'pass' },
    });
    expect(driftThresholds(numericDrift('x', one, new Float64Array(0)), 0.05).missing).toBeNull();
    expect(driftThresholds(numericDrift('x', one, one), 0.05).wasserstein).toBeNull();
    const constant = categoryDrift('x', { counts: new Map([['a', 50]]), missing: 0 }, { counts: new Map([['a', 40]]), missing: 0 });
    expect(driftThresholds(constant, 0.05)).toMatchObject({ psi: null, jensenShannon: null, newCategories: { verdict: 'pass' } });
  });

  it('are new categories where rarer texts were counted as one', () => {
    const texts = categoryDrift('x', { counts: new Map([['a', 50], [OTHER_CATEGORIES, 9]]), missing: 0 }, { counts: new Map([['a', 40], ['b', 30]]), missing: 0 });
    expect(driftThresholds(texts, 0.05).newCategories).toBeNull();
  });

  it('are not told beyond or within where a figure is known less closely', () => {
    const drift = numericDrift('x', one, one);
    const { limit } = driftThresholds(drift, 0.05).ks!;
    const verdictOf = (statistic: number): string => driftThresholds({ ...drift, ks: { statistic, error: 0.01, pValue: 0.5 } }, 0.05).ks!.verdict;
    expect([limit - 0.02, limit - 0.005, limit + 0.005, limit + 0.02].map(verdictOf)).toEqual(['pass', 'inconclusive', 'inconclusive', 'fail']);
  });
});

describe('between which limits a share lies by chance', () => {
  it('follows the interval on the baseline, however many rows its blocks have', () => {
    expect(shareThreshold(0.31, 500, { rows: 2_000, share: 0.2, reach: 0.05 }, 0.05)).toEqual({
      low: expect.closeTo(0.2 - 0.05 * Math.sqrt(5), 12) as number, high: expect.closeTo(0.2 + 0.05 * Math.sqrt(5), 12) as number, verdict: 'pass',
    });
    expect(shareThreshold(0.32, 500, { rows: 2_000, share: 0.2, reach: 0.05 }, 0.05).verdict).toBe('fail');
    expect(shareThreshold(0.08, 500, { rows: 2_000, share: 0.2, reach: 0.05 }, 0.05).verdict).toBe('fail');
  });

  it('is no narrower than rows by themselves leave it, and known where the baseline shows no spread', () => {
    const close = shareThreshold(0.2, 500, { rows: 2_000, share: 0.2, reach: 1e-6 }, 0.05);
    expect(close.high - 0.2).toBeCloseTo(1.96 * Math.sqrt((0.2 * 0.8) * (1 / 500 + 1 / 2_000)), 2);
    expect(shareThreshold(0.01, 500, { rows: 2_000, share: 0, reach: null }, 0.05)).toEqual({ low: 0, high: 2 / 500, verdict: 'fail' });
    expect(shareThreshold(1, 500, { rows: 2_000, share: 1, reach: null }, 0.05)).toEqual({ low: 1 - 2 / 500, high: 1, verdict: 'pass' });
  });

  it(`is left in about one window in twenty where days have a fate of their own, and nearly always after a shift (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const draw = (days: number, shift: number): { decided: Float64Array; blocks: Int32Array } => {
      const fates = Array.from({ length: days }, () => 0.2 + shift + 0.2 * (random() - 0.5));
      const decided = Float64Array.from({ length: days * 50 }, (_, row) => (random() < fates[Math.floor(row / 50)]! ? 1 : 0));
      return { decided, blocks: Int32Array.from(decided, (__, row) => Math.floor(row / 50)) };
    };
    const counts = { same: 0, alone: 0, moved: 0 };
    for (let run = 0; run < 600; run++) {
      const baseline = draw(40, 0);
      const { value, high } = meanEstimate(baseline.decided, baseline.blocks, 0.05)!;
      const [rows, reach] = [baseline.decided.length, high! - value];
      const verdictOf = (shift: number, known: number | null): string => {
        const { decided } = draw(7, shift);
        return shareThreshold(decided.reduce((sum, one) => sum + one, 0) / decided.length, decided.length, { rows, share: value, reach: known }, 0.05).verdict;
      };
      if (verdictOf(0, reach) === 'fail') counts.same += 1;
      if (verdictOf(0, null) === 'fail') counts.alone += 1;
      if (verdictOf(0.15, reach) === 'fail') counts.moved += 1;
    }
    expect(counts.same / 600).toBeLessThan(0.075);
    expect(counts.alone / 600).toBeGreaterThan(0.08);
    expect(counts.moved / 600).toBeGreaterThan(0.95);
  });
});
