import { FAILURES, isFailureType } from '../contracts/failures.js';
import { countSlower } from '../contracts/latency-buckets.js';
import type { Breach, ComparisonStanding, ReleasePlan, TrafficFigures, UnlabelledFigures } from '../contracts/releases.js';
import { tallyDifference, type VersionTally } from '../contracts/serving-tallies.js';
import { errorRateBreach, outputShiftBreach, slowShareBreach, type Breach as Guard } from './breach.js';
import type { Judgement } from './comparison.js';
import type { UnlabelledJudgement, UnlabelledPlan } from './unlabelled-comparison.js';

/** How a comparison stands, in the words of a release. */
export const comparisonStanding = (analysis: number, { n, missing, gain, low, high, outcome, blocks, untilMs }: Judgement): ComparisonStanding => ({
  analysis, samples: n, missingLabels: missing, gain, low, high, outcome: outcome ?? 'inconclusive', exhausted: outcome === 'inconclusive', blocks, untilMs,
});

export const unlabelledFigures = ({ rows, agreement, outputs, slow }: UnlabelledJudgement): UnlabelledFigures => ({
  pairs: rows, agreement: agreement.share, outputShift: outputs?.distance ?? null, outputShiftLow: outputs?.low ?? null,
  slowShare: slow.challenger.share, slowShareLow: slow.challenger.low,
});

/** Rows from which the bounds before labels hold. */
const UNLABELLED_MINIMUM = 200;
const REGRESSION_TOLERANCE = 0.01;

/** Before labels: two classes agree on the same side of one half; numbers when they differ by a hundredth of the bound. */
export const unlabelledPlan = ({ task, comparison: { alpha, bound }, guards }: Pick<ReleasePlan, 'task' | 'comparison' | 'guards'>): UnlabelledPlan => ({
  threshold: task === 'regression' ? null : 0.5, tolerance: task === 'regression' ? REGRESSION_TOLERANCE * bound : 0,
  slowAfterMs: guards.slowAfterMs, alpha: guardAlpha(alpha), minimumSamples: UNLABELLED_MINIMUM,
});

/** The guards share one error rate. */
const GUARDS = 3;
const guardAlpha = (alpha: number): number => alpha / GUARDS;

/** A stretch ends at so many requests; a fault after a long calm is seen in the next one. */
const STRETCH_REQUESTS = 1_000;

/** Requests of a version, answered and mirrored, from its tally over a stretch. */
export function trafficOf(tally: VersionTally | undefined, slowAfterMs: number): TrafficFigures {
  if (!tally) return { requests: 0, rows: 0, errors: 0, slow: 0, mirrored: { executed: 0, dropped: 0, failed: 0 } };
  const { executed, dropped, failed, latency } = tally.mirrored;
  return {
    requests: tally.requests, rows: tally.rows, errors: ownErrors(tally.errors),
    slow: countSlower(tally.latency, slowAfterMs) + countSlower(latency, slowAfterMs), mirrored: { executed, dropped, failed },
  };
}

/** What a caller did wrong is no fault of the version. */
function ownErrors(errors: Readonly<Record<string, number>>): number {
  return Object.entries(errors).reduce((sum, [type, count]) => (isFailureType(type) && FAILURES[type].status < 500 ? sum : sum + count), 0);
}

export interface GuardInput {
  readonly plan: ReleasePlan;
  readonly tallies: readonly VersionTally[];
  /** What versions had done when the step began. */
  readonly before: readonly VersionTally[];
  readonly stretch: { readonly number: number; readonly from: readonly VersionTally[] };
  readonly unlabelled: UnlabelledJudgement | null;
}

export interface GuardFigures {
  readonly traffic: TrafficFigures;
  readonly breaches: Breach[];
  readonly stretch: { readonly number: number; readonly from: readonly VersionTally[] };
}

/** What the guards say of the version's step, and of the newest stretch of it. Stretch k has 1/(k (k + 1)) of half the error rate. */
export function guardFigures({ plan, tallies, before, stretch, unlabelled }: GuardInput): GuardFigures {
  const { guards, version } = plan;
  const added = (since: readonly VersionTally[]) => trafficOf(tallyDifference(tallies, since).find((tally) => tally.version === version), guards.slowAfterMs);
  const [traffic, newest] = [added(before), added(stretch.from)];
  const alpha = guardAlpha(plan.comparison.alpha) / 2;
  const found = [
    ...shares(traffic, plan, alpha), ...shares(newest, plan, alpha / (stretch.number * (stretch.number + 1))),
    ...(unlabelled ? [outputShiftBreach(unlabelled, guards.maximumOutputShift)] : []),
  ].filter(({ breached }) => breached);
  const breaches = [...new Map(found.map((guard) => [guard.guard, breachOf(guard)])).values()];
  const full = asked(newest) >= STRETCH_REQUESTS;
  return { traffic, breaches, stretch: full ? { number: stretch.number + 1, from: tallies } : stretch };
}

const asked = ({ requests, errors, mirrored: { executed, failed } }: TrafficFigures): number => requests + errors + executed + failed;

function shares(traffic: TrafficFigures, { guards }: ReleasePlan, alpha: number): Guard[] {
  const { requests, errors, slow, mirrored: { executed, failed } } = traffic;
  return [
    errorRateBreach({ trials: asked(traffic), successes: errors + failed }, guards.maximumErrorRate, alpha),
    slowShareBreach({ trials: requests + executed, successes: Math.min(slow, requests + executed) }, guards.maximumSlowShare, alpha),
  ];
}

const breachOf = ({ guard, measured, limit, explanation }: Guard): Breach => ({ guard, measured, limit, explanation: `Guard ${guard}: ${explanation}.` });
