import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ModelSpec } from '../../spec/model-spec.js';

/** A use case with an owner and a risk tier. */
@Entity('model')
export class Model {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'model_pkey' })
  name!: string;

  @Column('text')
  owner!: string;

  @Column('text')
  tier!: ModelSpec['tier'];

  @Column('text')
  task!: ModelSpec['task'];

  @Column('text')
  purpose!: string;

  /** The spec in force. */
  @Column('text', { name: 'spec_digest' })
  specDigest!: string;

  @Column('text', { name: 'registered_by' })
  registeredBy!: string;

  @Column('timestamptz', { name: 'registered_at' })
  registeredAt!: Date;
}

/** A spec as it was applied; never changed, because versions refer to it. */
@Entity('model_spec')
export class ModelSpecRecord {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'model_spec_pkey' })
  model!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'model_spec_pkey' })
  digest!: string;

  /** The YAML as it was sent, comments included. */
  @Column('bytea')
  source!: Buffer;

  /** The bytes that the digest is of: canonical JSON with defaults written out. */
  @Column('bytea')
  canonical!: Buffer;

  @Column('text', { name: 'applied_by' })
  appliedBy!: string;

  @Column('timestamptz', { name: 'applied_at' })
  appliedAt!: Date;
}
