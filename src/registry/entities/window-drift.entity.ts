import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DriftSearch } from '../../contracts/window-drift.js';

/** What the `drift` look at a window found; its figures are in the artifact store. Rows are only ever added. */
@Entity('window_drift')
export class WindowDrift {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'window_drift_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'window_drift_pkey' })
  deployment!: string;

  @Column('text', { default: 'drift' })
  look!: 'drift';

  @PrimaryColumn('timestamptz', { name: 'from_event', primaryKeyConstraintName: 'window_drift_pkey' })
  fromEvent!: Date;

  /** Does not belong to it. */
  @Column('timestamptz', { name: 'until_event' })
  untilEvent!: Date;

  /** The champion when the window was compared, and its baseline. */
  @Column('integer', { name: 'champion_version' })
  championVersion!: number;

  @Column('text', { name: 'baseline_digest' })
  baselineDigest!: string;

  /** Of a WindowDriftReport. */
  @Column('text', { name: 'report_digest' })
  reportDigest!: string;

  /** Rows whose inputs were kept. */
  @Column('integer')
  rows!: number;

  @Column('text', { array: true })
  drifted!: string[];

  @Column('jsonb')
  search!: DriftSearch;

  @Column('timestamptz', { name: 'measured_at' })
  measuredAt!: Date;
}
