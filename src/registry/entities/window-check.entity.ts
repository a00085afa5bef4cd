import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { WindowFinding, WindowLook, WindowSummary, WindowVerdict } from '../../contracts/window-summary.js';

/** What one look at a window of event time found. Looks are only ever added; a trigger sees to that. */
@Entity('window_check')
export class WindowCheck {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'window_check_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'window_check_pkey' })
  deployment!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'window_check_pkey' })
  look!: WindowLook;

  @PrimaryColumn('timestamptz', { name: 'from_event', primaryKeyConstraintName: 'window_check_pkey' })
  fromEvent!: Date;

  /** Does not belong to it. */
  @Column('timestamptz', { name: 'until_event' })
  untilEvent!: Date;

  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  /** The newest batch of labels that counted; 0 before the first. */
  @Column('integer', { name: 'label_revision' })
  labelRevision!: number;

  @Column('text')
  verdict!: WindowVerdict['verdict'];

  @Column('integer')
  rows!: number;

  @Column('jsonb')
  summary!: WindowSummary;

  /** How many limits were held against it. */
  @Column('integer')
  checks!: number;

  @Column('jsonb')
  findings!: readonly WindowFinding[];

  /** The alarm that tells of it: the one that was open already, or its own. Null where it did not fail. */
  @Column('uuid', { name: 'alarm_id', nullable: true })
  alarmId!: string | null;

  @Column('timestamptz', { name: 'checked_at' })
  checkedAt!: Date;
}
