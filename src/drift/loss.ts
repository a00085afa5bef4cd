import type { ModelSpec } from '../spec/model-spec.js';

export type LossName = 'brier' | 'clippedLogLoss' | 'absoluteError';

/** The loss of one row, as the spec's comparison has it. */
export interface RowLoss {
  readonly name: LossName;
  /** The largest that is counted; undefined where the spec gives none. */
  readonly bound: number | undefined;
}

const STANDARD_BOUND: Readonly<Record<LossName, number | undefined>> = { brier: 1, clippedLogLoss: 5, absoluteError: undefined };

/** `rollout.comparison` with what it means where nothing is said. */
export function rowLoss({ task, rollout }: Pick<ModelSpec, 'task' | 'rollout'>): RowLoss {
  const name = rollout.comparison.metric ?? (task === 'regression' ? 'absoluteError' : 'brier');
  return { name, bound: rollout.comparison.bound ?? STANDARD_BOUND[name] };
}

/** SQL of the loss of a row; NULL where label or output is missing. Both are expressions of type DOUBLE. */
export function lossExpression({ name, bound }: RowLoss, output: string, label: string): string {
  const forms: Readonly<Record<LossName, string>> = {
    brier: `(${output} - ${label}) * (${output} - ${label})`,
    absoluteError: `abs(${output} - ${label})`,
    // A probability of 0 has no logarithm; the bound is what it costs.
    clippedLogLoss: `-ln(greatest(CASE WHEN ${label} = 1 THEN ${output} ELSE 1 - ${output} END, 1e-300))`,
  };
  const raw = `CASE WHEN ${output} IS NULL OR ${label} IS NULL OR isnan(${output}) OR isnan(${label}) THEN NULL ELSE ${forms[name]} END`;
  return bound === undefined ? raw : `CASE WHEN ${raw} > ${bound} THEN ${bound} ELSE ${raw} END`;
}
