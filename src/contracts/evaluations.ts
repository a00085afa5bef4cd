import type { LossMetric } from './releases.js';
import type { Estimate, MetricName, Metrics, SliceMetrics } from './verdict.js';
import type { FairnessFigures } from './window-assessment-report.js';

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

/** What the candidate gained over the champion in the loss of a row, on the stretch of the newest rows that shows it best. */
export interface RecentGain {
  /** `rollout.comparison.metric` */
  readonly loss: LossMetric;
  /** So many of the newest blocks of event time that have rows (`rollout.comparison.block`). */
  readonly blocks: number;
  readonly rows: number;
  /** Event time at which the stretch begins, ISO 8601. */
  readonly since: string;
  /** Mean losses of its rows. */
  readonly candidate: number;
  readonly champion: number;
  /** The champion's mean loss less the candidate's. Null bounds without two observations to learn a variance from. */
  readonly gain: Estimate;
  /** Predictions to come in a day of event time, if they come as the judged rows did. */
  readonly rowsPerDay: number;
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
  /** Where `gates.comparison.by` is `recentLoss` and the champion could be compared. */
  readonly recentGain?: RecentGain;
  /** Of the candidate. */
  readonly slices: readonly SliceMetrics[];
  /** Of the candidate, where the spec names protected groups; evaluations of before it was measured lack it. */
  readonly fairness?: FairnessFigures;
}
