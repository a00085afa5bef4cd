import { setTimeout as sleep } from 'node:timers/promises';
import { PerennialError } from '../contracts/failures.js';
import type { Routing } from '../registry/entities/routing.entity.js';
import { causeOf, type GatewayLog } from './gateway-log.js';
import type { RoutingTable } from './routing-table.js';
import type { ServedVersion } from './served-version.js';

/** What following the routing needs of the record and of the runtime. */
export interface RoutingSource {
  /** Every routing row. */
  read(): Promise<readonly Routing[]>;
  load(model: string, version: number): Promise<ServedVersion>;
  /** Tells the record which revision is served. */
  acknowledge(model: string, deployment: string, revision: number): Promise<void>;
}

export interface FollowerTimes {
  readonly pollMs: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
}

const DEFAULT_TIMES: FollowerTimes = { pollMs: 2_000, retryFirstMs: 1_000, retryMaxMs: 30_000 };

/** How far one deployment has come. */
interface Progress {
  busy: boolean;
  /** Something newer was read while it was busy. */
  missed: boolean;
  acknowledged: number;
  /** The revision that could not be loaded, how often, and when it is tried again. */
  failed: { revision: number; attempts: number; retryAtMs: number } | null;
}

/**
 * Brings the table to what the record says: polls it, is woken early by `wake`, applies only higher revisions, and
 * acknowledges one when it serves. A revision that cannot be loaded leaves the one before in service and is tried again.
 */
export class RoutingFollower {
  private readonly progress = new Map<string, Progress>();
  private readonly working = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private wakeUp = new AbortController();
  private reachable = true;
  private loop: Promise<void> | undefined;

  constructor(
    private readonly source: RoutingSource,
    private readonly table: RoutingTable,
    private readonly log: GatewayLog,
    private readonly times: FollowerTimes = DEFAULT_TIMES,
  ) {}

  start(): void {
    this.loop ??= this.run();
  }

  /** Reads the routing now instead of at the next poll. */
  wake(): void {
    this.wakeUp.abort();
  }

  /** Returns when nothing is being read or loaded any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.loop;
    await Promise.all(this.working);
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.wakeUp = new AbortController();
      await this.refresh();
      await sleep(this.times.pollMs, undefined, { signal: this.wakeUp.signal }).catch(() => undefined);
    }
  }

  private async refresh(): Promise<void> {
    const askedAtMs = performance.now();
    try {
      const rows = await this.source.read();
      // Named before they count as read: a caller must not hear that a registered model is unknown.
      for (const row of rows) this.table.announce(row.model, row.deployment, row.champion);
      this.table.confirm(askedAtMs);
      this.noteReachable(true);
      for (const row of rows) this.follow(row);
    } catch (error) {
      this.noteReachable(false, error);
    }
  }

  /** Deployments are followed side by side: one slow load holds up no other. */
  private follow(row: Routing): void {
    const key = `${row.model}/${row.deployment}`;
    const progress = this.progress.get(key) ?? { busy: false, missed: false, acknowledged: 0, failed: null };
    this.progress.set(key, progress);
    if (progress.busy) {
      progress.missed = true;
      return;
    }
    const { failed } = progress;
    const applied = this.table.revision(row.model, row.deployment);
    const behind = row.revision > applied && !(failed?.revision === row.revision && performance.now() < failed.retryAtMs);
    if (this.stopping.signal.aborted || (!behind && progress.acknowledged >= applied)) return;
    Object.assign(progress, { busy: true, missed: false });
    const work = this.bring(row, progress, behind).finally(() => {
      progress.busy = false;
      this.working.delete(work);
      if (progress.missed) this.wake();
    });
    this.working.add(work);
  }

  private async bring(row: Routing, progress: Progress, behind: boolean): Promise<void> {
    if (behind) await this.apply(row, progress);
    const applied = this.table.revision(row.model, row.deployment);
    if (progress.acknowledged >= applied) return;
    try {
      await this.source.acknowledge(row.model, row.deployment, applied);
      progress.acknowledged = applied;
    } catch (error) {
      this.log.warn({ model: row.model, deployment: row.deployment, revision: applied, ...causeOf(error) }, 'The revision could not be acknowledged; it is tried again');
    }
  }

  private async apply(row: Routing, progress: Progress): Promise<void> {
    const { model, deployment, revision, epoch } = row;
    try {
      const champion = await this.championOf(row);
      const { salt, paused } = row;
      const weights = new Map(Object.entries(row.weights).map(([version, percent]) => [Number(version), percent]));
      this.table.swap({ model, deployment, revision, epoch, champion, challengers: [], weights, salt, paused, policy: champion?.policy ?? null });
      progress.failed = null;
      this.log.info({ model, deployment, revision, epoch, version: row.champion }, 'The routing is applied');
    } catch (error) {
      const attempts = progress.failed?.revision === revision ? progress.failed.attempts + 1 : 1;
      const retryInMs = Math.min(this.times.retryFirstMs * 2 ** (attempts - 1), this.times.retryMaxMs);
      progress.failed = { revision, attempts, retryAtMs: performance.now() + retryInMs };
      this.table.fail(model, deployment, { revision, type: error instanceof PerennialError ? error.type : 'DependencyUnavailable' });
      this.log.error({ model, deployment, revision, version: row.champion, attempts, retryInMs, ...causeOf(error) },
        'The routing could not be applied; what served before goes on serving');
    }
  }

  private async championOf({ model, deployment, champion }: Routing): Promise<ServedVersion | null> {
    if (champion === null) return null;
    const current = this.table.served(model, deployment)?.champion;
    return current?.version === champion ? current : this.source.load(model, champion);
  }

  private noteReachable(reachable: boolean, error?: unknown): void {
    if (reachable === this.reachable) return;
    this.reachable = reachable;
    if (reachable) this.log.info({}, 'The record answers again');
    else this.log.warn(causeOf(error), 'The record does not answer; serving goes on with the routing that is known');
  }
}
