/**
 * Distances of two distributions over the same bins or categories, from counts. A side without a row makes them null.
 */

/** Stands for the share of a bin that is empty on one side, of which the logarithm would be infinite; Evidently takes the same. */
export const EMPTY_SHARE = 1e-4;

/**
 * Population stability index Σ (q − p) ln(q ÷ p), p and q the shares of the reference and of the current rows in each bin;
 * a share of 0 counts as {@link EMPTY_SHARE}. A bin that both sides leave empty adds nothing.
 * Source: Siddiqi, Credit Risk Scorecards, 2006; twice Jeffreys' mean of both Kullback–Leibler divergences.
 */
export function populationStabilityIndex(reference: ArrayLike<number>, current: ArrayLike<number>): number | null {
  const [total, other] = [sumOf(reference), sumOf(current)];
  if (total === 0 || other === 0) return null;
  let index = 0;
  for (let bin = 0; bin < reference.length; bin++) index += indexPart(reference[bin]! / total, current[bin]! / other);
  return index;
}

/** What a bin with these shares adds to the population stability index. */
export function indexPart(share: number, other: number): number {
  const [p, q] = [share || EMPTY_SHARE, other || EMPTY_SHARE];
  return (q - p) * Math.log(q / p);
}

/**
 * Jensen–Shannon distance, the root of the divergence with logarithms of base 2: from 0 to 1, scipy.spatial.distance.jensenshannon's with
 * base 2. Source: Endres & Schindelin, A new metric for probability distributions, 2003.
 */
export function jensenShannonDistance(reference: ArrayLike<number>, current: ArrayLike<number>): number | null {
  const [total, other] = [sumOf(reference), sumOf(current)];
  if (total === 0 || other === 0) return null;
  let divergence = 0;
  for (let bin = 0; bin < reference.length; bin++) divergence += divergencePart(reference[bin]! / total, current[bin]! / other);
  // Rounding may leave it a little below 0.
  return Math.sqrt(Math.max(0, divergence));
}

/** What a bin with these shares adds to the Jensen–Shannon divergence, the square of the distance. */
export const divergencePart = (p: number, q: number): number => (towards(p, q) + towards(q, p)) / 2;

/** share × log₂(share ÷ the mean of both), exact where they are close. */
const towards = (share: number, other: number): number => (share === 0 ? 0 : (share * Math.log1p((share - other) / (share + other))) / Math.LN2);

function sumOf(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) sum += counts[bin]!;
  return sum;
}
