import type { ModelSpec } from './model-spec.js';

/** The loss of one row, from 0 to its bound: less is better. */
export type RowLoss = NonNullable<ModelSpec['rollout']['comparison']['metric']>;

/** The largest loss of a row that is counted, where nothing is said. An absolute error has no largest value. */
export const STANDARD_BOUND: Readonly<Record<RowLoss, number | undefined>> = { brier: 1, clippedLogLoss: 5, absoluteError: undefined };

/** Which loss counts, and up to where. */
export interface BoundedLoss {
  readonly metric: RowLoss;
  /** Undefined where the spec gives none. */
  readonly bound: number | undefined;
}

/** `rollout.comparison.metric` and `bound`, with what they mean where nothing is said. */
export function comparisonLoss({ task, rollout: { comparison } }: Pick<ModelSpec, 'task' | 'rollout'>): BoundedLoss {
  const metric = comparison.metric ?? (task === 'regression' ? 'absoluteError' : 'brier');
  return { metric, bound: comparison.bound ?? STANDARD_BOUND[metric] };
}
