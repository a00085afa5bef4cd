import { setTimeout as sleep } from 'node:timers/promises';
import { type FailureType, PerennialError } from '../contracts/failures.js';
import type { Routing } from '../registry/entities/routing.entity.js';
import type { Challenger } from './challenger.js';
import { causeOf, type GatewayLog } from './gateway-log.js';
import { type RoutingTable, stopsWhenStale } from './routing-table.js';
import type { ServedVersion } from './served-version.js';

/** What following the routing needs of the record and of the runtime. */
export interface RoutingSource {
  /** Every routing row. */
  read(): Promise<readonly Routing[]>;
  load(model: string, version: number): Promise<ServedVersion>;
  /** Begins to start a version in a process of its own. */
  challenge(model: string, version: number): Promise<Challenger>;
  /** Versions that serve in the deployment no more. */
  withdrawn(model: string, deployment: string): Promise<ReadonlySet<number>>;
  /** Tells the record which revision is served. */
  acknowledge(model: string, deployment: string, revision: number): Promise<void>;
}

export interface FollowerTimes {
  readonly pollMs: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** How long an acknowledgement waits for challengers to start. */
  readonly challengersMs: number;
}

const DEFAULT_TIMES: FollowerTimes = { pollMs: 2_000, retryFirstMs: 1_000, retryMaxMs: 30_000, challengersMs: 1_000 };

const POLLS_WITHIN_STALE = 4;
const LEAST_POLL_MS = 100;

interface Retry {
  readonly attempts: number;
  readonly retryAtMs: number;
}

