import { canonicalJson, sha256 } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import { durationMs } from '../contracts/time.js';
import { comparisonLoss, type RowLoss, STANDARD_BOUND } from '../spec/comparison-loss.js';
import type { ModelSpec } from '../spec/model-spec.js';

/** All that a comparison's outcome depends on beside its pairs. It is fixed, and its digest recorded, before the first mirrored request. */
export interface ComparisonPlan {
  readonly metric: RowLoss;
  /** The largest loss of a row that is counted; gains lie in [−bound, bound]. */
  readonly bound: number;
  /** Of both sides together, over all looks: a candidate that is no better is called better with at most half of it. */
  readonly alpha: number;
  /** The smallest difference of the mean loss that matters, in the metric's unit; 0: any. */
  readonly margin: number;
  /** Pairs with a mature label before any outcome, and at which it is inconclusive without one. */
  readonly minimumSamples: number;
  readonly maximumSamples: number;
  readonly method: 'empirical-bernstein' | 'asymptotic';
  /** Event time, milliseconds, whose pairs enter at once. */
  readonly blockMs: number;
  /**
   * `blocks` counts what rows of one block share (the weather, a campaign) as noise; `rows` counts it as part of what is
   * estimated. See comparison.ts.
   */
  readonly dependence: 'rows' | 'blocks';
  /** Blocks with pairs before any outcome, where `dependence` is `blocks`. */
  readonly minimumBlocks: number;
  /** Pairs at which the interval is nearly narrowest. */
  readonly tunedFor: number;
  /** A guess of the standard deviation of a row's gain, in the metric's unit. A wrong one costs rows, never correctness. */
  readonly assumedDeviation: number;
}

export type WantedPlan = Pick<ComparisonPlan, 'metric'> & Partial<ComparisonPlan>;

const DAY = 86_400_000;

/**
 * Fills in what is not said: bound 1 for `brier`, 5 nats for `clippedLogLoss` (`absoluteError` needs one), alpha 0.05,
 * margin 0, 1,000 to 1,000,000 samples, asymptotic over blocks of a day; tuned for ten times the minimum, with gains of a
 * tenth of the bound.
 * @throws PerennialError `InvalidRequest` that names every value that makes no sense
 */
export function comparisonPlan(wanted: WantedPlan): ComparisonPlan {
  const bound = wanted.bound ?? STANDARD_BOUND[wanted.metric];
  if (bound === undefined) {
    throw new PerennialError('InvalidRequest', 'The comparison plan needs a bound: an absolute error has no largest value; say in rollout.comparison.bound which error of a row is as bad as any greater one');
  }
  const minimumSamples = wanted.minimumSamples ?? 1_000;
  const maximumSamples = wanted.maximumSamples ?? 1_000_000;
  const plan: ComparisonPlan = {
    metric: wanted.metric,
    bound,
    alpha: wanted.alpha ?? 0.05,
    margin: wanted.margin ?? 0,
    minimumSamples,
    maximumSamples,
    method: wanted.method ?? 'asymptotic',
    blockMs: wanted.blockMs ?? DAY,
    dependence: wanted.dependence ?? 'blocks',
    minimumBlocks: wanted.minimumBlocks ?? 7,
    tunedFor: wanted.tunedFor ?? Math.min(10 * minimumSamples, maximumSamples),
    assumedDeviation: wanted.assumedDeviation ?? bound / 10,
  };
  requireSense(plan);
  return plan;
}

/** The plan of a model's releases, from its spec. */
export function planOfSpec(spec: Pick<ModelSpec, 'task' | 'rollout'>): ComparisonPlan {
  const { block, ...same } = spec.rollout.comparison;
  const { metric, bound } = comparisonLoss(spec);
  return comparisonPlan({ ...same, metric, bound, blockMs: durationMs(block) ?? DAY });
}

/** `sha256:…` over the canonical form: what the record holds before the first pair. */
export const planDigest = (plan: ComparisonPlan): string => sha256(canonicalJson(plan));

function requireSense(plan: ComparisonPlan): void {
  const whole = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  const positive = (value: number): boolean => value > 0 && Number.isFinite(value);
  const faults = [
    positive(plan.bound) ? null : `bound ${plan.bound} must be greater than 0`,
    plan.alpha > 0 && plan.alpha < 0.5 ? null : `alpha ${plan.alpha} must lie between 0 and 0.5`,
    plan.margin >= 0 && plan.margin < plan.bound ? null : `margin ${plan.margin} must be at least 0 and less than the bound ${plan.bound}`,
    whole(plan.minimumSamples) ? null : `minimumSamples ${plan.minimumSamples} must be a whole number from 1`,
    whole(plan.maximumSamples) && plan.maximumSamples >= plan.minimumSamples ? null : `maximumSamples ${plan.maximumSamples} must be a whole number, not below minimumSamples ${plan.minimumSamples}`,
    whole(plan.minimumBlocks) ? null : `minimumBlocks ${plan.minimumBlocks} must be a whole number from 1`,
    positive(plan.blockMs) ? null : `blockMs ${plan.blockMs} must be greater than 0`,
    positive(plan.tunedFor) ? null : `tunedFor ${plan.tunedFor} must be greater than 0`,
    positive(plan.assumedDeviation) ? null : `assumedDeviation ${plan.assumedDeviation} must be greater than 0`,
  ].filter((fault) => fault !== null);
  if (faults.length > 0) throw new PerennialError('InvalidRequest', `The comparison plan makes no sense: ${faults.join('; ')}`, { faults });
}
