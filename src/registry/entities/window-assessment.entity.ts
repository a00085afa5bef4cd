import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AssessmentHeadline, AssessmentOccasion } from '../../contracts/window-assessment.js';
import type { WindowFinding, WindowVerdict } from '../../contracts/window-summary.js';

/** What a window of event time comes to. A later revision stands beside the earlier ones; rows are only ever added. */
@Entity('window_assessment')
export class WindowAssessment {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'window_assessment_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'window_assessment_pkey' })
  deployment!: string;

  @PrimaryColumn('timestamptz', { name: 'from_event', primaryKeyConstraintName: 'window_assessment_pkey' })
  fromEvent!: Date;

  /** From 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'window_assessment_pkey' })
  revision!: number;

  /** Does not belong to it. */
  @Column('timestamptz', { name: 'until_event' })
  untilEvent!: Date;

  @Column('text')
  occasion!: AssessmentOccasion;

  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  /** The newest batch of labels that counted; 0 before the first. */
  @Column('integer', { name: 'label_revision' })
  labelRevision!: number;

  /** Of the list of files that it was made from, by their digests: an artifact. */
  @Column('text', { name: 'files_digest' })
  filesDigest!: string;

  @Column('integer')
  rows!: number;

  @Column('text')
  verdict!: WindowVerdict['verdict'];

  @Column('jsonb')
  findings!: readonly WindowFinding[];

  @Column('jsonb')
  headline!: AssessmentHeadline;

  /** Of a WindowAssessmentReport; null where no version's rows could be measured. */
  @Column('text', { name: 'report_digest', nullable: true })
  reportDigest!: string | null;

  /** Where the evidence of harm stands, for the next window to go on from; null before labels are due. */
  @Column('jsonb', { nullable: true })
  harm!: HarmRecord | null;

  /** Where the evidence of harm from estimated errors stands; null but for windows that close, and in those of before. */
  @Column('jsonb', { name: 'estimated_harm', nullable: true })
  estimatedHarm!: HarmRecord | null;

  /** The alarm that tells of it: one that was open already, or its own. */
  @Column('uuid', { name: 'alarm_id', nullable: true })
  alarmId!: string | null;

  @Column('text', { name: 'workflow_id' })
  workflowId!: string;

  @Column('timestamptz', { name: 'assessed_at' })
  assessedAt!: Date;
}

export interface HarmRecord {
  /** The assessment that it goes on from; null for the first. */
  readonly after: { readonly fromMs: number; readonly revision: number } | null;
  /** The drift room's own, JSON of one size; null while no sequence has begun. */
  readonly memory: unknown;
}

/** What the windows of a version are held against, made once for each way of counting its losses. */
@Entity('champion_baseline')
export class ChampionBaseline {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'champion_baseline_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'champion_baseline_pkey' })
  version!: number;

  /** Of how losses are counted and decisions made: metric, bound, blocks, threshold. */
  @PrimaryColumn('text', { name: 'plan_digest', primaryKeyConstraintName: 'champion_baseline_pkey' })
  planDigest!: string;

  @Column('text', { name: 'figures_digest' })
  figuresDigest!: string;

  @Column('timestamptz', { name: 'made_at' })
  madeAt!: Date;
}
