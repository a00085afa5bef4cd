/** What was counted in one window of event time, before anybody judges it. */
export interface WindowSummary {
  readonly rows: number;
  /** Rows whose inputs were kept: those that features are counted on. */
  readonly inputRows: number;
  /** In the order of the spec. Empty where inputs may not be kept. */
  readonly features: readonly FeatureCounts[];
  /** Of the rows whose label is known; null where there is none. */
  readonly loss: LossSummary | null;
}

/** A window's inputs are held against the spec when it closes, its loss when the horizon of its labels has passed too. */
export const JUDGING_LOOKS = ['inputs', 'loss'] as const;
export type JudgingLook = (typeof JUDGING_LOOKS)[number];

/** Beside that, when a window closes, the distributions of its inputs are held against the champion's baseline: an observation, no judgement. */
export const WINDOW_LOOKS = [...JUDGING_LOOKS, 'drift'] as const;
export type WindowLook = (typeof WINDOW_LOOKS)[number];

export interface FeatureCounts {
  readonly name: string;
  /** Rows without a value. */
  readonly missing: number;
  /** Rows with a text that the spec does not list; 0 for numbers. */
  readonly unknown: number;
  /** Rows with a number below `min` or above `max`; 0 for categories. */
  readonly outOfRange: number;
}

/** Of the loss that the spec's comparison names (`rollout.comparison.metric`), clipped at its bound. */
export interface LossSummary {
  readonly rows: number;
  readonly mean: number;
  /** Unbiased (n − 1); 0 for one row. */
  readonly variance: number;
}

/**
 * One way in which a window breaks the spec, with the numbers that say so. `fairness`: how decisions differ between groups breaks a limit of
 * `fairness.limits`; such a finding is of the window as a whole, its message names the groups, and all of the interval lies beyond the limit:
 * above that of a difference, which is the most that it may be, below that of a ratio, which is the least.
 */
export interface WindowFinding {
  readonly check: 'missing' | 'unknown' | 'outOfRange' | 'loss' | 'fairness';
  /** Null for the window as a whole. */
  readonly feature: string | null;
  /** A share of rows, the mean loss, or a disparity. */
  readonly measured: number;
  /** The lower confidence bound of what was measured; of a disparity the lower end of its interval. */
  readonly low: number;
  readonly limit: number;
  /** Rows that it was measured on. */
  readonly rows: number;
  readonly message: string;
  /** Of fairness: whether the limit is broken at the window's share of a year's error rate too. Nobody is told of less, and no version loses its place by it. */
  readonly alarms?: boolean;
}

export interface WindowVerdict {
  /** Inconclusive: there was nothing to judge. */
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
  readonly rows: number;
  /** How many limits were held against the window; they share its error rate. */
  readonly checks: number;
  readonly findings: readonly WindowFinding[];
}
