import type { Estimate } from '../contracts/verdict.js';
import { criticalValue } from '../evaluation/distributions.js';

/** Two rows always lie on a line. */
const FEWEST = 3;

/**
 * Pearson's correlation with Fisher's interval tanh(artanh r ± z ÷ √(n − 3)), as scipy.stats.pearsonr has both (Fisher 1921).
 * @param ys as long as `xs`, numbers both
 * @returns null for fewer than three rows and where a column is constant; bounds are null for three rows, and where all lie on a line
 */
export const pearson = (xs: Float64Array, ys: Float64Array, alpha: number): Estimate | null => correlation(xs, ys, alpha, () => 1);

/**
 * Spearman's rank correlation, ties sharing their mean rank, as scipy.stats.spearmanr has it; its interval is Fisher's with the variance (1 + r² ÷ 2) ÷ (n − 3) of Bonett & Wright 2000,
 * "Sample Size Requirements for Estimating Pearson, Kendall and Spearman Correlations".
 */
export const spearman = (xs: Float64Array, ys: Float64Array, alpha: number): Estimate | null => correlation(meanRanks(xs), meanRanks(ys), alpha, (r) => 1 + r ** 2 / 2);

/** @param inflation of the variance of artanh r over 1 ÷ (n − 3) */
function correlation(xs: Float64Array, ys: Float64Array, alpha: number, inflation: (r: number) => number): Estimate | null {
  const n = xs.length;
  if (n < FEWEST || isConstant(xs) || isConstant(ys)) return null;
  const [one, other] = [unitDeviations(xs), unitDeviations(ys)];
  const value = Math.max(-1, Math.min(1, one.reduce((sum, x, row) => sum + x * other[row]!, 0)));
  if (n === FEWEST || Math.abs(value) === 1) return { value, low: null, high: null };
  const [middle, reach] = [Math.atanh(value), criticalValue(alpha) * Math.sqrt(inflation(value) / (n - 3))];
  return { value, low: Math.tanh(middle - reach), high: Math.tanh(middle + reach) };
}

const isConstant = (values: Float64Array): boolean => values.every((value) => value === values[0]);

/** From the mean, so that their squares sum to 1; taken apart by their size, so that no square is lost. */
function unitDeviations(values: Float64Array): Float64Array {
  const mean = meanOf(values);
  const deviations = values.map((value) => value - mean);
  const largest = deviations.reduce((most, deviation) => Math.max(most, Math.abs(deviation)), 0);
  const scaled = deviations.map((deviation) => deviation / largest);
  const length = Math.sqrt(scaled.reduce((sum, deviation) => sum + deviation ** 2, 0));
  return scaled.map((deviation) => deviation / length);
}

/** From 1; values that tie have the mean of their ranks. */
function meanRanks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((one, other) => values[one]! - values[other]!);
  const ranks = new Float64Array(values.length);
  for (let from = 0, until = 0; from < order.length; from = until) {
    while (until < order.length && values[order[until]!] === values[order[from]!]) until += 1;
    for (let place = from; place < until; place++) ranks[order[place]!] = (from + 1 + until) / 2;
  }
  return ranks;
}

/**
 * The mean of one sample less that of another, with Welch's interval (1947) as scipy.stats.ttest_ind(equal_var=False) has it.
 * @returns null where a sample has no row; bounds are null where one has a single row, and where neither shows any spread
 */
export function welchDifference(ones: Float64Array, others: Float64Array, alpha: number): Estimate | null {
  if (ones.length === 0 || others.length === 0) return null;
  const value = meanOf(ones) - meanOf(others);
  if (ones.length === 1 || others.length === 1 || (isConstant(ones) && isConstant(others))) return { value, low: null, high: null };
  const [one, other] = [ones, others].map((values) => varianceOfMean(values)) as [number, number];
  const degrees = (one + other) ** 2 / (one ** 2 / (ones.length - 1) + other ** 2 / (others.length - 1));
  const reach = criticalValue(alpha, degrees) * Math.sqrt(one + other);
  return { value, low: value - reach, high: value + reach };
}

function varianceOfMean(values: Float64Array): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1) / values.length;
}

export const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
