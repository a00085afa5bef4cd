import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from '../columns.js';

/** Who did what to which subject. Entries are only ever added; triggers see to that. */
@Entity('audit_entry')
export class AuditEntry {
  @PrimaryColumn('bigint', { generated: 'identity', generatedIdentity: 'ALWAYS', transformer: bigintAsNumber, primaryKeyConstraintName: 'audit_entry_pkey' })
  id!: number;

  @Column('timestamptz')
  at!: Date;

  @Column('text')
  actor!: string;

  /** Verb in the past tense with its noun, such as `retrain.requested`. */
  @Column('text')
  action!: string;

  @Column('text', { nullable: true })
  model!: string | null;

  /** What it was done to: `version/7`, `retrain/3`, `deployment/default`. */
  @Column('text')
  subject!: string;

  /** Canonical JSON, as bytes. */
  @Column('bytea')
  details!: Buffer;

  @Column('text', { name: 'details_digest' })
  detailsDigest!: string;

  @Column('uuid', { name: 'command_id', nullable: true })
  commandId!: string | null;

  @Column('text', { name: 'workflow_id', nullable: true })
  workflowId!: string | null;

  @Column('text', { name: 'run_id', nullable: true })
  runId!: string | null;
}
