import type { Estimate, MetricName, Metrics, SliceMetrics } from './verdict.js';

/** Metrics that exist for the rows, and why the others do not. A metric is in one of the two, never NaN. */
export interface Measurement {
  readonly metrics: Metrics;
  readonly undefinedBecause: Readonly<Partial<Record<MetricName, string>>>;
}

/** What the candidate gained over the champion on the same rows. */
export interface PairedComparison {
  readonly metric: MetricName;
  readonly rows: number;
  /** How many time blocks the interval was learnt from; null where rows counted as independent. */
  readonly blocks: number | null;
  readonly candidate: number;
  readonly champion: number;
  /**
   * The improvement in the metric's good direction, so that more is better for every metric. Null bounds where fewer than
   * two independent pieces were seen.
   */
  readonly gain: Estimate;
}

export interface ComparisonUndefined {
  readonly metric: MetricName;
  readonly rows: number;
  readonly undefinedBecause: string;
}

/** What scoring measured on the evaluation window. */
export interface EvaluationResult {
  /** Rows that judged: their label is known and its horizon has passed. */
  readonly rows: number;
  readonly window: { readonly start: string; readonly end: string };
  readonly candidate: Measurement;
  /** Null where the deployment has no champion yet. */
  readonly champion: Measurement | null;
  readonly comparison: PairedComparison | ComparisonUndefined | null;
  /** Of the candidate. */
  readonly slices: readonly SliceMetrics[];
}
