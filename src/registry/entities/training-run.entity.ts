import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TrainingEnvironment, TrainingProgress } from '../../contracts/training.js';
import { bigintAsNumber } from '../columns.js';

/** The training of one retrain, over all its attempts. */
@Entity('training_run')
export class TrainingRun {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'training_run_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'training_run_pkey' })
  retrain!: number;

  @Column('text')
  trainer!: string;

  @Column('jsonb')
  parameters!: Record<string, number | string | boolean>;

  @Column('integer')
  seed!: number;

  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('text', { name: 'snapshot_digest' })
  snapshotDigest!: string;

  /** Digest over the trainer's source files. */
  @Column('text', { name: 'code_digest' })
  codeDigest!: string;

  /** Interpreter, packages and hardware that it ran on; of the attempt that finished. */
  @Column('jsonb', { nullable: true })
  environment!: TrainingEnvironment | null;

  @Column('integer')
  attempts!: number;

  @Column('jsonb', { nullable: true })
  progress!: TrainingProgress | null;

  @Column('text', { name: 'checkpoint_digest', nullable: true })
  checkpointDigest!: string | null;

  /** Units of work that the checkpoint holds. */
  @Column('integer', { name: 'checkpoint_done', nullable: true })
  checkpointDone!: number | null;

  @Column('jsonb', { nullable: true })
  metrics!: Record<string, unknown> | null;

  @Column('text', { name: 'model_digest', nullable: true })
  modelDigest!: string | null;

  @Column('bigint', { name: 'model_bytes', nullable: true, transformer: bigintAsNumber })
  modelBytes!: number | null;

  /** The trainer's own predictions, which admission compares with the model's. */
  @Column('text', { name: 'parity_digest', nullable: true })
  parityDigest!: string | null;

  @Column('timestamptz', { name: 'started_at' })
  startedAt!: Date;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt!: Date | null;
}

/** Who may write for a model's training. A higher token fences off everybody who holds a lower one. */
@Entity('training_lease')
export class TrainingLease {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'training_lease_pkey' })
  model!: string;

  @Column('bigint', { transformer: bigintAsNumber })
  token!: number;

  @Column('integer')
  retrain!: number;

  /** Host, process and attempt, for operators. */
  @Column('text')
  holder!: string;

  @Column('timestamptz', { name: 'taken_at' })
  takenAt!: Date;

  @Column('timestamptz', { name: 'released_at', nullable: true })
  releasedAt!: Date | null;
}
