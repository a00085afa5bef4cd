import type { OutcomeFigures } from '../contracts/window-assessment-report.js';
import type { Estimate } from '../contracts/verdict.js';
import { meanEstimate } from '../evaluation/metrics.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { meanOf, pearson, spearman, welchDifference } from './correlations.js';
import type { ServedRows } from './served-rows.js';

export interface OutcomeTerms {
  readonly section: NonNullable<ModelSpec['monitoring']['outcome']>;
  readonly task: ModelSpec['task'];
  /** The probability from which a row counts as positive. */
  readonly threshold: number;
  readonly alpha: number;
}

/**
 * How the outputs of a window go with what came of them for the business, on the rows that have both; rows count as independent. The baseline has no outcomes, so that only the spec can
 * name a threshold.
 */
export function outcomeFigures({ outputs, outcomes }: Pick<ServedRows, 'outputs' | 'outcomes'>, { section, task, threshold, alpha }: OutcomeTerms): OutcomeFigures {
  const known = Int32Array.from(outcomes.keys()).filter((row) => !Number.isNaN(outcomes[row]!) && !Number.isNaN(outputs[row]!));
  const [answered, came] = [outputs, outcomes].map((column) => Float64Array.from(known, (row) => column[row]!)) as [Float64Array, Float64Array];
  const ranks = spearman(answered, came, alpha);
  const limit = section.minimumCorrelation ?? null;
  return {
    name: section.name, unit: section.unit ?? null, rows: known.length, mean: meanEstimate(came, undefined, alpha), pearson: pearson(answered, came, alpha), spearman: ranks,
    threshold: { limit, verdict: verdictOf(ranks, limit) },
    decisions: task === 'regression' ? null : decisionsOf(came, answered, threshold, alpha),
  };
}

/** Broken where all of the interval lies below the limit. */
function verdictOf(measured: Estimate | null, limit: number | null): OutcomeFigures['threshold']['verdict'] {
  if (measured === null || limit === null) return 'inconclusive';
  if (measured.high !== null && measured.high < limit) return 'fail';
  return measured.value >= limit ? 'pass' : 'inconclusive';
}

function decisionsOf(came: Float64Array, answered: Float64Array, threshold: number, alpha: number): OutcomeFigures['decisions'] {
  const [positive, negative] = [came.filter((_, row) => answered[row]! >= threshold), came.filter((_, row) => !(answered[row]! >= threshold))];
  const sideOf = (values: Float64Array): { rows: number; mean: number | null } => ({ rows: values.length, mean: values.length === 0 ? null : meanOf(values) });
  return { positive: sideOf(positive), negative: sideOf(negative), difference: welchDifference(positive, negative, alpha) };
}
