import type { Permission } from '../../contracts/permissions.js';
import type { Identity } from '../../contracts/roles.js';
import type { CallersRepository, Refusals } from '../../registry/callers.repository.js';

const BETWEEN_MS = 60_000;
/** One actor names no more models than this a minute, each with an entry of its own; what is tried on others is counted together. */
const MODELS_AT_ONCE = 20;
const MOST_PATHS = 20;
const LONGEST_PATH = 300;

/** A command that somebody was turned away from. */
export interface Attempt {
  /** `unknown`: whom nobody registered. */
  readonly actor: string;
  /** Null where the route is none of ours. */
  readonly permission: Permission | null;
  readonly model: string | null;
  /** Of the URL: it says which approval, release or alarm was meant. */
  readonly path: string;
  readonly because: Refusals['because'];
  /** Of whom nobody registered. */
  readonly identity?: Identity;
}

interface Told {
  readonly attempt: Attempt;
  readonly atMs: number;
  /** Refusals that no entry counts yet, and what they were about. */
  untold: number;
  readonly paths: Set<string>;
}

/**
 * Puts commands that were refused on the record: for each actor, permission and model the first at once, those of the minute that follows in one entry when it is over, so that who
 * asks a million times fills no ledger. What is counted is written at the latest when the API stops.
 */
export class RefusalLog {
  /** Those of the last minute, and those that are not written yet. */
  private readonly told = new Map<string, Told>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly callers: Pick<CallersRepository, 'recordRefusals'>,
    private readonly now: () => number = Date.now,
  ) {}

  async add(attempt: Attempt): Promise<void> {
    const [key, atMs, path] = [this.keyOf(attempt), this.now(), attempt.path.slice(0, LONGEST_PATH)];
    const before = this.told.get(key);
    if (before && atMs - before.atMs < BETWEEN_MS) {
      before.untold += 1;
      if (before.paths.size < MOST_PATHS) before.paths.add(path);
      return;
    }
    const paths = new Set([...(before?.paths ?? []), path]);
    const told: Told = { attempt: { ...attempt, model: key.endsWith(' others') ? null : attempt.model }, atMs, untold: 0, paths: new Set() };
    this.told.set(key, told);
    await this.record(told, 1 + (before?.untold ?? 0), paths, atMs);
  }

  /** Writes what was counted in minutes that are over. */
  start(): void {
    this.timer = setInterval(() => void this.flush().catch(() => undefined), BETWEEN_MS / 6).unref();
  }

  /** Writes everything that was counted; what cannot be written then is lost with the process. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.flush(Infinity).catch(() => undefined);
  }

  /** @param untilMs which minutes count as over: those that began so long before it. What cannot be written is tried again */
  async flush(untilMs = this.now()): Promise<void> {
    let failed: unknown;
    for (const [key, told] of [...this.told]) {
      if (untilMs - told.atMs < BETWEEN_MS) continue;
      this.told.delete(key);
      if (told.untold === 0) continue;
      try {
        await this.record(told, told.untold, told.paths, this.now());
      } catch (error) {
        if (!this.told.has(key)) this.told.set(key, told);
        failed ??= error;
      }
    }
    if (failed !== undefined) throw failed as Error;
  }

  private keyOf({ actor, permission, because, identity, model }: Attempt): string {
    const who = `${permission} ${because} ${JSON.stringify([actor, identity ?? null])}`;
    const key = `${who} ${model}`;
    if (this.told.has(key) || [...this.told.keys()].filter((one) => one.startsWith(`${who} `)).length < MODELS_AT_ONCE) return key;
    return `${who} others`;
  }

  private record({ attempt: { actor, permission, model, because, identity } }: Told, count: number, paths: ReadonlySet<string>, atMs: number): Promise<void> {
    return this.callers.recordRefusals({ actor, permission, model, because, count, paths: [...paths], ...(identity && { identity }) }, new Date(atMs));
  }
}
