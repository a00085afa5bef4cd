import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import { AuditEntry } from './entities/audit-entry.entity.js';

/** The workflow run, if any, on whose behalf something is recorded. */
export interface Origin {
  readonly workflowId: string | null;
  readonly runId: string | null;
}

export interface AuditRecord {
  readonly at: Date;
  readonly actor: string;
  /** `noun.verb` in the past tense, such as `retrain.requested`. */
  readonly action: string;
  readonly model: string | null;
  /** What it was done to, such as `version/7`. */
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly commandId?: string | undefined;
  readonly origin?: Origin | undefined;
}

/** Who acts where no caller does: a step of a workflow. */
export const SYSTEM_ACTOR = 'perennial';

@Injectable()
export class AuditLedger {
  constructor(private readonly dataSource: DataSource) {}

  /** Adds an entry inside the transaction of what it records, so that both are there or neither. */
  async append(manager: EntityManager, record: AuditRecord): Promise<void> {
    const details = canonicalJson(record.details);
    await manager.insert(AuditEntry, {
      at: record.at,
      actor: record.actor,
      action: record.action,
      model: record.model,
      subject: record.subject,
      details: Buffer.from(details),
      detailsDigest: sha256(details),
      commandId: record.commandId ?? null,
      workflowId: record.origin?.workflowId ?? null,
      runId: record.origin?.runId ?? null,
    });
  }

  /** Entries of a model in the order of their ids, those after `afterId`. */
  async list(model: string, afterId: number, limit: number): Promise<AuditEntry[]> {
    return this.dataSource
      .getRepository(AuditEntry)
      .createQueryBuilder('entry')
      .where('entry.model = :model AND entry.id > :afterId', { model, afterId })
      .orderBy('entry.id')
      .limit(limit)
      .getMany();
  }
}
