import type { Judgement } from './comparison.js';
import { lowerShare, type Counts } from './share-sequence.js';
import type { UnlabelledJudgement } from './unlabelled-comparison.js';

/**
 * What the guards of a release look at. A guard is breached when the confidence bound, not merely the figure, lies beyond
 * the limit, so that a few unlucky requests take nothing back; each bound may be looked at as often as one likes.
 *
 * A bound that is carried over a long calm answers a sudden fault late: counts should begin anew with each stretch (a
 * step of the canary, an hour of the watch), and alpha be divided by the stretches where their joint error rate matters.
 */
export interface Breach {
  readonly guard: 'errorRate' | 'slowShare' | 'outputShift' | 'loss';
  readonly breached: boolean;
  /** Requests or rows that were counted. */
  readonly n: number;
  /** A share of 1 or a distance from 0 to 1; for `loss` the mean gain of the version under guard. Null: nothing counted. */
  readonly measured: number | null;
  /** The side of the confidence sequence that must lie beyond the limit: from below, and for `loss` from above. */
  readonly bound: number | null;
  readonly limit: number;
  readonly explanation: string;
}

/** Requests for which the shares are tuned: few, since a fault should be seen early. */
const TUNED_FOR = 200;

/**
 * @param counts requests to the version, and those that it did not answer
 * @param limit the largest share that the spec allows
 * @param alpha the chance of a breach, ever, while each request fails with a chance of at most `limit`
 */
export const errorRateBreach = (counts: Counts, limit: number, alpha: number): Breach => shareBreach('errorRate', counts, limit, alpha, 'requests failed');

/** @param counts answers, and those that took longer than the spec's `slowAfterMs` */
export const slowShareBreach = (counts: Counts, limit: number, alpha: number): Breach => shareBreach('slowShare', counts, limit, alpha, 'answers were slow');

/** The distance of both versions' outputs on the same rows; its level is that of the judgement's plan. */
export function outputShiftBreach({ rows, outputs }: UnlabelledJudgement, limit: number): Breach {
  const figures = { guard: 'outputShift', n: rows, measured: outputs?.distance ?? null, bound: outputs?.low ?? null, limit } as const;
  const breached = outputs !== null && outputs.low > limit;
  const explanation = outputs === null
    ? 'no row was answered by both versions yet'
    : `the outputs on ${rows} rows lie ${round(outputs.distance)} apart, at least ${round(outputs.low)}; ${against(breached, round(limit))}`;
  return { ...figures, breached, explanation };
}

/**
 * The version under guard loses more than the other one: the interval of its gain lies below 0, and, where the plan's margin
 * allows a difference, it is not shown to lie within.
 * @param judgement of a comparison in which the version under guard is the challenger (in the watch: against the version before)
 */
export function lossBreach({ n, gain, high, outcome, explanation }: Judgement): Breach {
  return { guard: 'loss', breached: outcome === 'worse', n, measured: gain, bound: high, limit: 0, explanation };
}

function shareBreach(guard: 'errorRate' | 'slowShare', { trials, successes }: Counts, limit: number, alpha: number, what: string): Breach {
  if (!(successes >= 0 && successes <= trials)) throw new RangeError(`${successes} of ${trials} requests cannot be counted`);
  if (trials === 0) return { guard, breached: false, n: 0, measured: null, bound: null, limit, explanation: 'no request was counted yet' };
  const bound = lowerShare(successes, trials, alpha, TUNED_FOR);
  const breached = bound > limit;
  const explanation = `${successes} of ${trials} ${what} (${percent(successes / trials)}, at least ${percent(bound)} at ${percent(1 - alpha)} confidence); ${against(breached, percent(limit))}`;
  return { guard, breached, n: trials, measured: successes / trials, bound, limit, explanation };
}

const against = (breached: boolean, limit: string): string => (breached ? `the limit is ${limit}` : `that does not exceed the limit of ${limit} for sure`);
const round = (value: number): string => String(Number(value.toPrecision(3)));
const percent = (share: number): string => `${round(100 * share)} %`;
