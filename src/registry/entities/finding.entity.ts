import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { FindingSeverity, FindingSource } from '../../contracts/findings.js';

/** Something that is wrong with a model. It is open until it has an end; rows are only ever added. */
@Entity('finding')
export class Finding {
  /** One that is registered, or one that a sweep found elsewhere. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'finding_pkey' })
  model!: string;

  /** Of the model, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'finding_pkey' })
  number!: number;

  /** Null: of the model, not of one version. */
  @Column('integer', { nullable: true })
  version!: number | null;

  @Column('text')
  source!: FindingSource;

  @Column('text')
  severity!: FindingSeverity;

  @Column('text')
  title!: string;

  /** What must be shown for it to be closed. */
  @Column('text', { name: 'evidence_needed' })
  evidenceNeeded!: string;

  /** Who has to mend it; as it was opened. */
  @Column('text')
  owner!: string;

  @Column('timestamptz', { name: 'due_at' })
  dueAt!: Date;

  @Column('text', { name: 'opened_by' })
  openedBy!: string;

  @Column('uuid', { name: 'command_id', nullable: true })
  commandId!: string | null;

  /** Of the open findings of a model one has it. */
  @Column('text', { nullable: true })
  key!: string | null;

  @Column('timestamptz', { name: 'opened_at' })
  openedAt!: Date;
}

/** That a finding is mended, and what shows it: the first word stands. */
@Entity('finding_end')
export class FindingEnd {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'finding_end_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'finding_end_pkey' })
  finding!: number;

  @Column('text')
  evidence!: string;

  /** Of something in the artifact store. */
  @Column('text', { name: 'artifact_digest', nullable: true })
  artifactDigest!: string | null;

  @Column('text', { name: 'closed_by' })
  closedBy!: string;

  @Column('uuid', { name: 'command_id', nullable: true })
  commandId!: string | null;

  @Column('timestamptz', { name: 'closed_at' })
  closedAt!: Date;
}

/** To whom an open finding went when its owner left; the last one owns it. */
@Entity('finding_handover')
export class FindingHandover {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'finding_handover_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'finding_handover_pkey' })
  finding!: number;

  /** Counts the handovers of the finding, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'finding_handover_pkey' })
  number!: number;

  @Column('text')
  owner!: string;

  @Column('text', { name: 'handed_by' })
  handedBy!: string;

  @Column('timestamptz')
  at!: Date;
}

/** That people were told of an overdue finding. */
@Entity('finding_escalation')
export class FindingEscalation {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'finding_escalation_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'finding_escalation_pkey' })
  finding!: number;

  /** Counts the escalations of the finding, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'finding_escalation_pkey' })
  number!: number;

  @Column('uuid', { name: 'alarm_id', nullable: true })
  alarmId!: string | null;

  @Column('timestamptz')
  at!: Date;
}
