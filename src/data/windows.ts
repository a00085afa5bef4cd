import type { HeldOut } from '../contracts/artifacts.js';
import { PerennialError } from '../contracts/failures.js';
import { durationMs, isoTime, type EventWindow } from '../contracts/time.js';
import type { ModelSpec } from '../spec/model-spec.js';

export interface SnapshotWindows {
  readonly train: EventWindow;
  readonly evaluation: EventWindow;
  /** Blocks of the evaluation window that judge while its others train; left out where all of it judges. */
  readonly heldOut?: HeldOut;
}

/**
 * The windows of a retrain as of an event time: evaluation is the last `evaluation.window` whose labels are complete by
 * then, training what comes before it. Where blocks are held out, training goes on until the end of the evaluation.
 *
 * @param oldestMs the oldest event time of the source, where `training.window` is `all`
 */
export function windowsAsOf(spec: ModelSpec, asOfMs: number, oldestMs: number): SnapshotWindows {
  const evaluationEnd = asOfMs - lengthMs(spec.data.labelHorizon);
  const evaluationStart = evaluationEnd - lengthMs(spec.evaluation.window);
  const { window } = spec.training;
  const trainStart = window === 'all' ? Math.min(oldestMs, evaluationStart) : evaluationStart - lengthMs(window);
  const heldOut = heldOutOf(spec);
  return {
    train: { start: isoTime(trainStart), end: isoTime(heldOut ? evaluationEnd : evaluationStart) },
    evaluation: { start: isoTime(evaluationStart), end: isoTime(evaluationEnd) },
    ...(heldOut && { heldOut }),
  };
}

const heldOutOf = ({ evaluation: { holdOutEvery: every }, rollout: { comparison: { block } } }: ModelSpec): HeldOut | undefined => (every === 1 ? undefined : { every, block });

/** @throws PerennialError `InvalidRequest` when the text is no time with a zone. */
export function parseAsOf(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms) || !/^\d{4}-\d\d-\d\dT\d\d:\d\d.*(?:Z|[+-]\d\d:\d\d)$/.test(text)) {
    throw new PerennialError('InvalidRequest', `asOf ${JSON.stringify(text.slice(0, 100))} is no time; write it as 2013-06-30T00:00:00Z`, { asOf: text.slice(0, 100) });
  }
  return ms;
}

/** The spec's schema has let only durations through. */
function lengthMs(duration: string): number {
  const ms = durationMs(duration);
  if (ms === undefined) throw new TypeError(`${duration} is no duration`);
  return ms;
}
