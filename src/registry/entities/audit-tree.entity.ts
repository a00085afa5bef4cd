import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from '../columns.js';

/** Where an entry stands in the Merkle tree of the ledger. */
@Entity('audit_leaf')
export class AuditLeaf {
  /** From 0. */
  @PrimaryColumn('bigint', { transformer: bigintAsNumber, primaryKeyConstraintName: 'audit_leaf_pkey' })
  position!: number;

  @Column('bigint', { name: 'entry_id', transformer: bigintAsNumber })
  entryId!: number;

  @Column('bytea', { name: 'leaf_hash' })
  leafHash!: Buffer;
}

/** A root that was signed. The copy that counts is the one outside the database. */
@Entity('audit_checkpoint')
export class AuditCheckpoint {
  @PrimaryColumn('bigint', { transformer: bigintAsNumber, primaryKeyConstraintName: 'audit_checkpoint_pkey' })
  size!: number;

  @Column('bytea')
  root!: Buffer;

  /** The signed note. */
  @Column('text')
  note!: string;

  @Column('timestamptz')
  at!: Date;
}

/** What a person wrote; the entry holds a salted digest of it, so that it can be erased. */
@Entity('audit_text')
export class AuditText {
  @PrimaryColumn('bigint', { name: 'entry_id', transformer: bigintAsNumber, primaryKeyConstraintName: 'audit_text_pkey' })
  entryId!: number;

  /** Which of the entry's texts, such as `reason`. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'audit_text_pkey' })
  field!: string;

  /** Null with the text once it is erased. */
  @Column('bytea', { nullable: true })
  salt!: Buffer | null;

  @Column('text', { nullable: true })
  text!: string | null;

  @Column('timestamptz', { name: 'erased_at', nullable: true })
  erasedAt!: Date | null;
}
