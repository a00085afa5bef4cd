import { divergencePart, indexPart } from './binned-distance.js';
import { chiSquaredLimit } from './chi-squared.js';
import { type Draw, hypergeometricTail, visitChances } from './hypergeometric.js';

/** Rows of the baseline and of the window. */
export interface ComparedRows {
  readonly baseline: number;
  readonly window: number;
}

/** A distance that adds up over bins: what a bin with these shares adds, and its part of (q − p)² ÷ p where both are close. */
interface BinnedDistance {
  readonly part: (share: number, other: number) => number;
  readonly scale: number;
}

const INDEX: BinnedDistance = { part: indexPart, scale: 1 };
/** ½ KL(p ‖ m) + ½ KL(q ‖ m) ≈ Σ (q − p)² ÷ 8m, in units of ln 2. */
const DIVERGENCE: BinnedDistance = { part: divergencePart, scale: 1 / (8 * Math.LN2) };

/** What {@link populationStabilityIndex} exceeds with the chance alpha where both sides have the same distribution, as {@link limitOf} has it. */
export const indexLimit = (reference: ArrayLike<number>, current: ArrayLike<number>, alpha: number): number | null => limitOf(INDEX, reference, current, alpha);

/** The same of {@link jensenShannonDistance}. */
export function distanceLimit(reference: ArrayLike<number>, current: ArrayLike<number>, alpha: number): number | null {
  const limit = limitOf(DIVERGENCE, reference, current, alpha);
  return limit === null ? null : Math.sqrt(Math.min(1, limit));
}

/**
 * c χ²(ν) with the distance's own mean and variance (Satterthwaite 1946) when n + m rows with the bins' counts of both sides are dealt at random to a side of n and one of m. Where
 * bins are well filled that is (1/n + 1/m) χ²(B − 1) for PSI (Yurdakul & Naranjo 2020, "Statistical properties of the population stability index") and 1/(8 ln 2) of it for the
 * divergence; the mean and variance of bins of few rows are summed over their hypergeometric counts. What bins have to do with each other is taken as where they are well filled.
 * @returns null where fewer than two bins have rows, or a side has none
 */
function limitOf(distance: BinnedDistance, reference: ArrayLike<number>, current: ArrayLike<number>, alpha: number): number | null {
  const rows = { baseline: sumOf(reference), window: sumOf(current) };
  if (rows.baseline === 0 || rows.window === 0) return null;
  const both = Array.from({ length: reference.length }, (_, bin) => reference[bin]! + current[bin]!).filter((count) => count > 0);
  if (both.length < 2) return null;
  const all = rows.baseline + rows.window;
  const spread = distance.scale * (1 / rows.baseline + 1 / rows.window);
  const known = new Map<number, Moments>();
  let [mean, variance] = [0, 2 * spread ** 2 * (1 - both.reduce((sum, count) => sum + (count / all) ** 2, 0))];
  for (const count of both) {
    const moments = known.get(count) ?? momentsOf(distance, rows, count);
    known.set(count, moments);
    mean += moments.mean;
    variance += moments.variance;
  }
  return (variance / (2 * mean)) * chiSquaredLimit(alpha, (2 * mean ** 2) / variance);
}

interface Moments {
  readonly mean: number;
  readonly variance: number;
}

/** Of what a bin adds that has so many rows on both sides together. */
function momentsOf({ part }: BinnedDistance, { baseline, window }: ComparedRows, count: number): Moments {
  let [weight, sum, squares] = [0, 0, 0];
  visitChances({ rows: baseline + window, marked: count, drawn: window }, (inWindow, chance) => {
    const added = part((count - inWindow) / baseline, inWindow / window);
    weight += chance;
    sum += chance * added;
    squares += chance * added ** 2;
  });
  const mean = sum / weight;
  return { mean, variance: Math.max(0, squares / weight - mean ** 2) };
}

/** Of the two-sample Kolmogorov–Smirnov statistic: √(½ ln(2/alpha) (1/n + 1/m)), the first term of its limiting distribution (Smirnov 1939), which is too large rather than too small. */
export const gapLimit = ({ baseline, window }: ComparedRows, alpha: number): number => Math.min(1, Math.sqrt((Math.log(2 / alpha) / 2) * (1 / baseline + 1 / window)));

/**
 * The largest number of rows of a kind that a window has by chance, beside so many of the baseline's: the most that Fisher's exact test, one-sided, does not find more frequent in the
 * window (Thatcher 1964, "Relationships between Bayesian and Confidence Limits for Predictions"). A window has more with a chance of at most alpha, whatever the share.
 * @param alpha below ½
 */
export function countLimit(inBaseline: number, { baseline, window }: ComparedRows, alpha: number): number {
  const drawOf = (count: number): Draw => ({ rows: baseline + window, marked: inBaseline + count, drawn: window });
  // As frequent as on the baseline is never found more frequent.
  let [within, beyond] = [Math.floor((window * inBaseline) / baseline), window + 1];
  while (beyond - within > 1) {
    const middle = Math.floor((within + beyond) / 2);
    if (hypergeometricTail(drawOf(middle), middle) > alpha) within = middle;
    else beyond = middle;
  }
  return within;
}

function sumOf(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) sum += counts[bin]!;
  return sum;
}
