import { resolve } from 'node:path';
import { DataSource } from 'typeorm';
import { FolderStore } from '../artifacts/folder-store.js';
import { AuditLedger } from '../registry/audit-ledger.js';
import { CallersRepository } from '../registry/callers.repository.js';
import { registryDataSource } from '../registry/data-source.js';
import { GatewaySamplesRepository } from '../registry/gateway-samples.repository.js';
import { GatewaysRepository } from '../registry/gateways.repository.js';
import { ModelsRepository } from '../registry/models.repository.js';
import { RoutingRepository } from '../registry/routing.repository.js';
import { ObservationsRepository } from '../registry/observations.repository.js';
import { ServingRepository } from '../registry/serving.repository.js';
import { VersionsRepository } from '../registry/versions.repository.js';
import { GatewayLeaseKeeper } from './gateway-lease.js';
import { causeOf, type GatewayLog } from './gateway-log.js';
import type { GatewaySampler } from './gateway-sampler.js';
import { ObservationLogReport, type ReportedFigures } from './observation-log-report.js';
import { RoutingFollower } from './routing-follower.js';
import { RoutingListener } from './routing-listener.js';
import type { RoutingTable } from './routing-table.js';
import type { SegmentDestination } from './segment-uploader.js';
import type { ServingTallies } from './serving-tallies.js';
import { type MirroredSink, VersionLoader } from './version-loader.js';

export interface RecordSettings {
  readonly databaseUrl: string;
  readonly databasePool: number;
  /** Folder of the artifact store. */
  readonly artifactUrl: string;
}

/** What the gateway does with what its versions do. */
export interface ServingOutlets {
  /** Names this start of the process. */
  readonly boot: string;
  readonly tallies: ServingTallies;
  readonly samples: GatewaySampler;
  /** Takes what challengers made of mirrored requests. */
  readonly mirrored: MirroredSink;
  /** How it keeps what it answers. */
  readonly kept: ReportedFigures;
}

const QUERY_TIMEOUT_MS = 5_000;

/** Everything of the gateway that talks with the record: its lease, and the routing that it follows. */
export class RecordLink {
  private readonly dataSource: DataSource;
  private readonly lease: GatewayLeaseKeeper;
  private readonly follower: RoutingFollower;
  private readonly listener: RoutingListener;
  /** Where sealed segments of the observation log go. */
  readonly segments: SegmentDestination;
  /** Who calls, by what they show. */
  readonly callers: CallersRepository;
  private opening: Promise<unknown> | undefined;
  private starting: Promise<void> | undefined;
  private stopped = false;
  private toldAway = false;
  private toldCounts = false;
  private readonly flushes: readonly (() => Promise<void>)[];

  constructor(
    settings: RecordSettings, { name, url }: { name: string; url: string }, table: RoutingTable, private readonly log: GatewayLog, private readonly outlets: ServingOutlets,
  ) {
    const registry = registryDataSource({ url: settings.databaseUrl, poolSize: settings.databasePool });
    // A server that vanished without a word must not hold up the next poll.
    this.dataSource = new DataSource({ ...registry.options, extra: { ...(registry.options.extra as object), query_timeout: QUERY_TIMEOUT_MS, keepAlive: true } });
    const identity = { gateway: name, boot: outlets.boot, url };
    const gateways = new GatewaysRepository(this.dataSource);
    const serving = new ServingRepository(this.dataSource);
    const samples = new GatewaySamplesRepository(this.dataSource);
    this.flushes = [
      () => outlets.tallies.flush((changed) => serving.record(identity, changed, new Date())),
      () => outlets.samples.flush((taken) => samples.record(identity, taken)),
    ];
    const audit = new AuditLedger(this.dataSource);
    this.callers = new CallersRepository(this.dataSource, audit);
    const routing = new RoutingRepository(this.dataSource, audit);
    const store = new FolderStore(resolve(settings.artifactUrl));
    this.segments = { store, record: new ObservationsRepository(this.dataSource) };
    const loader = new VersionLoader(new ModelsRepository(this.dataSource), new VersionsRepository(this.dataSource, audit), store);
    const report = new ObservationLogReport(outlets.kept);
    this.lease = new GatewayLeaseKeeper({
      renew: async (who, now, expiresAt) => {
        await this.open();
        await gateways.renew(who, now, expiresAt, report.state(now.getTime()));
        report.told();
        await this.flushCounts();
      },
      expire: (who, now) => gateways.expire(who, now, report.state(now.getTime())),
    }, identity);
    this.follower = new RoutingFollower({
      read: () => routing.all(),
      load: (model, version) => loader.load(model, version),
      challenge: (model, version) => loader.challenge(model, version, outlets.mirrored),
      withdrawn: (model, deployment) => serving.withdrawn(model, deployment),
      acknowledge: (model, deployment, revision) => gateways.acknowledge(identity, model, deployment, revision, new Date()),
    }, table, log);
    this.listener = new RoutingListener(settings.databaseUrl, () => this.follower.wake(), log);
  }

  start(): void {
    this.outlets.samples.start();
    this.starting = this.lease.start().then(() => {
      if (this.stopped) return;
      this.follower.start();
      this.listener.start();
    });
  }

  /** Applies no further routing. */
  async unfollow(): Promise<void> {
    this.stopped = true;
    await Promise.all([this.follower.stop(), this.listener.stop()]);
  }

  async close(): Promise<void> {
    this.outlets.samples.end();
    await this.flushCounts();
    await this.lease.end().catch(() => undefined);
    await this.starting;
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  /** Counts that cannot be written must not cost the lease; they are written with the next renewal. */
  private async flushCounts(): Promise<void> {
    if (!this.dataSource.isInitialized) return;
    const failures = (await Promise.allSettled(this.flushes.map((flush) => flush()))).flatMap((settled) => (settled.status === 'rejected' ? [settled.reason as unknown] : []));
    if (failures.length > 0 && !this.toldCounts) this.log.warn(causeOf(failures[0]), 'Tallies and samples cannot be written; they go on being counted');
    this.toldCounts = failures.length > 0;
  }

  /** Opens the connections, once; again after a failure. */
  private async open(): Promise<void> {
    this.opening ??= this.dataSource.initialize();
    await this.opening.catch((error: unknown) => {
      this.opening = undefined;
      if (!this.toldAway) this.log.warn(causeOf(error), 'The record cannot be reached; the gateway is ready once it was read');
      this.toldAway = true;
      throw error;
    });
  }
}
