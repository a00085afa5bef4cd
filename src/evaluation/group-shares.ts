import type { Estimate } from '../contracts/verdict.js';
import { criticalValue } from './distributions.js';

/** How often something happened in each group: rows by group, or by group and block (groups × blocks, in that order). */
export interface ShareCounts {
  readonly groups: number;
  /** 1 where rows are independent. */
  readonly blocks: number;
  readonly clustered: boolean;
  /** Of `trials`, those where it did. */
  readonly successes: Float64Array;
  readonly trials: Float64Array;
}

/** One share for each group, with what its interval is made of. */
export interface GroupShares {
  /** NaN for a group without trials. */
  readonly share: Float64Array;
  readonly trials: Float64Array;
  /** Independent rows that would say as much: `trials` where rows are independent. */
  readonly effectiveTrials: Float64Array;
  /** Blocks with trials of the group. */
  readonly occupiedBlocks: Float64Array;
  readonly counts: ShareCounts;
  /**
   * Where rows come in blocks: groups × blocks, Σ (x − share) / trials over the block's rows, which is what the block adds to
   * the error of the share. Null where they are independent.
   */
  readonly blockErrors: Float64Array | null;
}

/**
 * Shares of groups. Where rows come in blocks, a share's variance is the cluster-robust one, G/(G−1) Σ_b e_b² over G blocks
 * (sampling-variance.ts), and its effective trials are the trials over the design effect, that variance over the binomial
 * p(1 − p)/n (Korn & Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts estimated
 * from survey data"). The design effect counts as 1 at least, so that chance does not make rows say more than independent ones.
 * A group whose rows all say the same shows none and gets the largest of the other groups'; where no group shows one, a block
 * counts as one row. All this is asymptotic in the number of blocks: simulated 95 % intervals hold from 20 blocks on, and 5
 * blocks cost about four points.
 */
export function groupShares(counts: ShareCounts): GroupShares {
  const [successes, trials] = [sumOverBlocks(counts.successes, counts), sumOverBlocks(counts.trials, counts)];
  const share = trials.map((of, group) => (of > 0 ? successes[group]! / of : NaN));
  const occupiedBlocks = sumOverBlocks(counts.trials.map((of) => (of > 0 ? 1 : 0)), counts);
  if (!counts.clustered) return { share, trials, effectiveTrials: trials, occupiedBlocks, counts, blockErrors: null };
  const blockErrors = counts.trials.map((of, cell) => {
    const group = Math.floor(cell / counts.blocks);
    return of > 0 ? (counts.successes[cell]! - share[group]! * of) / trials[group]! : 0;
  });
  const variances = sumOverBlocks(blockErrors.map((error) => error * error), counts)
    .map((squares, group) => (squares * occupiedBlocks[group]!) / (occupiedBlocks[group]! - 1));
  const effectiveTrials = effective(share, trials, variances, occupiedBlocks);
  return { share, trials, effectiveTrials, occupiedBlocks, counts, blockErrors };
}

/**
 * The shares of the given groups, in their order, with intervals at level 1 − alpha for each by itself: Wilson's score interval (1927) of
 * the effective trials. The quantile is normal where rows are independent, and Student's t with G − 1 degrees of freedom where they
 * come in G blocks. That form of the interval does well in surveys (Franco, Little, Louis & Slud 2019, "Comparative study of
 * confidence intervals for proportions in complex sample surveys").
 * @returns null for a group without trials; null bounds for a group in a single block, which says nothing of how blocks differ
 */
export function shareEstimates(shares: GroupShares, groups: readonly number[], alpha: number): (Estimate | null)[] {
  // Most groups are seen in every block, and the quantile takes longer than the rest.
  const quantiles = new Map<number, number>();
  return groups.map((group) => {
    const value = shares.share[group]!;
    if (Number.isNaN(value)) return null;
    const blocks = shares.counts.clustered ? shares.occupiedBlocks[group]! : Infinity;
    if (blocks < 2) return { value, low: null, high: null };
    const quantile = quantiles.get(blocks) ?? criticalValue(alpha, blocks - 1);
    quantiles.set(blocks, quantile);
    const [low, high] = wilsonInterval(value, shares.effectiveTrials[group]!, quantile);
    return { value, low, high };
  });
}

/**
 * Wilson's score interval of a share: the shares q for which |share − q| ≤ quantile · √(q(1 − q)/trials).
 * @param trials greater than 0, not always whole
 */
export function wilsonInterval(share: number, trials: number, quantile: number): [number, number] {
  const perTrial = quantile ** 2 / trials;
  const centre = (share + perTrial / 2) / (1 + perTrial);
  const reach = (quantile * Math.sqrt((share * (1 - share)) / trials + perTrial / (4 * trials))) / (1 + perTrial);
  // Rounding must not move a bound past the end of the range or the share itself.
  return [share === 0 ? 0 : Math.max(0, Math.min(share, centre - reach)), share === 1 ? 1 : Math.min(1, Math.max(share, centre + reach))];
}

/**
 * How the errors of two groups' shares go together because they share blocks, from −1 to 1: G/(G−1) Σ_b e_b f_b over the G
 * blocks of either group, over the deviations that their intervals are made with. 0 where rows are independent.
 */
export function errorCorrelation(shares: GroupShares, group: number, other: number): number {
  const { counts: { blocks, trials }, blockErrors } = shares;
  const scale = deviation(shares, group) * deviation(shares, other);
  if (blockErrors === null || !(scale > 0)) return 0;
  const [from, otherFrom] = [group * blocks, other * blocks];
  let products = 0;
  let occupied = 0;
  for (let block = 0; block < blocks; block++) {
    products += blockErrors[from + block]! * blockErrors[otherFrom + block]!;
    if (trials[from + block]! + trials[otherFrom + block]! > 0) occupied += 1;
  }
  if (occupied < 2) return 0;
  return Math.max(-1, Math.min(1, ((occupied / (occupied - 1)) * products) / scale));
}

const deviation = ({ share, effectiveTrials }: GroupShares, group: number): number =>
  Math.sqrt((share[group]! * (1 - share[group]!)) / effectiveTrials[group]!);

function sumOverBlocks(cells: Float64Array, { groups, blocks }: ShareCounts): Float64Array {
  const sums = new Float64Array(groups);
  for (let cell = 0; cell < groups * blocks; cell++) sums[Math.floor(cell / blocks)]! += cells[cell]!;
  return sums;
}

function effective(share: Float64Array, trials: Float64Array, variances: Float64Array, occupiedBlocks: Float64Array): Float64Array {
  const designEffects = variances.map((variance, group) => {
    const binomial = (share[group]! * (1 - share[group]!)) / trials[group]!;
    return binomial > 0 && occupiedBlocks[group]! > 1 ? Math.max(1, variance / binomial) : NaN;
  });
  const largest = designEffects.reduce((most, effect) => (effect > most ? effect : most), 0);
  return trials.map((of, group) => {
    const effect = Number.isNaN(designEffects[group]!) ? largest : designEffects[group]!;
    return effect > 0 ? of / effect : occupiedBlocks[group]!;
  });
}
