import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { quantile } from '../statistics.js';

const LOOK_EVERY_MS = 20;
const PLAN_EVERY_MS = 5;
/** Beyond them the load falls behind, which is what it is there to show. */
const AT_ONCE = 32;

export interface Sustained {
  readonly entriesAMinute: number;
  /** From the end of the transaction to the leaf, in milliseconds; seen up to 20 ms late. */
  readonly lagP50: number;
  readonly lagP99: number;
  readonly lagMax: number;
  /** The longest that an entry was under no signed checkpoint, in seconds. */
  readonly checkpointBehindS: number;
}

/** An open loop: entries are due at their times, whatever became of those before. `transact` gives the id of its command. */
export async function sustained(dataSource: DataSource, entriesAMinute: number, seconds: number, transact: () => Promise<string>): Promise<Sustained> {
  const watch = new LedgerWatch(dataSource);
  await watch.begin();
  const started = performance.now();
  const running = new Set<Promise<void>>();
  let [planned, done, ended] = [0, 0, started];
  const one = async (): Promise<void> => {
    watch.committed(await transact(), performance.now());
    done += 1;
    ended = performance.now();
  };
  for (let nowMs = 0; nowMs < seconds * 1_000; nowMs = performance.now() - started) {
    for (; planned < (nowMs / 60_000) * entriesAMinute && running.size < AT_ONCE; planned += 1) {
      const run: Promise<void> = one().finally(() => running.delete(run));
      running.add(run);
    }
    await pause(PLAN_EVERY_MS);
  }
  await Promise.all(running);
  const found = await watch.end();
  return { entriesAMinute: (done / (ended - started)) * 60_000, ...found };
}

/** Looks at the tree and at checkpoints while entries come. */
class LedgerWatch {
  private readonly committedAt = new Map<string, number>();
  private readonly lags: number[] = [];
  /** When the entry at a position was committed. */
  private readonly entryAt: number[] = [];
  private first = 0;
  private behindMs = 0;
  private watching = true;
  private looks: Promise<void> = Promise.resolve();

  constructor(private readonly dataSource: DataSource) {}

  async begin(): Promise<void> {
    this.first = await this.size();
    this.looks = this.look();
  }

  committed(commandId: string, atMs: number): void {
    this.committedAt.set(commandId, atMs);
  }

  /** Once all of them are in the tree. */
  async end(): Promise<Omit<Sustained, 'entriesAMinute'>> {
    while (this.lags.length < this.committedAt.size) await pause(LOOK_EVERY_MS);
    this.watching = false;
    await this.looks;
    return { lagP50: quantile(this.lags, 0.5), lagP99: quantile(this.lags, 0.99), lagMax: Math.max(...this.lags), checkpointBehindS: this.behindMs / 1_000 };
  }

  private async look(): Promise<void> {
    let seen = this.first;
    while (this.watching) {
      const rows: { position: string; id: string | null }[] = await this.dataSource.query(
        'SELECT position, command_id AS id FROM audit_leaf JOIN audit_entry ON audit_entry.id = entry_id WHERE position >= $1 ORDER BY position', [seen]);
      const nowMs = performance.now();
      for (const { position, id } of rows) {
        this.sequenced(Number(position), id, nowMs);
        seen = Number(position) + 1;
      }
      await this.lookAtCheckpoint(nowMs);
      await pause(LOOK_EVERY_MS);
    }
  }

  private sequenced(position: number, commandId: string | null, nowMs: number): void {
    // The leaf of a transaction that has not told yet that it ended came at once.
    const committedMs = (commandId === null ? undefined : this.committedAt.get(commandId)) ?? nowMs;
    this.entryAt[position - this.first] = committedMs;
    if (commandId !== null) this.lags.push(nowMs - committedMs);
  }

  private async lookAtCheckpoint(nowMs: number): Promise<void> {
    const [{ signed }] = await this.dataSource.query<[{ signed: string }]>('SELECT coalesce(max(size), 0) AS signed FROM audit_checkpoint');
    const waiting = this.entryAt[Math.max(0, Number(signed) - this.first)];
    if (waiting !== undefined) this.behindMs = Math.max(this.behindMs, nowMs - waiting);
  }

  private async size(): Promise<number> {
    const [{ size }] = await this.dataSource.query<[{ size: string }]>('SELECT coalesce(max(position) + 1, 0) AS size FROM audit_leaf');
    return Number(size);
  }
}
