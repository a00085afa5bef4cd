import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import type { CommandOutcome } from '../contracts/commands.js';
import { COMMAND_UPDATE, INBOX_SIGNAL, type ModelLifecycleInput, modelWorkflowId, TASK_QUEUES } from '../contracts/motion.js';
import type { Workflow } from '@temporalio/common';
import { modelAttributes } from '../contracts/search-attributes.js';
import type { CommandsRepository } from '../registry/commands.repository.js';
import type { Command } from '../registry/entities/command.entity.js';

/** A command that was sent this long ago and is not settled yet is sent again. */
const RESEND_AFTER_MS = 5_000;
const SEND_DEADLINE_MS = 10_000;
/** Temporal takes ten updates at once for a workflow and refuses the rest; there may be a second API. */
const UPDATES_AT_ONCE = 4;
/** Commands of one model that come within so long are told of with one word. */
const GATHER_MS = 50;

/**
 * Sends accepted commands to the workflow of their model: an update with the command's id, which answers with the outcome; or, where many come at once, one word that
 * commands wait in the inbox. What a command asks for, and whether it has had its effect, is in the record, so that sending twice does no harm.
 */
export class CommandDispatcher {
  /** Updates that are under way, by model. */
  private readonly updates = new Map<string, number>();
  /** Words that have not left yet, by model. */
  private readonly words = new Map<string, Promise<void>>();

  constructor(
    private readonly client: Client,
    private readonly commands: CommandsRepository,
  ) {}

  /** Sends a command and waits for its outcome. @returns null where it went into the inbox: the outcome will be on the record. @throws when Temporal or the worker does not answer in time */
  async send({ id, model }: Pick<Command, 'id' | 'model'>): Promise<CommandOutcome | null> {
    const underWay = this.updates.get(model) ?? 0;
    if (underWay >= UPDATES_AT_ONCE) {
      await this.tellOfInbox(model);
      return null;
    }
    this.updates.set(model, underWay + 1);
    try {
      await this.commands.markSent(id, new Date());
      return await this.update(id, model);
    } finally {
      const left = this.updates.get(model)! - 1;
      if (left === 0) this.updates.delete(model);
      else this.updates.set(model, left);
    }
  }

  /**
   * Tells the workflows of commands that nobody has settled; one that fails does not hold up the others.
   * @returns how many commands wait. @throws the last failure to reach Temporal, once every model had its turn
   */
  async sendWaiting(now: Date): Promise<number> {
    const waiting = await this.commands.resend(new Date(now.getTime() - RESEND_AFTER_MS), now);
    const told = await Promise.allSettled(waiting.map(({ model }) => this.tellOfInbox(model)));
    const unreached = told.findLast(({ status }) => status === 'rejected');
    if (unreached?.status === 'rejected') throw unreached.reason;
    return waiting.reduce((sum, { commands }) => sum + commands, 0);
  }

  private update(id: string, model: string): Promise<CommandOutcome> {
    return this.client.withDeadline(Date.now() + SEND_DEADLINE_MS, () =>
      this.client.workflow.executeUpdateWithStart<Workflow, CommandOutcome, [string]>(COMMAND_UPDATE, {
        startWorkflowOperation: new WithStartWorkflowOperation('modelLifecycle', { ...startOf(model), workflowIdConflictPolicy: 'USE_EXISTING' }),
        args: [id],
        updateId: id,
      }),
    );
  }

  /** A word that has not left yet speaks for whatever was accepted before it leaves. */
  private tellOfInbox(model: string): Promise<void> {
    const known = this.words.get(model);
    if (known) return known;
    const word = sleep(GATHER_MS).then(async () => {
      this.words.delete(model);
      await this.client.withDeadline(Date.now() + SEND_DEADLINE_MS, () => this.client.workflow.signalWithStart('modelLifecycle', { ...startOf(model), signal: INBOX_SIGNAL, signalArgs: [] }));
    });
    this.words.set(model, word);
    return word;
  }
}

const startOf = (model: string) => ({
  workflowId: modelWorkflowId(model),
  taskQueue: TASK_QUEUES.lifecycle,
  args: [{ inputVersion: 1, model, handled: 0 } satisfies ModelLifecycleInput],
  staticSummary: `Life of ${model}`,
  typedSearchAttributes: modelAttributes({ model }),
});