/** How far one deployment has come. */
interface Progress {
  busy: boolean;
  /** Something newer was read while it was busy. */
  missed: boolean;
  acknowledged: number;
  /** The revision that could not be loaded, how often, and when it is tried again. */
  failed: (Retry & { readonly revision: number }) | null;
  /** Challengers that are being started, and those that could not be. */
  readonly starting: Set<number>;
  readonly failedChallengers: Map<number, Retry>;
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
      await sleep(this.pollMs(), undefined, { signal: this.wakeUp.signal }).catch(() => undefined);
    }
  }

  /** A champion that stops when its routing is old must not do so between two polls. */
  private pollMs(): number {
    const bounds = this.table.deployments().flatMap((served) => (served.policy && stopsWhenStale(served) ? [Math.max(served.policy.maxStaleMs / POLLS_WITHIN_STALE, LEAST_POLL_MS)] : []));
    return bounds.reduce((least, bound) => Math.min(least, bound), this.times.pollMs);
  }

  private async refresh(): Promise<void> {
    const askedAtMs = performance.now();
    try {
      const rows = await this.source.read();
      // Named before they count as read: a caller must not hear that a registered model is unknown.
      for (const row of rows) this.table.announce(row.model, row.deployment, servingVersion(row));
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
    const progress = this.progress.get(key) ?? { busy: false, missed: false, acknowledged: 0, failed: null, starting: new Set(), failedChallengers: new Map() };
    this.progress.set(key, progress);
    if (progress.busy) {
      progress.missed = true;
      return;
    }
    const { failed } = progress;
    const applied = this.table.revision(row.model, row.deployment);
    const behind = row.revision > applied && !(failed?.revision === row.revision && performance.now() < failed.retryAtMs);
    if (this.stopping.signal.aborted || (!behind && progress.acknowledged >= applied && this.missing(row, progress).length === 0)) return;
    Object.assign(progress, { busy: true, missed: false });
    this.keep(this.bring(row, progress, behind).finally(() => {
      progress.busy = false;
      if (progress.missed) this.wake();
    }));
  }

  private keep(work: Promise<void>): void {
    const kept = work.finally(() => this.working.delete(kept));
    this.working.add(kept);
  }

  private async bring(row: Routing, progress: Progress, behind: boolean): Promise<void> {
    if (behind) await this.apply(row, progress);
    if (this.missing(row, progress).length > 0) await this.bringChallengers(row, progress);
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
    const { model, deployment, revision, epoch, salt, paused, retirement } = row;
    try {
      const champion = await this.championOf(row);
      const challengers = (this.table.served(model, deployment)?.challengers ?? []).filter(({ version }) => challengersOf(row).includes(version));
      const weights = new Map(Object.entries(row.weights).map(([version, percent]) => [Number(version), percent]));
      this.table.swap({ model, deployment, revision, epoch, champion, challengers, weights, salt, paused, policy: champion?.policy ?? null, retirement });
      progress.failed = null;
      progress.failedChallengers.clear();
      this.log.info({ model, deployment, revision, epoch, version: row.champion, challengers: row.challengers, paused }, 'The routing is applied');
    } catch (error) {
      const retry = this.retryAfter(progress.failed?.revision === revision ? progress.failed : undefined);
      progress.failed = { revision, ...retry };
      this.table.fail(model, deployment, { revision, type: typeOf(error) });
      this.log.error({ model, deployment, revision, version: row.champion, attempts: retry.attempts, retryInMs: retry.retryInMs, ...causeOf(error) },
        'The routing could not be applied; what served before goes on serving');
      return;
    }
    await this.source.withdrawn(model, deployment).then(
      (versions) => this.table.withdraw(model, deployment, versions),
      (error: unknown) => this.log.warn({ model, deployment, ...causeOf(error) }, 'It is not known which versions were withdrawn'));
  }

  /** Challengers that the applied revision wants, that do not run, and whose time it is to be started. */
  private missing(row: Routing, { starting, failedChallengers }: Progress): number[] {
    const served = this.table.served(row.model, row.deployment);
    if (served?.revision !== row.revision || this.stopping.signal.aborted) return [];
    return challengersOf(row).filter((version) => !served.challengers.some((challenger) => challenger.version === version)
      && !starting.has(version) && (failedChallengers.get(version)?.retryAtMs ?? 0) <= performance.now());
  }

  /** Starts what is missing, side by side. One that takes long is waited for no longer than the bound, and joins when it is ready. */
  private async bringChallengers(row: Routing, progress: Progress): Promise<void> {
    const starts = this.missing(row, progress).map((version) => this.startChallenger(row, version, progress));
    for (const start of starts) this.keep(start);
    const patience = new AbortController();
    await Promise.race([Promise.all(starts), sleep(this.times.challengersMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
  }

  private async startChallenger({ model, deployment, revision }: Routing, version: number, progress: Progress): Promise<void> {
    progress.starting.add(version);
    try {
      const challenger = await this.source.challenge(model, version);
      progress.failedChallengers.delete(version);
      // It joins before it is ready, so that what it misses is counted.
      if (!this.stopping.signal.aborted && this.table.join(model, deployment, revision, challenger)) await challenger.attempt(this.times.challengersMs);
      else {
        await challenger.retire();
        // The revision that came meanwhile may want it too.
        this.wake();
      }
    } catch (error) {
      const retry = this.retryAfter(progress.failedChallengers.get(version));
      progress.failedChallengers.set(version, retry);
      this.table.failChallenger(model, deployment, version, typeOf(error));
      this.log.error({ model, deployment, revision, challenger: version, attempts: retry.attempts, retryInMs: retry.retryInMs, ...causeOf(error) },
        'The challenger could not be started; the champion serves without it');
    } finally {
      progress.starting.delete(version);
    }
  }

  private retryAfter(before: Retry | undefined): Retry & { readonly retryInMs: number } {
    const attempts = (before?.attempts ?? 0) + 1;
    const retryInMs = Math.min(this.times.retryFirstMs * 2 ** (attempts - 1), this.times.retryMaxMs);
    return { attempts, retryInMs, retryAtMs: performance.now() + retryInMs };
  }

  private async championOf(row: Routing): Promise<ServedVersion | null> {
    const { model, deployment } = row;
    const champion = servingVersion(row);
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

const typeOf = (error: unknown): FailureType => (error instanceof PerennialError ? error.type : 'DependencyUnavailable');

/** Of a retired model nothing is loaded: its files may be gone. */
const servingVersion = ({ champion, retirement }: Routing): number | null => (retirement?.state === 'retired' ? null : champion);

/** A version that is champion by now challenges nobody. */
const challengersOf = ({ champion, challengers }: Routing): number[] => challengers.filter((version) => version !== champion);
