import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What the windows of a version are estimated by before their labels, made once for each way of counting its losses. */
@Entity('label_free_baseline')
export class LabelFreeBaseline {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'label_free_baseline_pkey' })
  model!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'label_free_baseline_pkey' })
  version!: number;

  /** Of how losses are counted and decisions made, and of what the figures hold. */
  @PrimaryColumn('text', { name: 'plan_digest', primaryKeyConstraintName: 'label_free_baseline_pkey' })
  planDigest!: string;

  @Column('text', { name: 'figures_digest' })
  figuresDigest!: string;

  @Column('timestamptz', { name: 'made_at' })
  madeAt!: Date;
}
