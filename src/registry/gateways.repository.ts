import { Injectable } from '@nestjs/common';
import { DataSource, MoreThan, MoreThanOrEqual } from 'typeorm';
import type { ObservationLogState } from '../contracts/observation-log.js';
import { GatewayAcknowledgement, GatewayLease } from './entities/gateway.entity.js';

export interface GatewayIdentity {
  readonly gateway: string;
  /** Differs at every start of the process. */
  readonly boot: string;
  readonly url: string;
}

/** Leases of running gateways and the routing revisions that they serve. Time is the callers', never SQL's. */
@Injectable()
export class GatewaysRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** @param log how it keeps what it answers; null where it does not know yet */
  async renew(identity: GatewayIdentity, now: Date, expiresAt: Date, log: ObservationLogState | null = null): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO gateway_lease (gateway, boot, url, renewed_at, expires_at, observation_log) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (gateway) DO UPDATE SET boot = excluded.boot, url = excluded.url, renewed_at = excluded.renewed_at, expires_at = excluded.expires_at,
         observation_log = excluded.observation_log`,
      [identity.gateway, identity.boot, identity.url, now, expiresAt, log && JSON.stringify(log)],
    );
  }

  /** Ends the lease of a gateway that closes, unless another boot holds it by now: what ends in order expires when it was renewed last. */
  async expire(identity: GatewayIdentity, now: Date, log: ObservationLogState | null = null): Promise<void> {
    await this.dataSource.manager.update(GatewayLease, { gateway: identity.gateway, boot: identity.boot }, { renewedAt: now, expiresAt: now, ...(log && { observationLog: log }) });
  }

  /** Notes that a gateway serves a revision; within one boot never a lower one than before. */
  async acknowledge(identity: GatewayIdentity, model: string, deployment: string, revision: number, at: Date): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO gateway_acknowledgement AS known (gateway, model, deployment, boot, revision, acknowledged_at) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (gateway, model, deployment) DO UPDATE SET boot = excluded.boot, revision = excluded.revision, acknowledged_at = excluded.acknowledged_at
         WHERE known.boot <> excluded.boot OR known.revision < excluded.revision`,
      [identity.gateway, model, deployment, identity.boot, revision, at],
    );
  }

  async live(now: Date): Promise<GatewayLease[]> {
    return this.dataSource.manager.find(GatewayLease, { where: { expiresAt: MoreThan(now) }, order: { gateway: 'ASC' } });
  }

  /** Live gateways that do not serve the revision yet, by name. */
  async behind(model: string, deployment: string, revision: number, now: Date): Promise<string[]> {
    const rows: { gateway: string }[] = await this.dataSource.query(
      `SELECT lease.gateway FROM gateway_lease lease
       LEFT JOIN gateway_acknowledgement known
         ON known.gateway = lease.gateway AND known.boot = lease.boot AND known.model = $1 AND known.deployment = $2
       WHERE lease.expires_at > $4 AND coalesce(known.revision, 0) < $3 ORDER BY lease.gateway`,
      [model, deployment, revision, now],
    );
    return rows.map(({ gateway }) => gateway);
  }

  /** Of the gateways that were heard of at or after a moment, whether they run or not. */
  async leasesSince(moment: Date): Promise<GatewayLease[]> {
    return this.dataSource.manager.find(GatewayLease, { where: { renewedAt: MoreThanOrEqual(moment) }, order: { gateway: 'ASC' } });
  }

  async acknowledgements(model: string): Promise<GatewayAcknowledgement[]> {
    return this.dataSource.manager.find(GatewayAcknowledgement, { where: { model }, order: { gateway: 'ASC' } });
  }
}
