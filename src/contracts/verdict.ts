/** What a gate says. Inconclusive waits for more data or a person; it never counts as a pass. */
export type Verdict = 'pass' | 'fail' | 'inconclusive' | 'error';

/** A point estimate with its confidence interval at the level of the gate (1 − alpha). Null bounds: no interval is defined. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Metric names: `auc`, `logLoss`, `brier`, `calibrationError`, `f1`; `rmse`, `mae`, `r2`. */
export type MetricName = 'auc' | 'logLoss' | 'brier' | 'calibrationError' | 'f1' | 'rmse' | 'mae' | 'r2';

/** Whether more is better, for each metric. */
export const HIGHER_IS_BETTER: Readonly<Record<MetricName, boolean>> = {
  auc: true, logLoss: false, brier: false, calibrationError: false, f1: true, rmse: false, mae: false, r2: true,
};

export const CLASSIFICATION_METRICS = ['auc', 'logLoss', 'brier', 'calibrationError', 'f1'] as const satisfies readonly MetricName[];
export const REGRESSION_METRICS = ['rmse', 'mae', 'r2'] as const satisfies readonly MetricName[];

export type Metrics = Readonly<Partial<Record<MetricName, Estimate>>>;

/** Metrics of the rows for which `column` = `value`; null is the missing value. */
export interface SliceMetrics {
  readonly column: string;
  readonly value: string | null;
  readonly rows: number;
  readonly metrics: Metrics;
  /** Why a metric has no value on these rows. */
  readonly undefinedBecause: Readonly<Partial<Record<MetricName, string>>>;
}

/** One check of the gate, with the numbers that say why. */
export interface GateCheck {
  readonly name: string;
  readonly verdict: Verdict;
  readonly explanation: string;
  /** What was measured, and against what. */
  readonly measured: Estimate | null;
  readonly required: string;
}

export interface GateDecision {
  readonly verdict: Verdict;
  readonly checks: readonly GateCheck[];
}
