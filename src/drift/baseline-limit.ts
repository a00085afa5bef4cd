import { normalQuantile, studentQuantile } from '../evaluation/distributions.js';
import { lowerMean, lowerShare } from './lower-bounds.js';

/**
 * An upper confidence bound for the mean loss on the baseline: the U of Podkopaev & Ramdas, "Tracking the risk of a
 * deployed model and detecting harmful distribution shifts" (ICLR 2022), which production is held against.
 */
export type LossLimit = RowsLimit | BlocksLimit;

/** In the loss's unit. */
export interface RowsLimit {
  readonly dependence: 'rows';
  readonly mean: number;
  /** The bound: the mean lies above it with at most the chance delta. */
  readonly upper: number;
  /** The standard deviation of a row's loss. */
  readonly deviation: number;
}

export interface BlocksLimit {
  readonly dependence: 'blocks';
  /** The mean of the block means, each weighted by its rows, up to `blockRows` of them. */
  readonly mean: number;
  readonly upper: number;
  readonly deviation: number;
  /** The rows from which on a block has its full weight: the median of the baseline's blocks. */
  readonly blockRows: number;
  /** An upper confidence bound for the standard deviation of a block's weighted deviation from the mean. */
  readonly blockDeviation: number;
}

/** Rows and summed losses of each block; blocks without rows count for nothing. */
export interface BlockSums {
  readonly rows: Float64Array;
  readonly sums: Float64Array;
}

/** Of rows; the variance is the unbiased one. */
export interface LossSample {
  readonly rows: number;
  readonly mean: number;
  readonly variance: number;
}

/** Fewer blocks than this say too little of how much blocks differ. */
const FEWEST_BLOCKS = 8;

/**
 * From independent rows with losses in [0, bound]: Maurer & Pontil's empirical Bernstein bound (2009, theorem 4). It asks
 * nothing else of the losses.
 * @returns null for fewer than two rows, and where the sample is not finite
 */
export function limitOfRows({ rows, mean, variance }: LossSample, bound: number, delta: number): RowsLimit | null {
  if (!(rows >= 2 && Number.isFinite(mean) && Number.isFinite(variance))) return null;
  // The upper bound of a loss is what the lower bound of its distance from the worst leaves.
  const upper = bound - lowerMean({ rows, mean: bound - mean, variance }, bound, delta);
  return { dependence: 'rows', mean, upper, deviation: Math.sqrt(variance) };
}

/**
 * From independent losses that are 0 or 1, of which `count` are 1: Chernoff's bound (Hoeffding 1963, theorem 1), narrower
 * than the empirical Bernstein bound.
 * @returns null without rows
 */
export function limitOfShare(count: number, rows: number, delta: number): RowsLimit | null {
  if (rows === 0) return null;
  const mean = count / rows;
  return { dependence: 'rows', mean, upper: 1 - lowerShare(rows - count, rows, delta), deviation: Math.sqrt(mean * (1 - mean)) };
}

/**
 * From blocks whose rows share their fate, such as days their weather; blocks count as independent. A block of n rows and
 * mean Y has the weight c = min(1, n/blockRows), so that an hour of three rows says little and a day of ten times the traffic
 * no more than a day. The mean m is Σ c Y / Σ c, with the error of a ratio estimator (Cochran 1977, chapter 6):
 * upper = m + t_{1−δ/2, b−1} √(s²/b) b/Σ c, s² = Σ (c (Y − m))²/(b − 1). `blockDeviation` is √((b − 1) s²/χ²_{δ/2, b−1}),
 * the quantile by Wilson & Hilferty (1931), which is below the exact one. Both are asymptotic in the number b of blocks: exact
 * for normal block means, and too low for very skewed ones with b of a few tens.
 * @param delta of both bounds together
 * @param deviation the standard deviation of a row's loss, for the running mean
 * @returns null for fewer than eight blocks with rows, and where no block differs from the others
 */
export function limitOfBlocks({ rows, sums }: BlockSums, deviation: number, delta: number): BlocksLimit | null {
  const filled = rows.map((_, block) => block).filter((block) => rows[block]! > 0);
  const count = filled.length;
  if (count < FEWEST_BLOCKS) return null;
  const blockRows = median(filled.map((block) => rows[block]!));
  const weights = filled.map((block) => Math.min(1, rows[block]! / blockRows));
  const means = filled.map((block) => sums[block]! / rows[block]!);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = weights.reduce((sum, weight, at) => sum + weight * means[at]!, 0) / total;
  const variance = weights.reduce((sum, weight, at) => sum + (weight * (means[at]! - mean)) ** 2, 0) / (count - 1);
  const quantile = lowChiSquare(delta / 2, count - 1);
  if (!(variance > (1e-12 * mean) ** 2) || !(quantile > 0)) return null;
  const upper = mean + (studentQuantile(1 - delta / 2, count - 1) * Math.sqrt(variance * count)) / total;
  return { dependence: 'blocks', mean, upper, deviation, blockRows, blockDeviation: Math.sqrt((variance * (count - 1)) / quantile) };
}

/**
 * Adds up losses by block.
 * @param losses one per row; NaN, a row without label, is left out; more than `bound` counts as the bound
 * @param blocks of the same length: the block of each row, from 0
 */
export function sumBlocks(losses: Float64Array, blocks: Int32Array, bound: number): BlockSums {
  const count = blocks.reduce((largest, block) => Math.max(largest, block + 1), 0);
  const [rows, sums] = [new Float64Array(count), new Float64Array(count)];
  for (let row = 0; row < losses.length; row++) {
    const loss = losses[row]!;
    if (Number.isNaN(loss)) continue;
    rows[blocks[row]!]! += 1;
    sums[blocks[row]!]! += Math.min(loss, bound);
  }
  return { rows, sums };
}

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The quantile of χ² at a small probability, by Wilson & Hilferty: its cube root is nearly normal. 0 or less: out of their reach. */
function lowChiSquare(probability: number, degreesOfFreedom: number): number {
  const spread = 2 / (9 * degreesOfFreedom);
  return degreesOfFreedom * (1 - spread + normalQuantile(probability) * Math.sqrt(spread)) ** 3;
}
