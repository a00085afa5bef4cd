import type { EvaluationResult } from '../contracts/evaluations.js';
import type { CheckOutcome } from '../contracts/validations.js';
import { type Estimate, HIGHER_IS_BETTER, type MetricName, type SliceMetrics, type Verdict } from '../contracts/verdict.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { gravest } from './validation-decision.js';
import { count, figure, named, said } from './validation-words.js';

type Threshold = ModelSpec['gates']['absolute'][number];

interface StressedSlice {
  readonly slice: string;
  readonly rows: number;
  readonly metric: MetricName;
  readonly measured: Estimate | null;
  readonly verdict: Verdict;
  /** All of its interval is worse than the value of all rows. */
  readonly surelyWorse: boolean;
}

/**
 * Stress slices: the recorded metrics of each slice, each with its own interval, against the thresholds that all rows have to meet. A slice fails where its whole interval misses one, and is inconclusive where it
 * misses and the interval reaches across, or has none. Slices that are surely worse than all rows together are named; some are harder than others, so that alone fails none.
 */
export function judgeSlices({ candidate, slices }: Pick<EvaluationResult, 'candidate' | 'slices'>, { absolute, comparison }: Pick<ModelSpec['gates'], 'absolute' | 'comparison'>): CheckOutcome {
  if (slices.length === 0) return { verdict: 'inconclusive', explanation: 'The spec names no slices (evaluation.slices), so that nothing is known of parts of the rows.', figures: { slices: [] } };
  const thresholds: readonly Threshold[] = absolute.length > 0 ? absolute : [{ metric: comparison.metric }];
  const stressed = thresholds.flatMap((threshold) => slices.map((slice) => stress(slice, threshold, candidate.metrics[threshold.metric])));
  const verdict = absolute.length === 0 && stressed.some(({ surelyWorse }) => surelyWorse) ? 'inconclusive' : gravest(stressed);
  return { verdict, explanation: explain(stressed, thresholds, verdict), figures: { slices: stressed, whole: candidate.metrics } };
}

function stress(slice: SliceMetrics, threshold: Threshold, whole: Estimate | undefined): StressedSlice {
  const measured = slice.metrics[threshold.metric] ?? null;
  const name = `${slice.column} = ${slice.value ?? '(missing)'}`;
  return { slice: name, rows: slice.rows, metric: threshold.metric, measured, verdict: verdictOf(measured, threshold), surelyWorse: measured !== null && whole !== undefined && isSurelyWorse(measured, whole, threshold.metric) };
}

function verdictOf(measured: Estimate | null, { min = -Infinity, max = Infinity }: Threshold): Verdict {
  if (measured === null) return 'inconclusive';
  const { value, low, high } = measured;
  if (value >= min && value <= max) return 'pass';
  return low !== null && high !== null && (high < min || low > max) ? 'fail' : 'inconclusive';
}

function isSurelyWorse({ low, high }: Estimate, whole: Estimate, metric: MetricName): boolean {
  if (low === null || high === null) return false;
  return HIGHER_IS_BETTER[metric] ? high < whole.value : low > whole.value;
}

function explain(stressed: readonly StressedSlice[], thresholds: readonly Threshold[], verdict: Verdict): string {
  const asked = thresholds.map(({ metric, min, max }) => [metric, ...(min === undefined ? [] : [`at least ${min}`]), ...(max === undefined ? [] : [`at most ${max}`])].join(' ')).join(', ');
  const worst = stressed.filter((one) => one.verdict === verdict && verdict !== 'pass');
  const worse = stressed.filter(({ surelyWorse }) => surelyWorse).map(({ slice, metric, measured }) => `${slice} (${metric} ${measured ? figure(measured.value) : '–'})`);
  return [
    `${count(new Set(stressed.map(({ slice }) => slice)).size)} slices were held against ${asked}.`,
    ...(worst.length > 0 ? [`${verdict === 'fail' ? 'Surely missed' : 'Not decided'}: ${named(worst.map(({ slice, rows, metric, measured }) => `${slice}, ${count(rows)} rows, ${metric} ${measured ? said(measured) : 'not defined'}`))}.`] : []),
    worse.length > 0 ? `Surely worse than all rows together: ${named(worse)}.` : 'None is surely worse than all rows together.',
  ].join(' ');
}
