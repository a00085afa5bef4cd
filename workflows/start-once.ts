import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { ChildWorkflowHandle, Workflow } from '@temporalio/workflow';

/** @returns undefined when it was started before: by an earlier delivery of the command, or by reconciliation. */
export async function startOnce<T extends Workflow>(start: () => Promise<ChildWorkflowHandle<T>>): Promise<ChildWorkflowHandle<T> | undefined> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}
