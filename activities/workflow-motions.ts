import { Injectable } from '@nestjs/common';
import { Client, WorkflowNotFoundError } from '@temporalio/client';
import { TASK_QUEUES } from '../src/contracts/motion.js';
import type { StoredFailure } from '../src/contracts/retrains.js';
import { modelAttributes, type WorkflowFacts } from '../src/contracts/search-attributes.js';
import { type HistoryDocument, historyDocument } from './history-document.js';

/** How Temporal knows a workflow; where it has closed, what that means for work that the record holds as open. */
export type Motion = 'running' | 'missing' | StoredFailure;

/** Workflows as Temporal knows them, by their ids. */
@Injectable()
export class WorkflowMotions {
  constructor(private readonly client: Client) {}

  /**
   * @param release which release's run is looked for, and when it was asked for: a version is released again under the same
   *   id, and what has closed may be an earlier release's run. One that still runs keeps the id until it has closed.
   */
  async of(workflowId: string, release?: { readonly number: number; readonly requestedAt: Date }): Promise<Motion> {
    try {
      const { status, closeTime, memo } = await this.client.workflow.getHandle(workflowId).describe();
      if (release && closeTime && (closeTime < release.requestedAt || isOfAnother(memo, release.number))) return 'missing';
      return status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW' ? 'running' : endedFrom(status.name);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'missing';
      throw error;
    }
  }

  async start(type: string, workflowId: string, input: unknown, summary: string, facts: WorkflowFacts, memo: Record<string, unknown> = {}): Promise<void> {
    await this.client.workflow.start(type, {
      workflowId, taskQueue: TASK_QUEUES.lifecycle, args: [input], staticSummary: summary, memo,
      workflowIdConflictPolicy: 'USE_EXISTING', typedSearchAttributes: modelAttributes(facts),
    });
  }

  /** A closed workflow's history. */
  async history(workflowId: string): Promise<HistoryDocument> {
    return historyDocument(await this.client.workflow.getHandle(workflowId).fetchHistory());
  }
}

const isOfAnother = (memo: Record<string, unknown> | undefined, number: number): boolean => typeof memo?.['release'] === 'number' && memo['release'] !== number;

/** What it means that a workflow is closed while the record holds its work as open. */
function endedFrom(status: string): StoredFailure {
  if (status === 'TERMINATED') return { type: 'WorkflowTerminated', message: 'Terminated by an operator', details: {} };
  if (status === 'CANCELLED') return { type: 'WorkflowCancelled', message: 'Cancelled on request', details: {} };
  if (status === 'TIMED_OUT') return { type: 'WorkflowTimedOut', message: 'The workflow ran out of time', details: {} };
  return { type: 'Internal', message: `The workflow closed as ${status.toLowerCase()} without recording an outcome`, details: { status } };
}
