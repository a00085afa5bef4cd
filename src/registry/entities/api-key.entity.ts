import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A caller's API key, kept as a hash. The key itself is shown once, when it is made. */
@Entity('api_key')
export class ApiKey {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'api_key_pkey' })
  id!: string;

  /** The principal who acts with this key: the actor in commands and audit entries. */
  @Column('text')
  actor!: string;

  /** SHA-256 of the key; keys are 256 random bits, so a slow hash would add nothing. */
  @Column('bytea')
  hash!: Buffer;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  /** Only of keys that were revoked before revocations had rows of their own. */
  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;
}

/** A key that is not in force any more. */
@Entity('api_key_revocation')
export class ApiKeyRevocation {
  @PrimaryColumn('uuid', { name: 'key_id', primaryKeyConstraintName: 'api_key_revocation_pkey' })
  keyId!: string;

  @Column('text', { name: 'revoked_by' })
  revokedBy!: string;

  @Column('timestamptz', { name: 'revoked_at' })
  revokedAt!: Date;
}
