import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from '../columns.js';

/** A file of `monitoring.source`, as it was when it was read. Rows are only ever added. */
@Entity('source_file')
@Index('source_file_digest', ['model', 'deployment', 'digest'])
export class SourceFile {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'source_file_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'source_file_pkey' })
  deployment!: string;

  /** Below the data folder. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'source_file_pkey' })
  name!: string;

  /** Of several readings under a name the highest is the newest. */
  @PrimaryColumn('bigint', { generated: 'identity', generatedIdentity: 'ALWAYS', transformer: bigintAsNumber, primaryKeyConstraintName: 'source_file_pkey' })
  number!: number;

  /** Changes when the file is written again: while the newest reading has it, the file is not read. */
  @Column('text')
  stamp!: string;

  @Column('text')
  digest!: string;

  @Column('bigint', { transformer: bigintAsNumber })
  bytes!: number;

  /** Those that were new when it was read. */
  @Column('integer')
  rows!: number;

  @Column('integer')
  labelled!: number;

  /** Of its observations: the same for the same bytes, but where the file had others in between. */
  @Column('text')
  boot!: string;

  @Column('timestamptz', { name: 'read_at' })
  readAt!: Date;
}
