import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PrincipalKind, Role } from '../../contracts/roles.js';

/** A person or a service that may act. Never deleted: its name stands in the record. */
@Entity('principal')
export class Principal {
  /** The actor in commands and audit entries. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'principal_pkey' })
  name!: string;

  @Column('text')
  kind!: PrincipalKind;

  /** With the subject: whose tokens are theirs. Null for who has keys alone. */
  @Column('text', { nullable: true })
  issuer!: string | null;

  @Column('text', { nullable: true })
  subject!: string | null;

  /** False: keys and tokens are refused; roles are kept for the day of return. */
  @Column('boolean')
  active!: boolean;

  @Column('text', { name: 'registered_by' })
  registeredBy!: string;

  @Column('timestamptz', { name: 'registered_at' })
  registeredAt!: Date;
}

/** A role that was given; it is in force until there is a revocation of it. */
@Entity('role_grant')
export class RoleGrant {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'role_grant_pkey' })
  id!: string;

  @Column('text')
  principal!: string;

  @Column('text')
  role!: Role;

  /** A model's name, or `*`. */
  @Column('text')
  model!: string;

  @Column('text', { name: 'granted_by' })
  grantedBy!: string;

  @Column('timestamptz', { name: 'granted_at' })
  grantedAt!: Date;
}

@Entity('role_revocation')
export class RoleRevocation {
  @PrimaryColumn('uuid', { name: 'grant_id', primaryKeyConstraintName: 'role_revocation_pkey' })
  grantId!: string;

  @Column('text', { name: 'revoked_by' })
  revokedBy!: string;

  @Column('timestamptz', { name: 'revoked_at' })
  revokedAt!: Date;
}

/** That somebody who left was replaced by somebody else, or came back. The last one of a leaver counts, while they are away. */
@Entity('person_replacement')
export class PersonReplacement {
  /** Who left. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'person_replacement_pkey' })
  name!: string;

  /** Of the leaver, from 1. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'person_replacement_pkey' })
  number!: number;

  /** Null: they came back. */
  @Column('text', { nullable: true })
  successor!: string | null;

  @Column('text', { name: 'replaced_by' })
  replacedBy!: string;

  @Column('timestamptz')
  at!: Date;
}

/** A change of people that was asked for and made, once for each actor and `Idempotency-Key`. */
@Entity('people_command')
export class PeopleCommand {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'people_command_pkey' })
  actor!: string;

  @PrimaryColumn('text', { name: 'idempotency_key', primaryKeyConstraintName: 'people_command_pkey' })
  idempotencyKey!: string;

  @Column('text')
  kind!: string;

  @Column('text', { name: 'body_digest' })
  bodyDigest!: string;

  /** What its caller was told; never a key. */
  @Column('jsonb')
  outcome!: Readonly<Record<string, unknown>>;

  @Column('timestamptz')
  at!: Date;
}
