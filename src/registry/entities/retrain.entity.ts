import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { RetrainOutcome, RetrainStage, RetrainTrigger, StoredFailure } from '../../contracts/retrains.js';
import { bigintAsNumber } from '../columns.js';
import type { DataReport } from '../../contracts/data-report.js';

/** One retrain of a model, from its request to its outcome. */
@Entity('retrain')
@Index('retrain_one_active', ['model'], { unique: true, where: '"outcome" IS NULL' })
export class Retrain {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'retrain_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'retrain_pkey' })
  number!: number;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;

  @Column('text')
  deployment!: string;

  @Column('text')
  trigger!: RetrainTrigger;

  /** Event time up to which the data is looked at; null: the newest that the source holds. */
  @Column('timestamptz', { name: 'as_of', nullable: true })
  asOf!: Date | null;

  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('text', { name: 'requested_by' })
  requestedBy!: string;

  @Column('timestamptz', { name: 'requested_at' })
  requestedAt!: Date;

  @Column('text')
  stage!: RetrainStage;

  /** Null while it runs. */
  @Column('text', { nullable: true })
  outcome!: RetrainOutcome | null;

  /** One sentence that says why the outcome is what it is. */
  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('jsonb', { nullable: true })
  failure!: StoredFailure | null;

  @Column('text', { name: 'snapshot_digest', nullable: true })
  snapshotDigest!: string | null;

  @Column('jsonb', { name: 'data_report', nullable: true })
  dataReport!: DataReport | null;

  /** The version that it made, if it came so far. */
  @Column('integer', { nullable: true })
  version!: number | null;

  @Column('bigint', { name: 'promoted_epoch', nullable: true, transformer: bigintAsNumber })
  promotedEpoch!: number | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt!: Date | null;

  /** The workflow's history, exported before Temporal forgets it: gzipped JSON in the artifact store. */
  @Column('text', { name: 'history_digest', nullable: true })
  historyDigest!: string | null;
}
