/** The variance of a metric over samples, and how many independent pieces it was learnt from. */
export interface SamplingVariance {
  /** Null where fewer than two independent pieces were seen. */
  readonly variance: number | null;
  /** For Student's t: blocks − 1. Infinity where every row counts as independent. */
  readonly degreesOfFreedom: number;
}

/**
 * Of a mean over rows: G/(G−1) · Σ_g (Σ_{i∈g} (vᵢ − v̄))² / n² over G blocks, the cluster-robust variance (Liang & Zeger
 * 1986). With every row a block of its own that is s²/n.
 */
export function varianceOfMean(perRow: Float64Array, blocks: Int32Array | undefined): SamplingVariance {
  const n = perRow.length;
  let mean = 0;
  for (let row = 0; row < n; row++) mean += perRow[row]! / n;
  if (!blocks) {
    let squares = 0;
    for (let row = 0; row < n; row++) squares += (perRow[row]! - mean) ** 2;
    return { variance: n < 2 ? null : squares / (n - 1) / n, degreesOfFreedom: Infinity };
  }
  const sums = new Float64Array(blockCount(blocks));
  for (let row = 0; row < n; row++) sums[blocks[row]!]! += perRow[row]! - mean;
  const seen = occupied(blocks);
  const squares = sums.reduce((total, sum) => total + sum * sum, 0);
  return { variance: seen < 2 ? null : ((seen / (seen - 1)) * squares) / (n * n), degreesOfFreedom: seen - 1 };
}

/**
 * Of an AUC, or of the difference of two on the same rows, from placement values (or their differences): Obuchowski 1997,
 * "Nonparametric analysis of clustered ROC curve data", which with every row a cluster of its own is DeLong's.
 */
export function varianceOfAuc(perRow: Float64Array, labels: ArrayLike<number>, blocks: Int32Array | undefined): SamplingVariance {
  const sizes = [0, 0];
  const means = [0, 0];
  for (let row = 0; row < perRow.length; row++) {
    const side = labels[row] === 1 ? 1 : 0;
    sizes[side]! += 1;
    means[side]! += perRow[row]!;
  }
  means[0]! /= sizes[0]!;
  means[1]! /= sizes[1]!;
  return blocks ? clusteredAuc(perRow, labels, blocks, sizes, means) : independentAuc(perRow, labels, sizes, means);
}

function independentAuc(perRow: Float64Array, labels: ArrayLike<number>, sizes: number[], means: number[]): SamplingVariance {
  const squares = [0, 0];
  for (let row = 0; row < perRow.length; row++) {
    const side = labels[row] === 1 ? 1 : 0;
    squares[side]! += (perRow[row]! - means[side]!) ** 2;
  }
  const [n, m] = sizes as [number, number];
  const variance = n < 2 || m < 2 ? null : squares[1]! / (m - 1) / m + squares[0]! / (n - 1) / n;
  return { variance, degreesOfFreedom: Infinity };
}

function clusteredAuc(
  perRow: Float64Array, labels: ArrayLike<number>, blocks: Int32Array, sizes: number[], means: number[],
): SamplingVariance {
  const count = blockCount(blocks);
  const sums = [new Float64Array(count), new Float64Array(count)] as const;
  const holds = [new Uint8Array(count), new Uint8Array(count)] as const;
  for (let row = 0; row < perRow.length; row++) {
    const side = labels[row] === 1 ? 1 : 0;
    sums[side][blocks[row]!]! += perRow[row]! - means[side]!;
    holds[side][blocks[row]!] = 1;
  }
  const [n, m] = sizes as [number, number];
  let [s00, s11, s01, both, withNegatives, withPositives] = [0, 0, 0, 0, 0, 0];
  for (let block = 0; block < count; block++) {
    s00 += sums[0][block]! ** 2;
    s11 += sums[1][block]! ** 2;
    s01 += sums[0][block]! * sums[1][block]!;
    withNegatives += holds[0][block]!;
    withPositives += holds[1][block]!;
    both += holds[0][block]! | holds[1][block]!;
  }
  const degreesOfFreedom = both - 1;
  if (withNegatives < 2 || withPositives < 2) return { variance: null, degreesOfFreedom };
  const variance =
    ((withPositives / (withPositives - 1)) * s11) / (m * m) +
    ((withNegatives / (withNegatives - 1)) * s00) / (n * n) +
    (2 * (both / (both - 1)) * s01) / (m * n);
  // The cross term can carry a tiny sample below zero.
  return { variance: Math.max(0, variance), degreesOfFreedom };
}

function blockCount(blocks: Int32Array): number {
  let highest = -1;
  for (const block of blocks) if (block > highest) highest = block;
  return highest + 1;
}

function occupied(blocks: Int32Array): number {
  const seen = new Uint8Array(blockCount(blocks));
  for (const block of blocks) seen[block] = 1;
  return seen.reduce((total, flag) => total + flag, 0);
}
