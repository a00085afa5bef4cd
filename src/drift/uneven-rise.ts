import { incompleteBeta } from '../evaluation/distributions.js';

/** How much the mean loss of a bin rose. */
export interface BinRise {
  readonly rise: number;
  /** Of `rise`. */
  readonly variance: number;
  /** With which the variance is known. */
  readonly degreesOfFreedom: number;
}

export interface UnevenRise {
  readonly statistic: number;
  /** Of the F distribution that it has where the rise is even. */
  readonly degreesOfFreedom: readonly [number, number];
  readonly pValue: number;
}

/**
 * Whether bins rose by unlike amounts: Welch's test of equal means (Welch 1951, "On the comparison of several mean values: an alternative approach"), which
 * is Cochran's Q, Σ (rise − common rise)² ÷ variance, made right for variances that are estimates. Each bin has a variance of its own, and bins are taken as
 * independent of each other. It does not depend on how much all of them rose together.
 * @param most degrees of freedom of what the variances have in common
 * @returns null for fewer than two bins, and where a variance is 0 or not finite
 */
export function unevenRise(bins: readonly BinRise[], most = Infinity): UnevenRise | null {
  const count = bins.length;
  if (count < 2 || bins.some(({ rise, variance }) => !(variance > 0 && variance < Infinity && Number.isFinite(rise)))) return null;
  const weights = bins.map(({ variance }) => 1 / variance);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const common = bins.reduce((sum, { rise }, bin) => sum + weights[bin]! * rise, 0) / all;
  const between = bins.reduce((sum, { rise }, bin) => sum + weights[bin]! * (rise - common) ** 2, 0) / (count - 1);
  const doubt = bins.reduce((sum, { degreesOfFreedom }, bin) => sum + (1 - weights[bin]! / all) ** 2 / degreesOfFreedom, 0);
  const statistic = between / (1 + ((2 * (count - 2)) / (count ** 2 - 1)) * doubt);
  const degreesOfFreedom = [count - 1, Math.min(most, (count ** 2 - 1) / (3 * doubt))] as const;
  if (!Number.isFinite(statistic)) return null;
  return { statistic, degreesOfFreedom, pValue: fisherTail(statistic, ...degreesOfFreedom) };
}

/** P(F ≥ x) of Fisher's F distribution (DLMF 8.17). @param x at least 0 */
function fisherTail(x: number, numerator: number, denominator: number): number {
  return incompleteBeta(denominator / (denominator + numerator * x), denominator / 2, numerator / 2);
}
