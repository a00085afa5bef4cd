import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from '../columns.js';

/** What a version did in a deployment at one gateway since that started; `since` is when it was first routed to. */
@Entity('serving_tally')
export class ServingTally {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'serving_tally_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'serving_tally_pkey' })
  deployment!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'serving_tally_pkey' })
  version!: number;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'serving_tally_pkey' })
  gateway!: string;

  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'serving_tally_pkey' })
  boot!: string;

  @Column('bigint', { transformer: bigintAsNumber })
  requests!: number;

  @Column('bigint', { transformer: bigintAsNumber })
  rows!: number;

  /** Failed requests by failure type. */
  @Column('jsonb')
  errors!: Record<string, number>;

  /** Counts of the buckets of contracts/latency-buckets.ts. */
  @Column('bigint', { array: true })
  latency!: string[];

  @Column('bigint', { transformer: bigintAsNumber })
  executed!: number;

  @Column('bigint', { transformer: bigintAsNumber })
  dropped!: number;

  @Column('bigint', { transformer: bigintAsNumber })
  failed!: number;

  @Column('bigint', { name: 'mirrored_latency', array: true })
  mirroredLatency!: string[];

  @Column('timestamptz')
  since!: Date;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt!: Date;
}
