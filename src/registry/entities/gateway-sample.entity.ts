import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DeploymentSample, FailureCounts } from '../../contracts/gateway-samples.js';
import { bigintAsNumber } from '../columns.js';

/** What a gateway did and used in a minute of wall time; the minute that runs grows until it has ended. */
@Entity('gateway_sample')
export class GatewaySampleRecord {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'gateway_sample_pkey' })
  gateway!: string;

  /** Differs at every start of the process. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'gateway_sample_pkey' })
  boot!: string;

  @PrimaryColumn('timestamptz', { name: 'from_at', primaryKeyConstraintName: 'gateway_sample_pkey' })
  fromAt!: Date;

  @Column('timestamptz', { name: 'until_at' })
  untilAt!: Date;

  @Column('bigint', { transformer: bigintAsNumber })
  requests!: number;

  @Column('bigint', { transformer: bigintAsNumber })
  rows!: number;

  /** Requests that were answered with an error, by failure type. */
  @Column('jsonb')
  errors!: FailureCounts;

  @Column('bigint', { name: 'memory_bytes', transformer: bigintAsNumber })
  memoryBytes!: number;

  @Column('double precision', { name: 'cpu_seconds' })
  cpuSeconds!: number;

  @Column('integer')
  cores!: number;

  /** Minutes just before it that could be neither written nor kept. */
  @Column('integer')
  lost!: number;

  @Column('jsonb')
  deployments!: readonly DeploymentSample[];
}
