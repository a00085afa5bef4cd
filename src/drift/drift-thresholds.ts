import type { DriftThreshold, DriftThresholds, FeatureDrift } from '../contracts/feature-drift.js';
import type { ShareThreshold } from '../contracts/window-assessment-report.js';
import { normalQuantile } from '../evaluation/distributions.js';
import { type ComparedRows, countLimit, distanceLimit, gapLimit, indexLimit } from './chance-limits.js';
import { OTHER_CATEGORIES } from './drift-columns.js';

/**
 * How large the figures of a feature may be by chance, were its values of the window drawn as those of the baseline were. Rows count as independent of each other: where those of a day
 * share their weather, figures are larger than that without any lasting change. No limit of the Wasserstein distance holds for every distribution: it has none.
 * @param alpha the chance, for each figure by itself, of one beyond its limit; below ½
 */
export function driftThresholds(feature: FeatureDrift, alpha: number): DriftThresholds {
  const { psi, jensenShannon, ks, baseline, window, bins } = feature;
  const rows = { baseline: baseline.rows, window: window.rows };
  const present = { baseline: baseline.rows - baseline.missing, window: window.rows - window.missing };
  return {
    alpha, psi: judged(psi, indexLimit(bins.baseline, bins.window, alpha)), jensenShannon: judged(jensenShannon, distanceLimit(bins.baseline, bins.window, alpha)),
    ks: ks && judged(ks.statistic, gapLimit(present, alpha), ks.error), wasserstein: null,
    missing: rows.baseline === 0 || rows.window === 0 ? null : judged(window.missing / window.rows, countLimit(baseline.missing, rows, alpha) / window.rows),
    newCategories: present.baseline === 0 || present.window === 0 ? null : newCategories(feature, present, alpha),
  };
}

/** A share of the baseline's rows: its half interval is what rows that share their fate in blocks leave open; null where that is not known. */
export interface BaselineShare {
  readonly rows: number;
  readonly share: number;
  readonly reach: number | null;
}

/**
 * Between which limits a share of the window's rows lies by chance, with the chance alpha beyond them: the prediction interval of a mean, as {@link metricThresholds} has it, but no narrower
 * than what {@link countLimit} leaves rows of which each is by itself.
 */
export function shareThreshold(measured: number, windowRows: number, { rows, share, reach }: BaselineShare, alpha: number): ShareThreshold {
  const [compared, count] = [{ baseline: rows, window: windowRows }, Math.round(share * rows)];
  const wider = (reach ?? 0) * Math.sqrt(1 + rows / windowRows);
  const low = Math.max(0, Math.min(share - wider, 1 - countLimit(rows - count, compared, alpha / 2) / windowRows));
  const high = Math.min(1, Math.max(share + wider, countLimit(count, compared, alpha / 2) / windowRows));
  return { low, high, verdict: measured < low || measured > high ? 'fail' : 'pass' };
}

/** @param error of the figure, that it cannot pass */
export function judged(figure: number | null, limit: number | null, error = 0): DriftThreshold | null {
  if (figure === null || limit === null) return null;
  return { limit, verdict: figure - error > limit ? 'fail' : figure + error > limit ? 'inconclusive' : 'pass' };
}

/**
 * Rows with a category that the baseline has not are expected as often as the baseline has categories of a single row (Good 1953). Their number is taken as that of rows of a kind of
 * which the baseline has so many, or by the variance of Good's estimate (Esty 1983, "A Normal Limit Law for a Nonparametric Estimator of the Coverage of a Random Sample") where that
 * reaches further. A single one is counted more than there are: rows of a rare category come several together, and in simulations that keeps the level down to two hundred rows.
 */
function newCategories({ bins: { categories, baseline }, newCategoryRows, window }: FeatureDrift, present: ComparedRows, alpha: number): DriftThreshold | null {
  // Of rarer texts it is not known which of them are new.
  if (categories === null || categories.includes(OTHER_CATEGORIES)) return null;
  const [singles, twice] = [1, 2].map((rows) => baseline.filter((count) => count === rows).length) as [number, number];
  const once = singles + 1;
  const share = once / present.baseline;
  const variance = (share * (1 - share) + (2 * twice) / present.baseline) / present.baseline + (share * (1 - share)) / present.window;
  const limit = Math.max(countLimit(once, present, alpha) / present.window, share + normalQuantile(1 - alpha) * Math.sqrt(variance));
  return judged(newCategoryRows / window.rows, Math.min(1, limit) * (present.window / window.rows));
}
