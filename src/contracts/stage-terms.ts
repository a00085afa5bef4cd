import type { StageAction, StagePause } from './stages.js';

/** One move of a stage as it is on record. */
export interface MadeMove {
  readonly action: StageAction;
  readonly actor: string;
  readonly reason: string;
  readonly at: Date;
}

/** A time in which a stage did not move on. */
export interface StageHold {
  readonly pause: StagePause;
  /** Milliseconds since 1970; null: it is not over. */
  readonly untilMs: number | null;
}

/** Until when something may take. */
export interface Term {
  readonly openedAt: Date;
  readonly expiresAt: Date;
}

/** The same, moved on by the pauses that are over: as if it had been opened so much later. */
export interface RunningTerm extends Term {
  /** Null while its time runs. */
  readonly paused: StagePause | null;
}

/**
 * Whether a stage is paused, and for how long pauses that are over stopped its time, milliseconds.
 * @param moves in their order @param sinceMs from when its time runs: what was paused before does not count
 */
export function pausesOf(moves: readonly MadeMove[], sinceMs: number): { readonly paused: StagePause | null; readonly stoppedMs: number } {
  const holds = ownHolds(moves);
  return { paused: heldNow(holds), stoppedMs: stoppedFor(holds, sinceMs) };
}

/**
 * How long something that can be paused may take. What was left when it was paused is left when it goes on.
 * @param holds what stops it beside its own pauses, and comes before them while it lasts
 */
export function runningTerm({ openedAt, expiresAt }: Term, moves: readonly MadeMove[], holds: readonly StageHold[] = []): RunningTerm {
  const own = ownHolds(moves);
  const stoppedMs = stoppedFor([...holds, ...own], openedAt.getTime());
  return { openedAt: later(openedAt, stoppedMs), expiresAt: later(expiresAt, stoppedMs), paused: heldNow(holds) ?? heldNow(own) };
}

/** The same of a validation: when it was sent back to its validator, there is as much time as at first. */
export function validationTerm({ openedAt, expiresAt }: Term, moves: readonly MadeMove[], holds: readonly StageHold[] = []): RunningTerm {
  const back = moves.findLast(({ action }) => action === 'sendBack');
  return runningTerm(back ? { openedAt: back.at, expiresAt: later(back.at, expiresAt.getTime() - openedAt.getTime()) } : { openedAt, expiresAt }, moves, holds);
}

/** Pauses that were resumed, and the one that is not over. */
function ownHolds(moves: readonly MadeMove[]): StageHold[] {
  const holds: StageHold[] = [];
  let paused: StagePause | null = null;
  for (const { action, actor, reason, at } of moves) {
    if (paused && action === 'resume') holds.push({ pause: paused, untilMs: at.getTime() });
    paused = action === 'pause' ? { by: actor, sinceMs: at.getTime(), reason } : null;
  }
  return paused ? [...holds, { pause: paused, untilMs: null }] : holds;
}

const heldNow = (holds: readonly StageHold[]): StagePause | null => holds.find(({ untilMs }) => untilMs === null)?.pause ?? null;

/** Milliseconds of those that are over. Where two were at the same time, that time counts once. */
function stoppedFor(holds: readonly StageHold[], sinceMs: number): number {
  let [stoppedMs, countedMs] = [0, sinceMs];
  for (const { pause, untilMs } of holds.toSorted((one, other) => one.pause.sinceMs - other.pause.sinceMs)) {
    if (untilMs === null) continue;
    stoppedMs += Math.max(0, untilMs - Math.max(pause.sinceMs, countedMs));
    countedMs = Math.max(countedMs, untilMs);
  }
  return stoppedMs;
}

/** Counts the decisions that a validation takes, from 1: what was sent back is decided anew. */
export const decisionRound = (moves: readonly MadeMove[]): number => 1 + moves.filter(({ action }) => action === 'sendBack').length;

const later = (at: Date, ms: number): Date => new Date(at.getTime() + ms);
