/**
 * The largest difference and the smallest ratio of shares between groups, with intervals that hold although the pair was
 * chosen by the data. Every pair of groups gets an interval at level 1 − alpha/m for m pairs, so that by Bonferroni's
 * inequality (Dunn 1961, "Multiple comparisons among means") all of them hold together with at least 1 − alpha. Where they do,
 * the true largest difference lies between the largest lower and the largest upper bound, whichever pair it belongs to.
 * Pairs are compared by the method of variance estimates recovery from Wilson's intervals: for a difference Newcombe's
 * method 10 (1998, "Interval estimation for the difference between independent proportions"), for a ratio Donner & Zou's
 * (2012; Newcombe 2016, "MOVER-R confidence intervals for ratios and products of two independently estimated quantities").
 */
import type { Estimate } from '../contracts/verdict.js';
import { errorCorrelation, shareEstimates, type GroupShares } from './group-shares.js';

/** Between two groups, by their indices. */
export interface ShareDisparity extends Estimate {
  readonly low: number;
  readonly high: number;
  /** Which of the given shares it is of. */
  readonly of: number;
  readonly highest: number;
  readonly lowest: number;
  /** Pairs that the interval holds for together. */
  readonly pairs: number;
}

/** Groups of which each has trials, in the order of their indices. */
interface Comparable {
  readonly shares: GroupShares;
  readonly groups: readonly number[];
}

/**
 * max − min over groups, and over several shares of the same groups the largest of these. Of equal ones the first is named.
 * @param groups indices of the groups to compare; those without trials are left out
 * @param alpha the interval holds for all pairs and all given shares together at level 1 − alpha
 * @returns null where one of the shares has fewer than two groups with trials
 */
export function largestDifference(all: readonly GroupShares[], groups: readonly number[], alpha: number): ShareDisparity | null {
  const compared = all.map((shares) => comparable(shares, groups));
  if (compared.some((each) => each.groups.length < 2)) return null;
  const pairs = compared.reduce((sum, each) => sum + pairCount(each), 0);
  let [low, high] = [0, 0];
  for (const each of compared) {
    forEachPair(each, alpha / pairs, (first, second, correlation) => {
      const [least, most] = differenceInterval(first, second, correlation);
      low = Math.max(low, least, -most);
      high = Math.max(high, most, -least);
    });
  }
  const ends = compared.map(endsOf);
  const values = ends.map(({ highest, lowest }, of) => all[of]!.share[highest]! - all[of]!.share[lowest]!);
  const value = Math.max(...values);
  const of = values.indexOf(value);
  return { value, low, high, of, ...ends[of]!, pairs };
}

/**
 * min / max over groups, at most 1.
 * @param groups indices of the groups to compare; those without trials are left out
 * @returns null for fewer than two groups with trials, and where all shares are 0
 */
export function smallestRatio(shares: GroupShares, groups: readonly number[], alpha: number): ShareDisparity | null {
  const compared = comparable(shares, groups);
  if (compared.groups.length < 2) return null;
  const { highest, lowest } = endsOf(compared);
  if (shares.share[highest] === 0) return null;
  const pairs = pairCount(compared);
  let [low, high] = [1, 1];
  forEachPair(compared, alpha / pairs, (first, second, correlation) => {
    const [least, most] = ratioInterval(first, second, correlation);
    low = Math.min(low, least, 1 / most);
    high = Math.min(high, most, 1 / least);
  });
  return { value: shares.share[lowest]! / shares.share[highest]!, low, high, of: 0, highest, lowest, pairs };
}

/**
 * The interval of first − second from both intervals: the distance to a bound is √(α² − 2rαβ + β²) of the distances α and β of the
 * two shares from theirs, r the correlation of their errors (Zou & Donner 2008, "Construction of confidence limits about effect
 * measures: a general approach"; Newcombe's where r is 0).
 * @returns −1 to 1 where one of them has no bounds
 */
export function differenceInterval(first: Estimate, second: Estimate, correlation: number): [number, number] {
  if (first.low === null || first.high === null || second.low === null || second.high === null) return [-1, 1];
  const difference = first.value - second.value;
  // The same square, completed: for a correlation near 1 the distances cancel.
  const reach = (ours: number, theirs: number): number => Math.sqrt((ours - correlation * theirs) ** 2 + (1 - correlation ** 2) * theirs ** 2);
  return [
    difference - reach(first.value - first.low, second.high - second.value),
    difference + reach(first.high - first.value, second.value - second.low),
  ];
}

/**
 * The interval of first / second: those θ for which the interval of first − θ · second, made as above, holds 0. A bound is a root of
 * θ²b(2q − b) − 2θ(pq − rαβ) + a(2p − a) = 0 with shares p, q and bounds a, b. The upper one is 1 over the lower one of second / first.
 * @returns from 0 to Infinity; both where one of them has no bounds, and where both shares are 0
 */
export function ratioInterval(first: Estimate, second: Estimate, correlation: number): [number, number] {
  if (first.low === null || first.high === null || second.low === null || second.high === null) return [0, Infinity];
  const low = lowerRatio(first.value, first.low, second.value, second.high, correlation);
  return [low, 1 / lowerRatio(second.value, second.low, first.value, first.high, correlation)];
}

function lowerRatio(share: number, low: number, other: number, high: number, correlation: number): number {
  const [ours, theirs] = [share - low, high - other];
  const [constant, square] = [low * (2 * share - low), high * (2 * other - high)];
  if (constant <= 0) return 0;
  const half = share * other - correlation * ours * theirs;
  // Half the discriminant's root, half² − constant · square, as a sum of what is not negative.
  const root = Math.sqrt((other * ours - correlation * share * theirs) ** 2 + (1 - correlation ** 2) * theirs ** 2 * constant);
  // Of two forms of the same root, the one that adds: the other loses digits where `square` is near 0.
  return half >= 0 ? constant / (half + root) : (half - root) / square;
}

const comparable = (shares: GroupShares, groups: readonly number[]): Comparable =>
  ({ shares, groups: groups.filter((group) => shares.trials[group]! > 0) });

const pairCount = ({ groups }: Comparable): number => (groups.length * (groups.length - 1)) / 2;

/** The first of the groups with the highest share and the first with the lowest; the first two where all shares are equal. */
function endsOf({ shares, groups }: Comparable): { readonly highest: number; readonly lowest: number } {
  let [highest, lowest] = [groups[0]!, groups[0]!];
  for (const group of groups) {
    if (shares.share[group]! > shares.share[highest]!) highest = group;
    if (shares.share[group]! < shares.share[lowest]!) lowest = group;
  }
  return highest === lowest ? { highest, lowest: groups[1]! } : { highest, lowest };
}

/** Gives each pair's shares with their intervals at level 1 − alpha, and the correlation of their errors. */
function forEachPair(
  { shares, groups }: Comparable, alpha: number, visit: (first: Estimate, second: Estimate, correlation: number) => void,
): void {
  const estimates = shareEstimates(shares, groups, alpha);
  for (let at = 0; at < groups.length; at++) {
    for (let next = at + 1; next < groups.length; next++) {
      visit(estimates[at]!, estimates[next]!, errorCorrelation(shares, groups[at]!, groups[next]!));
    }
  }
}
