import { CompleteAsyncError, Context } from '@temporalio/activity';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { FAILURES, PerennialError } from '../src/contracts/failures.js';
import { isDatabaseAway } from '../src/registry/database-errors.js';

/** Makes every failure that leaves an activity an `ApplicationFailure` with a type of `docs/ERRORS.md`. */
export class FailureInterceptor implements ActivityInboundCallsInterceptor {
  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    try {
      return await next(input);
    } catch (error) {
      const { cancellationSignal, info } = Context.current();
      // Whatever the work said when it was stopped: it was stopped because somebody asked for it.
      throw cancellationSignal.aborted ? new CancelledFailure('Cancelled on request') : toFailure(error, info.attempt);
    }
  }
}

/** What nobody foresaw is tried this often: a workflow must end without a person's help. */
const UNFORESEEN_ATTEMPTS = 5;

function toFailure(error: unknown, attempt: number): unknown {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure || error instanceof CompleteAsyncError) return error;
  if (error instanceof PerennialError) {
    const { type, message, details } = error;
    return ApplicationFailure.create({ type, message, nonRetryable: !FAILURES[type].retryable || details['final'] === true, details: [details], cause: asError(error.cause) });
  }
  const type = isDatabaseAway(error) ? 'DependencyUnavailable' : 'Internal';
  const nonRetryable = type === 'Internal' && attempt >= UNFORESEEN_ATTEMPTS;
  return ApplicationFailure.create({ type, message: messageOf(error), nonRetryable, cause: asError(error) });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const asError = (error: unknown): Error | undefined => (error instanceof Error ? error : undefined);
