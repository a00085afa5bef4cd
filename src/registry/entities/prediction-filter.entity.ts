import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Which predictions a file of observations may hold: a blocked Bloom filter of their ids (contracts/id-filter.ts). Rows are only ever added. */
@Entity('prediction_filter')
export class PredictionFilter {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'prediction_filter_pkey' })
  gateway!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'prediction_filter_pkey' })
  boot!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'prediction_filter_pkey' })
  segment!: number;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'prediction_filter_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'prediction_filter_pkey' })
  deployment!: string;

  @Column('text')
  kind!: 'observation';

  /** Of 64 bytes. */
  @Column('integer')
  blocks!: number;

  @Column('bytea')
  filter!: Buffer;
}
