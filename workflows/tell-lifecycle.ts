import { getExternalWorkflowHandle } from '@temporalio/workflow';
import { CHANGED_SIGNAL, modelWorkflowId } from '../src/contracts/motion.js';

/** Tells the model's lifecycle that something of it has ended. The record has it already; a lifecycle that is not there needs no word. */
export async function tellLifecycle(model: string): Promise<void> {
  await getExternalWorkflowHandle(modelWorkflowId(model)).signal(CHANGED_SIGNAL).catch(() => undefined);
}
