import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A caller's API key, kept as a hash. The key itself is shown once, when it is made. */
@Entity('api_key')
export class ApiKey {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'api_key_pkey' })
  id!: string;

  /** Who acts with this key: the actor in commands and audit entries. */
  @Column('text')
  actor!: string;

  /** SHA-256 of the key; keys are 256 random bits, so a slow hash would add nothing. */
  @Column('bytea')
  hash!: Buffer;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;
}
