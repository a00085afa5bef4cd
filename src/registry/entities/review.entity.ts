import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ReviewOutcome } from '../../contracts/reviews.js';

/** What a periodic review of a model in production came to. Rows are only ever added. */
@Entity('review')
export class Review {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'review_pkey' })
  model!: string;

  /** Of the model, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'review_pkey' })
  number!: number;

  @Column('text')
  outcome!: ReviewOutcome;

  @Column('text')
  reason!: string;

  /** The version that answered in the default deployment. */
  @Column('integer')
  champion!: number;

  /** The spec in force. */
  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  /** Numbers of the findings that it opened. */
  @Column('jsonb')
  findings!: readonly number[];

  /** When it was due. */
  @Column('timestamptz', { name: 'due_at' })
  dueAt!: Date;

  @Column('text', { name: 'reviewed_by' })
  reviewedBy!: string;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;

  @Column('timestamptz')
  at!: Date;
}
