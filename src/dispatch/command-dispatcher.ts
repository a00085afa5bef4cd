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
const BATCH = 50;

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

  /** Sends again what nobody has settled. @returns how many were sent. */
  async sendWaiting(now: Date): Promise<number> {
    const waiting = await this.commands.waiting(new Date(now.getTime() - RESEND_AFTER_MS), BATCH);
    for (const command of waiting) {
      await this.send(command).catch((error: unknown) => {
        // A handler that failed has said so on the record; an unreachable server is tried again.
        if (!(error instanceof WorkflowUpdateFailedError)) throw error;
      });
    }
    return waiting.length;
  }
}
