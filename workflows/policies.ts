import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { TASK_QUEUES } from '../src/contracts/motion.js';

/**
 * Named timeouts and retries. Which failures are worth another try is said where they are raised: an activity's
 * interceptor marks the others as not retryable. So a step is tried until its dependency is back.
 */
const untilItAnswers = { initialInterval: '100 milliseconds', backoffCoefficient: 2, maximumInterval: '10 seconds' } as const;

/** Reads and writes of the record: milliseconds, unless Postgres is away. */
export const record = proxyActivities<Activities['lifecycle']>({
  taskQueue: TASK_QUEUES.lifecycle,
  startToCloseTimeout: '30 seconds',
  retry: untilItAnswers,
});

/** Asks gateways to follow; bounded by its own argument. */
export const gateways = proxyActivities<Pick<Activities['lifecycle'], 'awaitGateways'>>({
  taskQueue: TASK_QUEUES.lifecycle,
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '20 seconds',
  retry: untilItAnswers,
});

/** Reads pages of Temporal's runs and histories. */
export const listing = proxyActivities<Pick<Activities['lifecycle'], 'beginReconciliation' | 'reconcilePage'>>({
  taskQueue: TASK_QUEUES.lifecycle,
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '30 seconds',
  retry: untilItAnswers,
});

/** Work over data: minutes to hours; a worker that dies is noticed by its missing heartbeat. */
export const data = proxyActivities<Activities['data']>({
  taskQueue: TASK_QUEUES.data,
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { ...untilItAnswers, maximumInterval: '30 seconds', maximumAttempts: 30 },
});

/** A training's own limits come from the spec; attempts are bounded so that a retrain always ends. */
export const trainingOptions = (timeoutMs: number, heartbeatTimeoutMs: number) => ({
  taskQueue: TASK_QUEUES.train,
  startToCloseTimeout: timeoutMs + 60_000,
  heartbeatTimeout: heartbeatTimeoutMs,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 20 },
});
