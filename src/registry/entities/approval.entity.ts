import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ApprovalOutcome, ApprovalRule, VoteChoice } from '../../contracts/approvals.js';

/** A use case that is to be approved, as a spec states it. */
@Entity('approval')
export class Approval {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'approval_pkey' })
  model!: string;

  /** Of the model, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'approval_pkey' })
  number!: number;

  /** What is approved: another spec needs another approval. */
  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('text')
  tier!: string;

  @Column('jsonb')
  rule!: ApprovalRule;

  /** Who applied the spec: may not vote. */
  @Column('text')
  author!: string;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;

  @Column('timestamptz', { name: 'opened_at' })
  openedAt!: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt!: Date;

  @Column('double precision', { name: 'remind_every_ms' })
  remindEveryMs!: number;
}

/** One a person and approval; never changed. */
@Entity('approval_vote')
export class ApprovalVote {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'approval_vote_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'approval_vote_pkey' })
  approval!: number;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'approval_vote_pkey' })
  actor!: string;

  @Column('text')
  choice!: VoteChoice;

  @Column('text')
  reason!: string;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;

  @Column('timestamptz')
  at!: Date;
}

/** What an approval came to: the first word stands. */
@Entity('approval_end')
export class ApprovalEnd {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'approval_end_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'approval_end_pkey' })
  approval!: number;

  @Column('text')
  outcome!: ApprovalOutcome;

  @Column('text')
  reason!: string;

  @Column('timestamptz')
  at!: Date;
}
