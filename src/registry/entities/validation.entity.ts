import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { SoundnessAnswers, ValidationCheckName, ValidationDecision, ValidationOutcome } from '../../contracts/validations.js';
import type { Verdict } from '../../contracts/verdict.js';
import type { ModelSpec } from '../../spec/model-spec.js';

/** A version of a governed model that passed its gate and waits to be validated. It is open until it has an end; rows are only ever added. */
@Entity('validation')
export class Validation {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'validation_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'validation_pkey' })
  version!: number;

  /** That made the version. */
  @Column('integer')
  retrain!: number;

  /** Where it is to be promoted. */
  @Column('text')
  deployment!: string;

  /** That the version was made under; another one in force voids the validation. */
  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('text')
  tier!: ModelSpec['tier'];

  @Column('timestamptz', { name: 'opened_at' })
  openedAt!: Date;

  /** Until when a validator has to decide. */
  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;

  @Column('double precision', { name: 'remind_every_ms' })
  remindEveryMs!: number;
}

/** What one check found; made once. */
@Entity('validation_check')
export class ValidationCheckRecord {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'validation_check_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'validation_check_pkey' })
  version!: number;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'validation_check_pkey' })
  name!: ValidationCheckName;

  @Column('text')
  verdict!: Verdict;

  @Column('text')
  explanation!: string;

  @Column('jsonb')
  figures!: Readonly<Record<string, unknown>>;

  @Column('timestamptz')
  at!: Date;
}

/** The report, an artifact. */
@Entity('validation_report')
export class ValidationReportRecord {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'validation_report_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'validation_report_pkey' })
  version!: number;

  @Column('text')
  digest!: string;

  @Column('timestamptz')
  at!: Date;
}

/** What was decided over a report, once a round. */
@Entity('validation_decision')
export class ValidationDecisionRecord {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'validation_decision_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'validation_decision_pkey' })
  version!: number;

  /** From 1; what was sent back to the validator is decided anew. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'validation_decision_pkey', default: 1 })
  round!: number;

  @Column('text')
  choice!: ValidationDecision;

  @Column('text', { name: 'report_digest' })
  reportDigest!: string;

  @Column('text')
  actor!: string;

  @Column('text')
  reason!: string;

  /** To the questionnaire. */
  @Column('jsonb')
  answers!: SoundnessAnswers;

  /** Numbers of those that a conditional approval opened. */
  @Column('integer', { array: true })
  findings!: number[];

  /** Null where the checks decided. */
  @Column('uuid', { name: 'command_id', nullable: true })
  commandId!: string | null;

  @Column('timestamptz')
  at!: Date;
}

/** What a validation came to: the first word stands. */
@Entity('validation_end')
export class ValidationEnd {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'validation_end_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'validation_end_pkey' })
  version!: number;

  @Column('text')
  outcome!: ValidationOutcome;

  @Column('text')
  reason!: string;

  /** Of who ended it by a move of its stage, which has what they gave for it; null where it ended by itself. */
  @Column('uuid', { name: 'command_id', nullable: true })
  commandId!: string | null;

  @Column('timestamptz')
  at!: Date;
}
