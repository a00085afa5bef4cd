import { Context } from '@temporalio/activity';
import type { Origin } from '../src/registry/audit-ledger.js';

/** The workflow run on whose behalf the current activity works. */
export function origin(): Origin {
  const { workflowExecution } = Context.current().info;
  return { workflowId: workflowExecution?.workflowId ?? null, runId: workflowExecution?.runId ?? null };
}

/** When the current activity was asked for, by Temporal's clock, by which the workflows' deadlines run. */
export const askedAt = (): Date => new Date(Context.current().info.currentAttemptScheduledTimestampMs);

const BEAT_MS = 1_000;

/**
 * Does a long piece of work while telling Temporal that it lives; `beat` reports how far it is.
 * The signal is aborted when the activity is cancelled.
 */
export async function heartbeating<T>(work: (signal: AbortSignal, beat: (progress: unknown) => void) => Promise<T>): Promise<T> {
  const context = Context.current();
  let latest: unknown = null;
  const timer = setInterval(() => context.heartbeat(latest), BEAT_MS);
  try {
    return await work(context.cancellationSignal, (progress) => {
      latest = progress;
    });
  } finally {
    clearInterval(timer);
  }
}
