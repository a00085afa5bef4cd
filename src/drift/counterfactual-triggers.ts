import type { FeatureDrift } from '../contracts/feature-drift.js';

/**
 * What simpler policies would have done with the same windows, beside the decision that was made: nobody acts on it. Each keeps a small
 * state of its own and counts its own retrains; what a retrain of theirs would have changed in the windows after it is not known.
 */
export interface CounterfactualState {
  /** The last month, counted from year 0, for which the calendar retrained. */
  readonly calendar: { readonly month: number };
  /** S of Page's test after the last window with a loss, and the version that it is of; none before the first. */
  readonly cusum: { readonly sum: number; readonly version?: number };
  /** The features whose PSI was above the limit in the last window that closed. */
  readonly psi: { readonly above: readonly string[] };
}

export type CounterfactualPolicy = keyof CounterfactualState;

/** Page's test in units of the deviation: it looks for a mean that rose by 2 · allowance. */
export interface CusumPlan {
  /** Mean loss of a window while all is well, and the standard deviation of windows' mean losses around it. */
  readonly mean: number;
  readonly deviation: number;
  /** k, in deviations. */
  readonly allowance: number;
  /** h, in deviations. */
  readonly threshold: number;
}

/**
 * k and h for a rise by one deviation: one false alarm in about 930 independent normal windows.
 * Source: Montgomery, Introduction to Statistical Quality Control, chapter 9 (465 two-sided).
 */
export const CUSUM_DEFAULTS = { allowance: 0.5, threshold: 5 } as const;
/** Above it a shift is customarily called significant (Siddiqi, Credit Risk Scorecards, 2006, from 0.25 on; 0.2 is what monitors ship with). */
export const PSI_LIMIT = 0.2;

/** What a window tells as it closes. */
export interface ClosedFacts {
  /** The end of the window. */
  readonly untilMs: number;
  readonly features: readonly Pick<FeatureDrift, 'name' | 'psi'>[];
}

/** What a window tells when its labels are first counted. */
export interface CountedFacts {
  /** That answered it. */
  readonly version: number;
  /** Of the window's labelled rows; null where there is none. */
  readonly meanLoss: number | null;
  readonly plan: CusumPlan;
}

/** Null where a decision is none of the two. */
export interface CounterfactualFacts {
  readonly closed: ClosedFacts | null;
  readonly counted: CountedFacts | null;
}

export interface CounterfactualStep {
  readonly state: CounterfactualState;
  /** The policies that would have retrained with this. */
  readonly retrained: readonly CounterfactualPolicy[];
}

/** @param atMs when the policies begin: the calendar waits for the month after it */
export const startCounterfactuals = (atMs: number): CounterfactualState => ({ calendar: { month: calendarMonth(atMs) }, cusum: { sum: 0 }, psi: { above: [] } });

/**
 * The next decision, in order of time. As a window closes, without waiting for its labels:
 * - `calendar`: retrains at the first window that ends in a later UTC month than its last retrain;
 * - `psi`: retrains where the PSI of a feature is above 0.2 and was not in the window before: the retrain would have made it the new baseline.
 *
 * When its labels are counted:
 * - `cusum`: S ← max(0, S + (x̄ − mean) ÷ deviation − k), and retrains where S > h; S then begins at 0 again, as it does with each version. A window
 *   without a loss changes nothing. Source: Page, "Continuous inspection schemes", Biometrika 41, 1954.
 * @throws RangeError where the plan makes no sense, or a mean loss is not finite
 */
export function stepCounterfactuals(state: CounterfactualState, { closed, counted }: CounterfactualFacts): CounterfactualStep {
  const month = closed ? Math.max(state.calendar.month, calendarMonth(closed.untilMs)) : state.calendar.month;
  const above = closed ? shiftedFeatures(closed.features) : state.psi.above;
  const { alarm, cusum } = counted ? countedStep(state.cusum, counted) : { alarm: false, cusum: state.cusum };
  const fired: Record<CounterfactualPolicy, boolean> = {
    calendar: month > state.calendar.month, cusum: alarm, psi: above.some((name) => !state.psi.above.includes(name)),
  };
  return { state: { calendar: { month }, cusum, psi: { above } }, retrained: (['calendar', 'cusum', 'psi'] as const).filter((policy) => fired[policy]) };
}

function countedStep(before: CounterfactualState['cusum'], { version, meanLoss, plan }: CountedFacts): { readonly alarm: boolean; readonly cusum: CounterfactualState['cusum'] } {
  const sum = pageSum(before.version === undefined || before.version === version ? before.sum : 0, meanLoss, plan);
  const alarm = sum > plan.threshold;
  return { alarm, cusum: { sum: alarm ? 0 : sum, version } };
}

/** The names of those whose PSI is above {@link PSI_LIMIT}. */
export const shiftedFeatures = (features: ClosedFacts['features']): string[] => features.flatMap(({ name, psi }) => (psi !== null && psi > PSI_LIMIT ? [name] : []));

/**
 * S of Page's test after a window of mean loss `loss`; as before where it is null.
 * @throws RangeError where the plan makes no sense, or the mean loss is not finite
 */
export function pageSum(before: number, loss: number | null, { mean, deviation, allowance, threshold }: CusumPlan): number {
  if (!(deviation > 0 && deviation < Infinity && allowance >= 0 && threshold > 0 && Number.isFinite(mean))) {
    throw new RangeError(`Page's test needs a deviation above 0, an allowance of at least 0 and a threshold above 0: ${deviation}, ${allowance}, ${threshold}`);
  }
  if (loss === null) return before;
  if (!Number.isFinite(loss)) throw new RangeError(`the mean loss ${loss} is not finite`);
  return Math.max(0, before + (loss - mean) / deviation - allowance);
}

/** Of event time in UTC, counted from year 0. */
export function calendarMonth(ms: number): number {
  const date = new Date(ms);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
