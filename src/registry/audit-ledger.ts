import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, In } from 'typeorm';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import { SALT_BYTES, textDigest } from '../ledger/ledger-leaf.js';
import { AuditEntry } from './entities/audit-entry.entity.js';
import { AuditText } from './entities/audit-tree.entity.js';

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
  /** What people wrote, by field. The details get a salted digest of each as `texts`, so that the text can be erased and the entry stays. */
  readonly texts?: Readonly<Record<string, string | null | undefined>> | undefined;
  readonly commandId?: string | undefined;
  readonly origin?: Origin | undefined;
}

/** Who acts where no caller does: a step of a workflow. */
export const SYSTEM_ACTOR = 'perennial';

/** Where a reason goes: what a person wrote beside the entry, what a step of a workflow found into its details. */
export const spokenReason = (actor: string, reason: string | null | undefined): { readonly details: { readonly reason?: string | null | undefined }; readonly texts: { readonly reason?: string | null | undefined } } =>
  (actor === SYSTEM_ACTOR ? { details: { reason }, texts: {} } : { details: {}, texts: { reason } });

@Injectable()
export class AuditLedger {
  constructor(private readonly dataSource: DataSource) {}

  /** Adds an entry inside the transaction of what it records, so that both are there or neither. It takes no lock: the tree comes after. */
  async append(manager: EntityManager, record: AuditRecord): Promise<void> {
    const texts = Object.entries(record.texts ?? {}).flatMap(([field, text]) => (text ? [{ field, text, salt: randomBytes(SALT_BYTES) }] : []));
    const digests = Object.fromEntries(texts.map(({ field, text, salt }) => [field, textDigest(salt, text)]));
    const details = canonicalJson({ ...record.details, ...(texts.length > 0 && { texts: digests }) });
    const { identifiers: [added] } = await manager.insert(AuditEntry, {
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
    if (texts.length > 0) await manager.insert(AuditText, texts.map((text) => ({ ...text, entryId: (added as { id: number }).id })));
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

  /** What people wrote of these entries; without the text where it was erased. */
  async textsOf(entryIds: readonly number[]): Promise<AuditText[]> {
    return this.dataSource.manager.find(AuditText, { where: { entryId: In([...entryIds]) }, order: { entryId: 'ASC', field: 'ASC' } });
  }
}
