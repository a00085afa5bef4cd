import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ApprovalKind, ApprovalOutcome, ApprovalRule, VoteChoice } from '../../contracts/approvals.js';
import type { ModelSpec } from '../../spec/model-spec.js';

/** Something that is to be approved: a use case as a spec states it, a version, a retirement. */
@Entity('approval')
export class Approval {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'approval_pkey' })
  model!: string;

  /** Of the model, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'approval_pkey' })
  number!: number;

  @Column('text')
  kind!: ApprovalKind;

  /** Of the kind `version`. */
  @Column('integer', { nullable: true })
  version!: number | null;

  /** Of what is approved: of a use case that of its spec. What has another digest needs another approval. */
  @Column('text')
  digest!: string;

  /** Digests of what it rests on, by name. */
  @Column('jsonb')
  evidence!: Readonly<Record<string, string>>;

  /** The spec in force when it was opened. */
  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('text')
  tier!: ModelSpec['tier'];

  @Column('jsonb')
  rule!: ApprovalRule;

  /** Who may not vote, and what they did. */
  @Column('jsonb')
  barred!: Readonly<Record<string, string>>;

  /** Whose command opened it. */
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

  /** Of who ended it by a move of its stage, which has what they gave for it; null where it ended by itself. */
  @Column('uuid', { name: 'command_id', nullable: true })
  commandId!: string | null;

  @Column('timestamptz')
  at!: Date;
}
