import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ExperimentParameters } from '../../contracts/experiments.js';

/** An experiment that was made elsewhere, as somebody logged it; never changed. */
@Entity('experiment')
export class Experiment {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'experiment_pkey' })
  model!: string;

  /** From 1 for each model. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'experiment_pkey' })
  number!: number;

  @Column('text')
  name!: string;

  @Column('jsonb')
  parameters!: ExperimentParameters;

  /** A snapshot's digest, or whatever names the data where it was made. */
  @Column('text', { name: 'data_version' })
  dataVersion!: string;

  /** A commit, or a digest over the source files. */
  @Column('text', { name: 'code_version' })
  codeVersion!: string;

  @Column('jsonb')
  metrics!: Readonly<Record<string, number>>;

  /** Digests by name. */
  @Column('jsonb')
  artifacts!: Readonly<Record<string, string>>;

  @Column('text', { nullable: true })
  notes!: string | null;

  @Column('text', { name: 'logged_by' })
  loggedBy!: string;

  /** The caller's `Idempotency-Key`; unique with who logged it. */
  @Column('text', { name: 'idempotency_key' })
  idempotencyKey!: string;

  /** Of what was logged: model and facts. */
  @Column('text', { name: 'body_digest' })
  bodyDigest!: string;

  @Column('timestamptz', { name: 'logged_at' })
  loggedAt!: Date;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt!: Date | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt!: Date | null;
}
