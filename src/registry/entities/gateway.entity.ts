import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ObservationLogState } from '../../contracts/observation-log.js';
import { bigintAsNumber } from '../columns.js';

/** A running gateway; its lease is live until `expiresAt`. */
@Entity('gateway_lease')
export class GatewayLease {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'gateway_lease_pkey' })
  gateway!: string;

  /** Differs at every start of the process. */
  @Column('uuid')
  boot!: string;

  @Column('text')
  url!: string;

  @Column('timestamptz', { name: 'renewed_at' })
  renewedAt!: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;

  /** Null until it has said so. */
  @Column('jsonb', { name: 'observation_log', nullable: true })
  observationLog!: ObservationLogState | null;
}

/** The revision of a deployment's routing that a gateway serves. */
@Entity('gateway_acknowledgement')
export class GatewayAcknowledgement {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'gateway_acknowledgement_pkey' })
  gateway!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'gateway_acknowledgement_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'gateway_acknowledgement_pkey' })
  deployment!: string;

  @Column('uuid')
  boot!: string;

  @Column('bigint', { transformer: bigintAsNumber })
  revision!: number;

  @Column('timestamptz', { name: 'acknowledged_at' })
  acknowledgedAt!: Date;
}
