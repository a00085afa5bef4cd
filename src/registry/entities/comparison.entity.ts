import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from '../columns.js';

/** A comparison of two versions over a phase of a release; one with changed labels revises an earlier one and leaves it as it is. */
@Entity('comparison_analysis')
export class ComparisonAnalysis {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'comparison_analysis_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'comparison_analysis_pkey' })
  release!: number;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'comparison_analysis_pkey' })
  number!: number;

  /** Before or after the promotion. */
  @Column('text')
  phase!: 'rollout' | 'watch';

  @Column('text')
  kind!: 'labelled' | 'unlabelled';

  @Column('integer', { nullable: true })
  revises!: number | null;

  @Column('text', { name: 'plan_digest' })
  planDigest!: string;

  /** Event time at which the first block begins. */
  @Column('timestamptz', { name: 'from_event' })
  fromEvent!: Date;

  @Column('timestamptz', { name: 'opened_at' })
  openedAt!: Date;
}

/** The pairs of a stretch of event time that entered a comparison at once, and where it stood afterwards. */
@Entity('comparison_block')
export class ComparisonBlock {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'comparison_block_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'comparison_block_pkey' })
  release!: number;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'comparison_block_pkey' })
  analysis!: number;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'comparison_block_pkey' })
  number!: number;

  @Column('timestamptz', { name: 'from_event' })
  fromEvent!: Date;

  @Column('timestamptz', { name: 'until_event' })
  untilEvent!: Date;

  /** Pairs that entered, and pairs whose label is missing though its horizon has passed. */
  @Column('integer')
  samples!: number;

  @Column('integer', { name: 'missing_labels' })
  missingLabels!: number;

  /** Mirrored requests of the block. */
  @Column('jsonb')
  mirrored!: { readonly executed: number; readonly dropped: number; readonly failed: number };

  /** What the comparison says with this block: gain, interval, outcome, or the distances of the outputs. */
  @Column('jsonb')
  standing!: Readonly<Record<string, unknown>>;

  /** The sums that the next block goes on from. */
  @Column('jsonb')
  state!: Readonly<Record<string, unknown>>;

  /** The newest batch of labels that could count. */
  @Column('bigint', { name: 'label_revision', nullable: true, transformer: bigintAsNumber })
  labelRevision!: number | null;

  @Column('timestamptz', { name: 'recorded_at' })
  recordedAt!: Date;
}
