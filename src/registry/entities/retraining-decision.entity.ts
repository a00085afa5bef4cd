import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What was decided over retraining after a window was assessed, to wait too. Rows are only ever added. */
@Entity('retraining_decision')
export class RetrainingDecisionRecord {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'retraining_decision_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'retraining_decision_pkey' })
  deployment!: string;

  @PrimaryColumn('timestamptz', { name: 'from_event', primaryKeyConstraintName: 'retraining_decision_pkey' })
  fromEvent!: Date;

  /** Of the assessment. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'retraining_decision_pkey' })
  revision!: number;

  @Column('text')
  outcome!: 'quarantine' | 'wait' | 'retrain';

  /** Why it waits. */
  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('text', { nullable: true })
  trigger!: string | null;

  @Column('text')
  because!: string;

  /** What the calendar, CUSUM and PSI would have done. */
  @Column('jsonb')
  counterfactual!: CounterfactualRecord;

  /** Of the whole decision with all that it rests on: an artifact. */
  @Column('text', { name: 'decision_digest' })
  decisionDigest!: string;

  /** The command that asks for the retrain. */
  @Column('uuid', { name: 'command_id', nullable: true })
  commandId!: string | null;

  @Column('timestamptz', { name: 'decided_at' })
  decidedAt!: Date;
}

/** That a person took a window out of quarantine. Rows are only ever added. */
@Entity('quarantine_release')
export class QuarantineRelease {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'quarantine_release_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'quarantine_release_pkey' })
  deployment!: string;

  @PrimaryColumn('timestamptz', { name: 'from_event', primaryKeyConstraintName: 'quarantine_release_pkey' })
  fromEvent!: Date;

  @Column('text')
  reason!: string;

  @Column('text', { name: 'released_by' })
  releasedBy!: string;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;

  @Column('timestamptz', { name: 'released_at' })
  releasedAt!: Date;
}

export interface CounterfactualRecord {
  /** The policies that would have retrained after this window. */
  readonly retrained: readonly string[];
  /** The drift room's own, for the next window to go on from. */
  readonly memory: unknown;
}
