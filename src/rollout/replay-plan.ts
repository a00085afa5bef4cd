import type { ReplayPlan } from '../contracts/replays.js';
import { durationMs } from '../contracts/time.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { planOfSpec } from './comparison-plan.js';

/** What a replay is bound to when it is asked for. Times are milliseconds since 1970. */
export interface ReplayBinding extends Pick<ReplayPlan, 'number' | 'deployment' | 'version' | 'specDigest' | 'fromMs' | 'untilMs' | 'labelRevision' | 'trainingWindow' | 'heldOut'> {
  /** How far event time has come; null where nothing was observed. */
  readonly streamTimeMs: number | null;
}

/** The comparison of the spec's rollout section over a period. @throws PerennialError `InvalidRequest` for a comparison that makes no sense */
export function replayPlan(spec: ModelSpec, { streamTimeMs, ...binding }: ReplayBinding): ReplayPlan {
  const labelHorizonMs = durationMs(spec.data.labelHorizon) as number;
  return {
    planVersion: 1, model: spec.model, ...binding, task: spec.task, labelHorizonMs,
    labelledUntilMs: streamTimeMs === null ? null : streamTimeMs - labelHorizonMs,
    comparison: planOfSpec(spec), guards: spec.rollout.guards,
  };
}

/**
 * The features of a version that inputs logged for another one do not hold: not there, or of another type. A category that
 * the other spec did not know is no hindrance: its text was logged.
 */
export const featuresLacking = (taken: readonly FeatureSpec[], logged: readonly FeatureSpec[]): string[] =>
  taken.filter(({ name, type }) => !logged.some((feature) => feature.name === name && feature.type === type)).map(({ name }) => name);
