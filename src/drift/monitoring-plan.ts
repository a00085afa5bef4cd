import { durationMs } from '../contracts/time.js';
import { comparisonLoss, type RowLoss } from '../spec/comparison-loss.js';
import type { ModelSpec } from '../spec/model-spec.js';

/** How the losses of rows are counted and their decisions made, on the baseline and in windows alike. */
export interface MonitoringPlan {
  readonly metric: RowLoss;
  /** The largest loss of a row that is counted; null where the spec gives none, and losses are not followed. */
  readonly bound: number | null;
  readonly dependence: 'rows' | 'blocks';
  /** Event time whose rows share their fate, milliseconds. */
  readonly blockMs: number;
  /** The probability from which a row counts as positive. */
  readonly threshold: number;
}

/** `rollout.comparison` and `evaluation.threshold` of the spec. */
export function monitoringPlan(spec: Pick<ModelSpec, 'task' | 'rollout' | 'evaluation'>): MonitoringPlan {
  const { metric, bound } = comparisonLoss(spec);
  const { dependence, block } = spec.rollout.comparison;
  return { metric, bound: bound ?? null, dependence, blockMs: durationMs(block) as number, threshold: spec.evaluation.threshold };
}
