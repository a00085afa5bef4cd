import { retrainOnHarm } from './harm-alarms.js';
import { perennialPolicy, RETRAINING_COST } from './perennial-policy.js';
import { type PolicyOutcome, retrainingOutcomes, type RetrainingPolicy } from './retraining-arena.js';
import { CLASSIC_POLICIES, neverRetrain } from './retraining-policies.js';
import { SCORED_ROWS, type Year } from './world-years.js';

/**
 * Retraining policies on the same years. The measure was set before any option of ours was tried: the mean loss avoided against never retraining, summed
 * over the years of a seed; once as it is, and once net of what was spent, where every retraining costs what RETRAINING_COST says, whoever asked for
 * it, and every candidate that was not released costs a training. Costs are divided by the rows scored, to be a loss per row too.
 *
 * Options of ours were tried on seeds 1000 to 1005; the simulations report others. All policies train on the same window: ours has no choice of it.
 */
export interface PolicyYear extends Pick<PolicyOutcome, 'policy' | 'retrains' | 'delayWindows'> {
  readonly year: string;
  readonly seed: number;
  readonly candidates: number;
  readonly lossAvoided: number;
  readonly netLossAvoided: number;
}

/** Ours comes last. */
export const comparedPolicies = (): RetrainingPolicy[] => [...CLASSIC_POLICIES.filter((policy) => policy !== neverRetrain), retrainOnHarm(), perennialPolicy()];

/** Every policy in each of the years, for `repeats` seeds from `seed` on. */
export function policyYears(
  years: readonly Year[], { repeats, seed }: { readonly repeats: number; readonly seed: number }, policies: readonly RetrainingPolicy[] = comparedPolicies(),
): PolicyYear[] {
  return years.flatMap((year) => Array.from({ length: repeats }, (_, repeat) => seed + repeat).flatMap((each) => yearUnder(year, each, policies)));
}

const yearUnder = ({ name, streamOf }: Year, seed: number, policies: readonly RetrainingPolicy[]): PolicyYear[] => {
  const stream = streamOf(seed);
  return policies.map((policy) => {
    const before = policy.candidates?.() ?? 0;
    const { retrains, delayWindows, lossAvoided } = retrainingOutcomes(stream, [policy])[0]!;
    const candidates = (policy.candidates?.() ?? 0) - before;
    const gross = lossAvoided ?? 0;
    return { policy: policy.name, year: name, seed, retrains, candidates, delayWindows, lossAvoided: gross, netLossAvoided: gross - spent(retrains, candidates) };
  });
};

const spent = (retrains: number, candidates: number): number => {
  const { training, release, perLossUnit } = RETRAINING_COST;
  return (retrains * (training + release) + candidates * training) / perLossUnit / SCORED_ROWS;
};

export type Measure = 'lossAvoided' | 'netLossAvoided';

/** A policy's sum over all years, of each seed. */
export function sumsBySeed(years: readonly PolicyYear[], policy: string, measure: Measure): Map<number, number> {
  const sums = new Map<number, number>();
  for (const year of years) if (year.policy === policy) sums.set(year.seed, (sums.get(year.seed) ?? 0) + year[measure]);
  return sums;
}

export interface PolicySums {
  readonly policy: string;
  /** The mean over seeds of the sum over years. */
  readonly sum: number;
  /** The share of seeds in which ours has a higher sum; null of ours. */
  readonly behindOurs: number | null;
}

/** Of each policy in their order. */
export function policySums(years: readonly PolicyYear[], measure: Measure, ours = 'Perennial'): PolicySums[] {
  const best = sumsBySeed(years, ours, measure);
  return [...new Set(years.map(({ policy }) => policy))].map((policy) => {
    const sums = [...sumsBySeed(years, policy, measure)];
    const behind = sums.filter(([seed, sum]) => best.get(seed)! > sum).length;
    return { policy, sum: mean(sums.map(([, sum]) => sum)), behindOurs: policy === ours ? null : behind / sums.length };
  });
}

/** NaN of none. */
export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
