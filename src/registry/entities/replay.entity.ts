import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ReplayOutcome, ReplayRows } from '../../contracts/replays.js';
import type { StoredFailure } from '../../contracts/retrains.js';

/** What was asked for: a version over the logged predictions of a period. */
@Entity('replay')
export class Replay {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'replay_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'replay_pkey' })
  number!: number;

  @Column('text')
  deployment!: string;

  @Column('integer')
  version!: number;

  @Column('uuid', { name: 'command_id' })
  commandId!: string;

  /** The spec in force when it was asked for: its rollout section makes the comparison. */
  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('timestamptz', { name: 'from_event' })
  fromEvent!: Date;

  @Column('timestamptz', { name: 'until_event' })
  untilEvent!: Date;

  /** Canonical JSON (`ReplayPlan`), as bytes, because its digest is on record before a row is scored. */
  @Column('bytea')
  plan!: Buffer;

  @Column('text', { name: 'plan_digest' })
  planDigest!: string;

  @Column('text', { name: 'requested_by' })
  requestedBy!: string;

  @Column('timestamptz', { name: 'requested_at' })
  requestedAt!: Date;

  @Column('text', { name: 'request_reason' })
  requestReason!: string;
}

/** A block of event time that held observations, and where the comparison stood with it. */
@Entity('replay_block')
export class ReplayBlock {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'replay_block_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'replay_block_pkey' })
  replay!: number;

  /** Its place among those of the period, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'replay_block_pkey' })
  number!: number;

  @Column('timestamptz', { name: 'from_event' })
  fromEvent!: Date;

  @Column('timestamptz', { name: 'until_event' })
  untilEvent!: Date;

  /** Of this block alone. */
  @Column('jsonb')
  rows!: ReplayRows;

  /** Pairs by the champion of then. */
  @Column('jsonb')
  champions!: Readonly<Record<string, number>>;

  /** Pairs with a mature label, and pairs without; both 0 where labels may still come. */
  @Column('integer')
  samples!: number;

  @Column('integer', { name: 'missing_labels' })
  missingLabels!: number;

  /** What both comparisons say with this block: `labelled` (null where labels may still come) and `unlabelled`. */
  @Column('jsonb')
  standing!: { readonly labelled: Readonly<Record<string, unknown>> | null; readonly unlabelled: Readonly<Record<string, unknown>> };

  /** The sums that the next block goes on from. */
  @Column('jsonb')
  state!: Readonly<Record<string, unknown>>;

  @Column('timestamptz', { name: 'recorded_at' })
  recordedAt!: Date;
}

@Entity('replay_end')
export class ReplayEnding {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'replay_end_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'replay_end_pkey' })
  replay!: number;

  @Column('text')
  outcome!: ReplayOutcome;

  @Column('text')
  reason!: string;

  @Column('jsonb', { nullable: true })
  failure!: StoredFailure | null;

  @Column('timestamptz', { name: 'finished_at' })
  finishedAt!: Date;
}

/** The workflow's history, exported before Temporal forgets it: gzipped JSON in the artifact store. */
@Entity('replay_history')
export class ReplayHistory {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'replay_history_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'replay_history_pkey' })
  replay!: number;

  @Column('text')
  digest!: string;

  @Column('timestamptz', { name: 'exported_at' })
  exportedAt!: Date;
}
