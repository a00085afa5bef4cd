import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandOutcome } from '../../contracts/commands.js';
import type { CommandsRepository } from '../../registry/commands.repository.js';

const PERIOD_MS = 25;

interface Wait {
  readonly id: string;
  readonly until: number;
  readonly over: AbortSignal;
  readonly resolve: (outcome: CommandOutcome | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Looks on the record for what became of commands, with one query for all who wait, however many they are. */
export class OutcomeWatch {
  private readonly waits = new Set<Wait>();
  private looking = false;

  constructor(private readonly commands: Pick<CommandsRepository, 'outcomesOf'>) {}

  /** @returns null when the time is over, in milliseconds, or the caller knows it from elsewhere. @throws when Postgres does not answer */
  outcome(id: string, withinMs: number, over: AbortSignal): Promise<CommandOutcome | null> {
    const found = new Promise<CommandOutcome | null>((resolve, reject) => this.waits.add({ id, until: performance.now() + withinMs, over, resolve, reject }));
    if (!this.looking) void this.look();
    return found;
  }

  private async look(): Promise<void> {
    this.looking = true;
    while (this.waits.size > 0) {
      await sleep(PERIOD_MS);
      const asked = [...this.waits];
      try {
        const outcomes = await this.commands.outcomesOf([...new Set(asked.map(({ id }) => id))]);
        for (const wait of asked) this.answer(wait, outcomes.get(wait.id));
      } catch (error) {
        for (const wait of asked) this.end(wait).reject(error);
      }
    }
    this.looking = false;
  }

  private answer(wait: Wait, outcome: CommandOutcome | undefined): void {
    if (outcome || wait.over.aborted || performance.now() >= wait.until) this.end(wait).resolve(outcome ?? null);
  }

  private end(wait: Wait): Wait {
    this.waits.delete(wait);
    return wait;
  }
}
