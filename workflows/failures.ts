import { ActivityFailure, ApplicationFailure, CancelledFailure, ChildWorkflowFailure, isCancellation, TerminatedFailure, TimeoutFailure } from '@temporalio/workflow';
import { type FailureDetails, isFailureType } from '../src/contracts/failures.js';
import type { StoredFailure } from '../src/contracts/retrains.js';

/** What went wrong, as it goes on the record; the cause that was raised, not its wrappers. */
export function storedFailure(error: unknown): StoredFailure {
  if (isCancellation(error)) return { type: 'WorkflowCancelled', message: 'Cancelled on request', details: {} };
  const cause = rootOf(error);
  if (cause instanceof TerminatedFailure) return { type: 'WorkflowTerminated', message: 'Terminated by an operator', details: {} };
  if (cause instanceof TimeoutFailure) {
    return { type: 'ActivityTimedOut', message: `A step ran out of time (${cause.timeoutType ?? 'unknown'}): ${cause.message}`, details: {} };
  }
  if (cause instanceof ApplicationFailure && isFailureType(cause.type)) {
    return { type: cause.type, message: cause.message, details: (cause.details?.[0] ?? {}) as FailureDetails };
  }
  return { type: 'Internal', message: cause instanceof Error ? cause.message : String(cause), details: {} };
}

/** Leaves the workflow with a type of docs/ERRORS.md; a plain error would make Temporal retry the workflow task for ever. */
export const typedFailure = (failure: StoredFailure): ApplicationFailure =>
  ApplicationFailure.nonRetryable(failure.message, failure.type, failure.details);

function rootOf(error: unknown): unknown {
  if ((error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) && error.cause) return rootOf(error.cause);
  return error;
}

export const cancelled = (): CancelledFailure => new CancelledFailure('Cancelled on request');
