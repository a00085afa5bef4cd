import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from '../columns.js';

/** A sealed segment of a gateway's observation log, raw in the artifact store. */
@Entity('observation_segment')
@Index('observation_segment_converted', ['convertedAt'])
export class ObservationSegment {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'observation_segment_pkey' })
  gateway!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'observation_segment_pkey' })
  boot!: string;

  /** Rises by one with each segment of a boot. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'observation_segment_pkey' })
  segment!: number;

  @Column('text')
  digest!: string;

  @Column('bigint', { transformer: bigintAsNumber })
  bytes!: number;

  /** Observed requests. */
  @Column('integer')
  observations!: number;

  /** Outputs of versions that did not answer. */
  @Column('integer')
  mirrored!: number;

  @Column('timestamptz', { name: 'first_event_time', nullable: true })
  firstEventTime!: Date | null;

  @Column('timestamptz', { name: 'last_event_time', nullable: true })
  lastEventTime!: Date | null;

  @Column('timestamptz', { name: 'sealed_at' })
  sealedAt!: Date;

  @Column('timestamptz', { name: 'converted_at', nullable: true })
  convertedAt!: Date | null;

  /** Where the segment could not be read any further; what stands before was converted. */
  @Column('jsonb', { nullable: true })
  damage!: { position: number; reason: string } | null;
}

/** What one segment holds of one deployment, as Parquet in the artifact store. */
@Entity('observation_file')
export class ObservationFile {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'observation_file_pkey' })
  gateway!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'observation_file_pkey' })
  boot!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'observation_file_pkey' })
  segment!: number;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'observation_file_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'observation_file_pkey' })
  deployment!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'observation_file_pkey' })
  kind!: 'observation' | 'mirror';

  @Column('text')
  digest!: string;

  @Column('bigint', { transformer: bigintAsNumber })
  bytes!: number;

  @Column('integer')
  rows!: number;

  /** Of the requests; mirrored outputs find their observations by gateway, boot, sequence and row. */
  @Column('bigint', { name: 'first_sequence', transformer: bigintAsNumber })
  firstSequence!: number;

  @Column('bigint', { name: 'last_sequence', transformer: bigintAsNumber })
  lastSequence!: number;

  /** Null for mirrored outputs, which have the event time of their observation. */
  @Column('timestamptz', { name: 'first_event_time', nullable: true })
  firstEventTime!: Date | null;

  @Column('timestamptz', { name: 'last_event_time', nullable: true })
  lastEventTime!: Date | null;

  @Column('timestamptz', { name: 'newest_received_at', nullable: true })
  newestReceivedAt!: Date | null;

  /** How far event times lie after their receipt, in milliseconds, as all but a few rows have it; negative where they lie before. */
  @Column('double precision', { name: 'lead_ms', nullable: true })
  leadMs!: number | null;

  /** Hours of event time, counted from 1970, that have rows. Null for mirrored outputs, where they are very many, and in files of before this was kept. */
  @Column('integer', { name: 'event_hours', array: true, nullable: true })
  eventHours!: number[] | null;
}
