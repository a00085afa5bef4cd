import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { DataSource } from 'typeorm';
import { FolderStore } from '../artifacts/folder-store.js';
import { AuditLedger } from '../registry/audit-ledger.js';
import { registryDataSource } from '../registry/data-source.js';
import { GatewaysRepository } from '../registry/gateways.repository.js';
import { ModelsRepository } from '../registry/models.repository.js';
import { RoutingRepository } from '../registry/routing.repository.js';
import { VersionsRepository } from '../registry/versions.repository.js';
import { GatewayLeaseKeeper } from './gateway-lease.js';
import { causeOf, type GatewayLog } from './gateway-log.js';
import { RoutingFollower } from './routing-follower.js';
import { RoutingListener } from './routing-listener.js';
import type { RoutingTable } from './routing-table.js';
import { VersionLoader } from './version-loader.js';

export interface RecordSettings {
  readonly databaseUrl: string;
  readonly databasePool: number;
  /** Folder of the artifact store. */
  readonly artifactUrl: string;
}

const QUERY_TIMEOUT_MS = 5_000;

/** Everything of the gateway that talks with the record: its lease, and the routing that it follows. */
export class RecordLink {
  private readonly dataSource: DataSource;
  private readonly lease: GatewayLeaseKeeper;
  private readonly follower: RoutingFollower;
  private readonly listener: RoutingListener;
  private opening: Promise<unknown> | undefined;
  private starting: Promise<void> | undefined;
  private stopped = false;
  private toldAway = false;

  constructor(settings: RecordSettings, { name, url }: { name: string; url: string }, table: RoutingTable, private readonly log: GatewayLog) {
    const registry = registryDataSource({ url: settings.databaseUrl, poolSize: settings.databasePool });
    // A server that vanished without a word must not hold up the next poll.
    this.dataSource = new DataSource({ ...registry.options, extra: { ...(registry.options.extra as object), query_timeout: QUERY_TIMEOUT_MS, keepAlive: true } });
    const identity = { gateway: name, boot: randomUUID(), url };
    const gateways = new GatewaysRepository(this.dataSource);
    const audit = new AuditLedger(this.dataSource);
    const routing = new RoutingRepository(this.dataSource, audit);
    const loader = new VersionLoader(new ModelsRepository(this.dataSource), new VersionsRepository(this.dataSource, audit), new FolderStore(resolve(settings.artifactUrl)));
    this.lease = new GatewayLeaseKeeper({
      renew: async (...facts) => { await this.open(); await gateways.renew(...facts); },
      expire: (...facts) => gateways.expire(...facts),
    }, identity);
    this.follower = new RoutingFollower({
      read: () => routing.all(),
      load: (model, version) => loader.load(model, version),
      acknowledge: (model, deployment, revision) => gateways.acknowledge(identity, model, deployment, revision, new Date()),
    }, table, log);
    this.listener = new RoutingListener(settings.databaseUrl, () => this.follower.wake(), log);
  }

  start(): void {
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
    await this.lease.end().catch(() => undefined);
    await this.starting;
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
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
