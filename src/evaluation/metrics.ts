import type { Measurement } from '../contracts/evaluations.js';
import { CLASSIFICATION_METRICS, REGRESSION_METRICS, type Estimate, type MetricName } from '../contracts/verdict.js';
import { criticalValue } from './distributions.js';
import type { JudgedRows } from './judged-rows.js';
import { pseudoValues } from './pseudo-values.js';
import { varianceOfAuc, varianceOfMean, type SamplingVariance } from './sampling-variance.js';

export interface MeasureOptions {
  /** Intervals are made at confidence 1 − alpha. */
  readonly alpha: number;
  /** Probability from which a row counts as positive (F1). */
  readonly threshold: number;
}

/** Where each metric can lie; an interval does not leave it. */
const RANGE: Readonly<Record<MetricName, readonly [number, number]>> = {
  auc: [0, 1], logLoss: [0, Infinity], brier: [0, 1], calibrationError: [0, 1], f1: [0, 1],
  rmse: [0, Infinity], mae: [0, Infinity], r2: [-Infinity, 1],
};

/**
 * The metrics of a task with their intervals. Values equal scikit-learn's `roc_auc_score`, `log_loss` (given float64),
 * `brier_score_loss`, `f1_score`, `root_mean_squared_error`, `mean_absolute_error` and `r2_score` to 1e-9.
 * Intervals are value ± q·√variance: q is normal and the variance DeLong's, s²/n or the delta method's where rows are
 * independent; where they come in time blocks, Student's t and the cluster-robust forms (sampling-variance.ts). Bounds are null
 * for the calibration error, for a single independent piece, and where the sample shows no spread at all.
 */
export function measure(rows: JudgedRows, options: MeasureOptions): Measurement {
  const metrics: Partial<Record<MetricName, Estimate>> = {};
  const undefinedBecause: Partial<Record<MetricName, string>> = {};
  for (const metric of metricsOf(rows.task)) {
    const found = pseudoValues(metric, rows, options.threshold);
    if ('undefinedBecause' in found) undefinedBecause[metric] = found.undefinedBecause;
    else metrics[metric] = estimate(metric, found.value, samplingVariance(metric, found.perRow, rows), options.alpha);
  }
  return { metrics, undefinedBecause };
}

export const metricsOf = (task: JudgedRows['task']): readonly MetricName[] =>
  task === 'regression' ? REGRESSION_METRICS : CLASSIFICATION_METRICS;

/** The mean over rows with its interval, as {@link measure} makes those of metrics. @returns null without rows */
export function meanEstimate(perRow: Float64Array, blocks: Int32Array | undefined, alpha: number): Estimate | null {
  if (perRow.length === 0) return null;
  const value = perRow.reduce((sum, one) => sum + one, 0) / perRow.length;
  const { variance, degreesOfFreedom } = varianceOfMean(perRow, blocks);
  if (variance === null) return { value, low: null, high: null };
  const reach = reachOf(variance, degreesOfFreedom, alpha);
  return { value, low: value - reach, high: value + reach };
}

/** Half of an interval's width. */
const reachOf = (variance: number, degreesOfFreedom: number, alpha: number): number => criticalValue(alpha, degreesOfFreedom) * Math.sqrt(variance);

/** Of the metric whose pseudo-values (or two models' differences of them) are given. */
export const samplingVariance = (metric: MetricName, perRow: Float64Array, rows: JudgedRows): SamplingVariance =>
  metric === 'auc' ? varianceOfAuc(perRow, rows.labels, rows.blocks) : varianceOfMean(perRow, rows.blocks);

function estimate(metric: MetricName, value: number, { variance, degreesOfFreedom }: SamplingVariance, alpha: number): Estimate {
  const spread = Math.max(variance ?? 0, 0);
  // Rounding leaves a trace where every row has the same number.
  if (metric === 'calibrationError' || spread <= (1e-15 * value) ** 2) return { value, low: null, high: null };
  const reach = reachOf(spread, degreesOfFreedom, alpha);
  const [least, most] = RANGE[metric];
  return { value, low: Math.max(least, value - reach), high: Math.min(most, value + reach) };
}
