import { getExternalWorkflowHandle, isCancellation, sleep } from '@temporalio/workflow';
import type { AlarmNotice } from '../src/contracts/alarms.js';
import { CHANGED_SIGNAL, modelWorkflowId } from '../src/contracts/motion.js';
import { record } from './policies.js';

const ONCE = { maximumAttempts: 1 } as const;

/** Tells a workflow that the record has changed. The record has it already; a workflow that is not there needs no word. */
export async function tellWorkflow(workflowId: string): Promise<void> {
  await getExternalWorkflowHandle(workflowId).signal(CHANGED_SIGNAL).catch(() => undefined);
}

/** Tells the model's lifecycle that something of it has ended. */
export const tellLifecycle = (model: string): Promise<void> => tellWorkflow(modelWorkflowId(model));

/** Tells a person, on the record first. */
export async function tellPerson(notice: AlarmNotice): Promise<void> {
  await record.raiseAlarm.executeWithOptions({ summary: `Raise an alarm: ${notice.kind}` }, [notice]);
  await deliverAlarms();
}

/** Marks runs that tell the owner of a governed model that a version has gone live. */
export const GO_LIVE_PATCH = 'go-live';

/** Tells the owner of a governed model that a version has gone live, and the lifecycle, which shows whether it is confirmed. */
export async function tellOwner(model: string): Promise<void> {
  const told = await record.sayGoLive.executeWithOptions({ summary: 'Tell the owner that it has gone live' }, [model]);
  if (told) await deliverAlarms();
  await tellLifecycle(model);
}

/** Waits before each try. */
const TRIES_MS = [0, 1_000, 5_000] as const;

/** Sends an alarm that somebody asked for as a test. Whether it arrived, and why not, is on the record with it. */
export async function sendTestAlarm(id: string): Promise<void> {
  for (const [tried, waitMs] of TRIES_MS.entries()) {
    if (waitMs > 0) await sleep(waitMs);
    const over = await record.sendTestAlarm.executeWithOptions({ summary: 'Send a test alarm' }, [id, tried + 1 === TRIES_MS.length]);
    if (over) return;
  }
}

/** Delivers what is on the record; a receiver that is away gets it from the next round of deliveries. */
export async function deliverAlarms(): Promise<void> {
  await record.deliverAlarms.executeWithOptions({ summary: 'Deliver alarms', retry: ONCE }, []).catch((error: unknown) => {
    if (isCancellation(error)) throw error;
  });
}
