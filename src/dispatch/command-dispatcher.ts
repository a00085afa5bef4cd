import { type Client, WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';
import type { CommandOutcome } from '../contracts/commands.js';
import { COMMAND_UPDATE, type ModelLifecycleInput, modelWorkflowId, TASK_QUEUES } from '../contracts/motion.js';
import type { Workflow } from '@temporalio/common';
import { modelAttributes } from '../contracts/search-attributes.js';
import type { CommandsRepository } from '../registry/commands.repository.js';
import type { Command } from '../registry/entities/command.entity.js';

/** A command that was sent this long ago and is not settled yet is sent again. */
const RESEND_AFTER_MS = 5_000;
const SEND_DEADLINE_MS = 10_000;
const BATCH = 20;

/**
 * Sends accepted commands to the workflow of their model. The update carries the command's id alone; what it asks for,
 * and whether it has had its effect, is in the record, so that sending twice does no harm.
 */
export class CommandDispatcher {
  constructor(
    private readonly client: Client,
    private readonly commands: CommandsRepository,
  ) {}

  /** Sends a command and waits for its outcome. @throws when Temporal or the worker does not answer in time. */
  async send(command: Pick<Command, 'id' | 'model'>): Promise<CommandOutcome> {
    await this.commands.markSent(command.id, new Date());
    const input: ModelLifecycleInput = { inputVersion: 1, model: command.model, handled: 0 };
    const start = new WithStartWorkflowOperation('modelLifecycle', {
      workflowId: modelWorkflowId(command.model),
      taskQueue: TASK_QUEUES.lifecycle,
      args: [input],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `Life of ${command.model}`,
      typedSearchAttributes: modelAttributes({ model: command.model }),
    });
    return this.client.withDeadline(Date.now() + SEND_DEADLINE_MS, () =>
      this.client.workflow.executeUpdateWithStart<Workflow, CommandOutcome, [string]>(COMMAND_UPDATE, {
        startWorkflowOperation: start,
        args: [command.id],
        updateId: command.id,
      }),
    );
  }

  /**
   * Sends again what nobody has settled; one that fails does not hold up the others.
   * @returns how many were sent. @throws the last failure to reach Temporal, once every command had its turn
   */
  async sendWaiting(now: Date): Promise<number> {
    const waiting = await this.commands.waiting(new Date(now.getTime() - RESEND_AFTER_MS), BATCH);
    const sent = await Promise.allSettled(waiting.map((command) => this.send(command)));
    // A handler that failed has said so on the record; an unreachable server is tried again in the next round.
    const unreached = sent.findLast((result) => result.status === 'rejected' && !(result.reason instanceof WorkflowUpdateFailedError));
    if (unreached?.status === 'rejected') throw unreached.reason;
    return waiting.length;
  }
}
