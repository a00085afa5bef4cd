import { Column, Entity, PrimaryColumn, Unique } from 'typeorm';
import type { VersionStatus } from '../../contracts/retrains.js';
import type { AdmittedModel } from '../../contracts/admitted-model.js';
import { bigintAsNumber } from '../columns.js';

/** One trained and admitted artifact. Only its status ever changes, and whether it may serve. */
@Entity('model_version')
@Unique('model_version_retrain', ['model', 'retrain'])
export class ModelVersion {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'model_version_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'model_version_pkey' })
  number!: number;

  /** The retrain that made it; its training run says with which code, parameters and environment. */
  @Column('integer')
  retrain!: number;

  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('text', { name: 'snapshot_digest' })
  snapshotDigest!: string;

  @Column('text', { name: 'artifact_digest' })
  artifactDigest!: string;

  @Column('bigint', { name: 'artifact_bytes', transformer: bigintAsNumber })
  artifactBytes!: number;

  /** What admission read from the file: opset, operators, inputs, outputs. */
  @Column('jsonb')
  admission!: AdmittedModel;

  @Column('text')
  status!: VersionStatus;

  /** Why it may never serve again: a release of it was rejected or rolled back. */
  @Column('text', { name: 'unfit_reason', nullable: true })
  unfitReason!: string | null;

  @Column('timestamptz', { name: 'unfit_at', nullable: true })
  unfitAt!: Date | null;

  @Column('text', { name: 'created_by' })
  createdBy!: string;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
