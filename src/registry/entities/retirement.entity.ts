import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { EvidenceClass, EvidenceStepName, RetirementStepName, RetirementTerms, RetirementTrigger } from '../../contracts/retirements.js';

/** That a model is to leave service; rows are only ever added, as are those below. */
@Entity('retirement')
export class Retirement {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'retirement_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'retirement_pkey' })
  number!: number;

  @Column('text')
  trigger!: RetirementTrigger;

  /** The model to ask instead. */
  @Column('text', { nullable: true })
  replacement!: string | null;

  @Column('text')
  reason!: string;

  /** What the spec in force said of it then. */
  @Column('jsonb')
  terms!: RetirementTerms;

  /** Of all that is to be approved. */
  @Column('text')
  digest!: string;

  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  /** The number of its approval. */
  @Column('integer')
  approval!: number;

  @Column('text', { name: 'requested_by' })
  requestedBy!: string;

  @Column('timestamptz', { name: 'requested_at' })
  requestedAt!: Date;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;
}

/** A step that was taken, once. */
@Entity('retirement_step')
export class RetirementStep {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'retirement_step_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'retirement_step_pkey' })
  number!: number;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'retirement_step_pkey' })
  step!: RetirementStepName | EvidenceStepName;

  @Column('text')
  actor!: string;

  @Column('jsonb')
  details!: Readonly<Record<string, unknown>>;

  @Column('timestamptz')
  at!: Date;
}

/** What a consumer answered, and who recorded it. */
@Entity('retirement_confirmation')
export class RetirementConfirmation {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'retirement_confirmation_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'retirement_confirmation_pkey' })
  number!: number;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'retirement_confirmation_pkey' })
  consumer!: string;

  @Column('text')
  said!: string;

  @Column('text')
  actor!: string;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;

  @Column('timestamptz')
  at!: Date;
}

/** What became of an artifact whose time had come. */
@Entity('retirement_deletion')
export class RetirementDeletion {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'retirement_deletion_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'retirement_deletion_pkey' })
  number!: number;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'retirement_deletion_pkey' })
  digest!: string;

  @Column('text')
  evidence!: EvidenceClass;

  /** `kept`: something else refers to the same bytes, or may. */
  @Column('text')
  outcome!: 'deleted' | 'kept';

  @Column('text')
  reason!: string;

  @Column('timestamptz')
  at!: Date;
}

/** The certificate as it was issued: after the drill, and again after each deletion. */
@Entity('retirement_certificate')
export class RetirementCertificate {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'retirement_certificate_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'retirement_certificate_pkey' })
  number!: number;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'retirement_certificate_pkey' })
  edition!: number;

  /** Classes whose deletion it tells of. */
  @Column('text', { array: true })
  evidence!: EvidenceClass[];

  @Column('text', { name: 'json_digest' })
  jsonDigest!: string;

  @Column('text', { name: 'html_digest' })
  htmlDigest!: string;

  @Column('timestamptz')
  at!: Date;
}

/** Nothing of a retired model is deleted while one is in force. */
@Entity('legal_hold')
export class LegalHold {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'legal_hold_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'legal_hold_pkey' })
  number!: number;

  @Column('text')
  reason!: string;

  @Column('text', { name: 'set_by' })
  setBy!: string;

  @Column('timestamptz', { name: 'set_at' })
  setAt!: Date;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;
}

/** That a legal hold is in force no more. */
@Entity('legal_hold_lift')
export class LegalHoldLift {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'legal_hold_lift_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'legal_hold_lift_pkey' })
  hold!: number;

  @Column('text')
  reason!: string;

  @Column('text', { name: 'lifted_by' })
  liftedBy!: string;

  @Column('timestamptz', { name: 'lifted_at' })
  liftedAt!: Date;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;
}
