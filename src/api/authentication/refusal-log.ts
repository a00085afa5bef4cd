import type { Permission } from '../../contracts/permissions.js';
import type { CallersRepository } from '../../registry/callers.repository.js';

const BETWEEN_MS = 60_000;

interface Told {
  readonly atMs: number;
  /** Refusals that no entry counts yet. */
  untold: number;
}

/**
 * Puts commands that were refused on the record: for each actor and permission one entry a minute, which counts those since the one before, so that who
 * asks a million times fills no ledger.
 */
export class RefusalLog {
  /** No larger than principals times permissions. */
  private readonly told = new Map<string, Told>();

  constructor(
    private readonly callers: CallersRepository,
    private readonly now: () => number = Date.now,
  ) {}

  async add(actor: string, permission: Permission, model: string | null): Promise<void> {
    const key = `${permission} ${actor}`;
    const [before, atMs] = [this.told.get(key), this.now()];
    if (before && atMs - before.atMs < BETWEEN_MS) {
      before.untold += 1;
      return;
    }
    this.told.set(key, { atMs, untold: 0 });
    await this.callers.recordRefusals({ actor, permission, model, count: 1 + (before?.untold ?? 0) }, new Date(atMs));
  }
}
