import type { Estimate, MetricName, Metrics, SliceMetrics } from './verdict.js';

/** Candidate against champion on the same rows. */
export interface PairedComparison {
  readonly metric: MetricName;
  /** Improvement in the metric's good direction; positive speaks for the candidate. */
  readonly gain: Estimate;
  readonly method: string;
}

/** What scoring measured on the evaluation window. */
export interface EvaluationResult {
  /** Rows that judged: their label is known and its horizon has passed. */
  readonly rows: number;
  readonly window: { readonly start: string; readonly end: string };
  readonly metrics: Metrics;
  /** Why a metric has no value here, by metric. */
  readonly undefinedMetrics: Readonly<Partial<Record<MetricName, string>>>;
  readonly championMetrics: Metrics | null;
  readonly comparison: PairedComparison | null;
  readonly slices: readonly SliceMetrics[];
}
