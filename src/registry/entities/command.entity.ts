import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CommandKind, CommandOutcome, CommandState } from '../../contracts/commands.js';

/** A request that was accepted: it takes effect once, however often it is sent. */
@Entity('command')
export class Command {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'command_pkey' })
  id!: string;

  @Column('text')
  actor!: string;

  /** The caller's `Idempotency-Key`; unique with the actor. */
  @Column('text', { name: 'idempotency_key' })
  idempotencyKey!: string;

  @Column('text')
  kind!: CommandKind;

  @Column('text')
  model!: string;

  /** Canonical JSON of the request, as bytes, because what is hashed must not be rewritten. */
  @Column('bytea')
  body!: Buffer;

  @Column('text', { name: 'body_digest' })
  bodyDigest!: string;

  @Column('text')
  state!: CommandState;

  @Column('jsonb', { nullable: true })
  outcome!: CommandOutcome | null;

  @Column('timestamptz', { name: 'accepted_at' })
  acceptedAt!: Date;

  /** When it was last sent to its workflow. */
  @Column('timestamptz', { name: 'sent_at', nullable: true })
  sentAt!: Date | null;

  @Column('timestamptz', { name: 'settled_at', nullable: true })
  settledAt!: Date | null;
}
