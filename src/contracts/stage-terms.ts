import type { StageAction, StagePause } from './stages.js';

/** One move of a stage as it is on record. */
export interface MadeMove {
  readonly action: StageAction;
  readonly actor: string;
  readonly reason: string;
  readonly at: Date;
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
  let [paused, stoppedMs]: [StagePause | null, number] = [null, 0];
  for (const { action, actor, reason, at } of moves) {
    if (paused && action === 'resume') stoppedMs += Math.max(0, at.getTime() - Math.max(paused.sinceMs, sinceMs));
    paused = action === 'pause' ? { by: actor, sinceMs: at.getTime(), reason } : null;
  }
  return { paused, stoppedMs };
}

/** How long something that can be paused may take. What was left when it was paused is left when it goes on. */
export function runningTerm({ openedAt, expiresAt }: Term, moves: readonly MadeMove[]): RunningTerm {
  const { paused, stoppedMs } = pausesOf(moves, openedAt.getTime());
  return { openedAt: later(openedAt, stoppedMs), expiresAt: later(expiresAt, stoppedMs), paused };
}

/** The same of a validation: when it was sent back to its validator, there is as much time as at first. */
export function validationTerm({ openedAt, expiresAt }: Term, moves: readonly MadeMove[]): RunningTerm {
  const back = moves.findLast(({ action }) => action === 'sendBack');
  return runningTerm(back ? { openedAt: back.at, expiresAt: later(back.at, expiresAt.getTime() - openedAt.getTime()) } : { openedAt, expiresAt }, moves);
}

/** Counts the decisions that a validation takes, from 1: what was sent back is decided anew. */
export const decisionRound = (moves: readonly MadeMove[]): number => 1 + moves.filter(({ action }) => action === 'sendBack').length;

const later = (at: Date, ms: number): Date => new Date(at.getTime() + ms);
