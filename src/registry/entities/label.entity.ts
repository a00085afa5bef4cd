import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { LabelCounts, LabelFault, LabelFormat } from '../../contracts/labels.js';
import type { StoredFailure } from '../../contracts/retrains.js';
import { bigintAsNumber } from '../columns.js';

/** Labels that came in one request; its bytes are in the artifact store as they were sent. */
@Entity('label_batch')
export class LabelBatch {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'label_batch_pkey' })
  model!: string;

  /** From 1 for each model, in the order of their arrival; they are ingested in it. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'label_batch_pkey' })
  number!: number;

  @Column('text')
  deployment!: string;

  @Column('text')
  actor!: string;

  /** The caller's `Idempotency-Key`; unique with the actor. */
  @Column('text', { name: 'idempotency_key' })
  idempotencyKey!: string;

  /** Of what was asked: model, deployment, format and the artifact's digest. */
  @Column('text', { name: 'body_digest' })
  bodyDigest!: string;

  @Column('text')
  format!: LabelFormat;

  @Column('text', { name: 'artifact_digest' })
  artifactDigest!: string;

  @Column('bigint', { transformer: bigintAsNumber })
  bytes!: number;

  @Column('timestamptz', { name: 'received_at' })
  receivedAt!: Date;

  /** Null while it waits. */
  @Column('timestamptz', { name: 'ingested_at', nullable: true })
  ingestedAt!: Date | null;

  @Column('jsonb', { nullable: true })
  counts!: LabelCounts | null;

  /** The first ones. */
  @Column('jsonb', { nullable: true })
  faults!: readonly LabelFault[] | null;

  /** Why nothing of it could be read. */
  @Column('jsonb', { nullable: true })
  failure!: StoredFailure | null;
}

/** The labels of a batch that are kept, as Parquet. A batch without any has none. */
@Entity('label_file')
@Index('label_file_deployment', ['model', 'deployment', 'batch'])
export class LabelFile {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'label_file_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'label_file_pkey' })
  batch!: number;

  @Column('text')
  deployment!: string;

  @Column('text')
  digest!: string;

  @Column('bigint', { transformer: bigintAsNumber })
  bytes!: number;

  @Column('integer')
  rows!: number;

  /** Rows whose event time was not known when they came: it must be read for every stretch of time. */
  @Column('integer')
  unplaced!: number;

  /** Event time of the others. */
  @Column('timestamptz', { name: 'first_event_time', nullable: true })
  firstEventTime!: Date | null;

  @Column('timestamptz', { name: 'last_event_time', nullable: true })
  lastEventTime!: Date | null;

  /** Event time of the predictions whose figures it may have changed after they were taken: corrected, or labelled late. */
  @Column('timestamptz', { name: 'amends_from', nullable: true })
  amendsFrom!: Date | null;

  @Column('timestamptz', { name: 'amends_until', nullable: true })
  amendsUntil!: Date | null;

  /** Event time of those that got their first label in time: figures that were taken before under another horizon, or while it was ingested, lack it. */
  @Column('timestamptz', { name: 'in_time_from', nullable: true })
  inTimeFrom!: Date | null;

  @Column('timestamptz', { name: 'in_time_until', nullable: true })
  inTimeUntil!: Date | null;
}
