import { Logger } from '@nestjs/common';
import type { CommandKind, CommandOutcome } from '../../contracts/commands.js';
import { PerennialError } from '../../contracts/failures.js';
import type { CommandDispatcher } from '../../dispatch/command-dispatcher.js';
import type { CommandRequest, CommandsRepository } from '../../registry/commands.repository.js';
import type { Command } from '../../registry/entities/command.entity.js';
import type { CallsUnderWay } from './calls-under-way.js';
import { OutcomeWatch } from './outcome-watch.js';

export type OutcomeOf<K extends CommandKind> = Extract<CommandOutcome, { kind: K }>;

/** What became of a command while its caller waited; without an outcome it is started later. */
export interface CommandAnswer<K extends CommandKind> {
  readonly command: Command;
  readonly outcome: OutcomeOf<K> | null;
}

/**
 * Takes commands: accepts each once, sends it to its model's workflow, and waits a while for the outcome on the record.
 * Of many equal requests one sends; all of them wait on the same row and get the same answer.
 */
export class CommandFlow {
  private readonly logger = new Logger('Commands');
  private readonly waits = new Map<string, Promise<CommandOutcome | null>>();
  private readonly watch: OutcomeWatch;

  constructor(
    private readonly commands: CommandsRepository,
    private readonly dispatcher: CommandDispatcher,
    private readonly calls: CallsUnderWay,
    /** How long a caller waits for the outcome, in milliseconds. */
    private readonly outcomeTimeoutMs: number,
  ) {
    this.watch = new OutcomeWatch(commands);
  }

  /** @throws PerennialError what the command was refused with, or `IdempotencyKeyReused` */
  async run<K extends CommandKind>(request: CommandRequest<K>): Promise<CommandAnswer<K>> {
    const { command, created } = await this.commands.accept(request, new Date());
    const outcome = command.outcome ?? (await this.wait(command, created));
    if (outcome?.kind === 'refused') throw new PerennialError(outcome.type, outcome.message, { ...outcome.details, commandId: command.id });
    return { command, outcome: outcome as OutcomeOf<K> | null };
  }

  private wait(command: Command, created: boolean): Promise<CommandOutcome | null> {
    const known = this.waits.get(command.id);
    if (known && !created) return known;
    const waiting = this.outcomeOf(command, created).finally(() => {
      if (this.waits.get(command.id) === waiting) this.waits.delete(command.id);
    });
    this.waits.set(command.id, waiting);
    return waiting;
  }

  private async outcomeOf(command: Command, created: boolean): Promise<CommandOutcome | null> {
    const over = new AbortController();
    const watched = this.watch.outcome(command.id, this.outcomeTimeoutMs, over.signal);
    try {
      return await (created ? Promise.race([watched, this.send(command, watched)]) : watched);
    } finally {
      over.abort();
    }
  }

  /** The record decides; a message that got lost is sent again by the loop. */
  private async send(command: Command, watched: Promise<CommandOutcome | null>): Promise<CommandOutcome | null> {
    try {
      return (await this.calls.track(this.dispatcher.send(command))) ?? (await watched);
    } catch (error) {
      this.logger.debug(`${command.kind} ${command.id} was not settled at once: ${error instanceof Error ? error.message : String(error)}`);
      return watched;
    }
  }
}
