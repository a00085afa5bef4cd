import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { ArtifactRef } from '../contracts/artifacts.js';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import type { LabelBatchOutcome, LabelFormat } from '../contracts/labels.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { LabelBatch, LabelFile } from './entities/label.entity.js';

export interface ReceivedLabels {
  readonly actor: string;
  readonly idempotencyKey: string;
  readonly model: string;
  readonly deployment: string;
  readonly format: LabelFormat;
  readonly artifact: ArtifactRef;
}

export interface Received {
  readonly batch: LabelBatch;
  /** False when the same request had been received before. */
  readonly created: boolean;
}

/** The Parquet file of a batch and what a reader needs to know to leave it alone; times in milliseconds since 1970. */
export interface WrittenLabels {
  readonly artifact: ArtifactRef;
  readonly rows: number;
  readonly unplaced: number;
  readonly eventTimes: EventTimeRange | null;
  readonly amends: EventTimeRange | null;
  readonly inTime: EventTimeRange | null;
}

/** A stretch of event time whose figures were taken; `untilMs` does not belong to it. */
export interface CountedLabels {
  readonly fromMs: number;
  readonly untilMs: number;
  /** The newest batch that counted. */
  readonly revision: number;
}

/** Both ends belong to it; milliseconds since 1970. */
export interface EventTimeRange {
  readonly firstMs: number;
  readonly lastMs: number;
}

const INSERT = `
INSERT INTO label_batch (model, number, deployment, actor, idempotency_key, body_digest, format, artifact_digest, bytes, received_at)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9 FROM label_batch WHERE model = $1
ON CONFLICT (actor, idempotency_key) DO NOTHING RETURNING number`;

const CHANGED = `
SELECT (place - 1)::int AS place FROM unnest($3::timestamptz[], $4::timestamptz[], $5::int[]) WITH ORDINALITY AS counted(from_event, until_event, revision, place)
WHERE EXISTS (SELECT FROM label_file file WHERE file.model = $1 AND file.deployment = $2 AND file.batch > counted.revision
  AND ((file.amends_from < counted.until_event AND file.amends_until >= counted.from_event) OR (file.in_time_from < counted.until_event AND file.in_time_until >= counted.from_event)))
ORDER BY place LIMIT 1`;

@Injectable()
export class LabelsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /**
   * Puts a batch on the record, once for each actor and idempotency key. Numbers are given in the order of the commits, so
   * that a batch with a lower number never appears after a higher one.
   * @throws PerennialError `IdempotencyKeyReused` when the key stands for another request
   */
  async receive(labels: ReceivedLabels, at: Date): Promise<Received> {
    const { model, deployment, format, artifact, actor, idempotencyKey } = labels;
    const bodyDigest = sha256(canonicalJson({ kind: 'labels', model, deployment, format, artifact: artifact.digest }));
    const created = await this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT FROM model WHERE name = $1 FOR NO KEY UPDATE', [model]);
      const inserted: { number: number }[] = await manager.query(INSERT, [model, deployment, actor, idempotencyKey, bodyDigest, format, artifact.digest, artifact.bytes, at]);
      if (!inserted[0]) return false;
      await this.audit.append(manager, {
        at, actor, action: 'labels.received', model, subject: `labels/${inserted[0].number}`,
        details: { deployment, format, digest: artifact.digest, bytes: artifact.bytes },
      });
      return true;
    });
    const batch = await this.dataSource.manager.findOneByOrFail(LabelBatch, { actor, idempotencyKey });
    if (batch.bodyDigest !== bodyDigest) {
      throw new PerennialError('IdempotencyKeyReused', `The idempotency key was first used for other labels, batch ${batch.number} of ${batch.model}; send these with a key of their own`, {
        firstKind: 'labels', firstModel: batch.model, firstBatch: batch.number,
      });
    }
    return { batch, created };
  }

  /** @throws PerennialError `NotFound` */
  async get(model: string, number: number): Promise<LabelBatch> {
    const batch = await this.dataSource.manager.findOneBy(LabelBatch, { model, number });
    if (!batch) throw new PerennialError('NotFound', `${model} has no batch ${number} of labels`, { model, batch: number });
    return batch;
  }

  /** Newest first. */
  async list(model: string, limit: number): Promise<LabelBatch[]> {
    return this.dataSource.manager.find(LabelBatch, { where: { model }, order: { number: 'DESC' }, take: limit });
  }

  /** Batches that wait, in the order in which they are to be ingested. */
  async waiting(model: string, limit: number): Promise<LabelBatch[]> {
    return this.dataSource.getRepository(LabelBatch).createQueryBuilder('batch')
      .where('batch.model = :model AND batch.ingested_at IS NULL', { model }).orderBy('batch.number').limit(limit).getMany();
  }

  async modelsWaiting(): Promise<string[]> {
    const rows: { model: string }[] = await this.dataSource.query('SELECT DISTINCT model FROM label_batch WHERE ingested_at IS NULL ORDER BY model');
    return rows.map(({ model }) => model);
  }

  /**
   * Records what became of a batch, once: of two attempts at it the first to come counts.
   * @returns whether this was the first. @throws PerennialError `Internal` when an earlier batch of the model still waits
   */
  async settle(model: string, number: number, outcome: LabelBatchOutcome, written: WrittenLabels | null, at: Date, origin: Origin): Promise<boolean> {
    return this.dataSource.transaction(async (manager) => {
      const batch = await manager.findOne(LabelBatch, { where: { model, number }, lock: { mode: 'pessimistic_write' } });
      if (!batch || batch.ingestedAt !== null) return false;
      await requireOrder(manager, model, number);
      const found = outcome.kind === 'ingested' ? { counts: outcome.counts, faults: outcome.faults } : { failure: outcome.failure };
      await manager.update(LabelBatch, { model, number }, { ...found, ingestedAt: at } as object);
      if (written) await manager.insert(LabelFile, fileRow(batch, written));
      await this.audit.append(manager, {
        at, actor: SYSTEM_ACTOR, action: outcome.kind === 'ingested' ? 'labels.ingested' : 'labels.failed', model, subject: `labels/${number}`,
        details: { ...(outcome.kind === 'ingested' ? { counts: outcome.counts } : { failure: outcome.failure }), digest: written?.artifact.digest ?? null }, origin,
      });
      return true;
    });
  }

  /**
   * The files that may hold labels of predictions in [fromMs, untilMs), in the order of their batches.
   * @param revision only batches up to this one; null: all
   */
  async files(model: string, deployment: string, range: { readonly fromMs: number; readonly untilMs: number }, revision: number | null = null): Promise<LabelFile[]> {
    return this.dataSource.getRepository(LabelFile).createQueryBuilder('file')
      .where('file.model = :model AND file.deployment = :deployment', { model, deployment })
      .andWhere('(file.unplaced > 0 OR (file.last_event_time >= :from AND file.first_event_time < :until))', { from: dateOf(range.fromMs), until: dateOf(range.untilMs) })
      .andWhere(revision === null ? 'true' : 'file.batch <= :revision', { revision })
      .orderBy('file.batch').getMany();
  }

  /** The number of the newest batch that counts; 0 before the first. What a figure names so that it can be made again. */
  async revision(model: string, deployment: string): Promise<number> {
    const [row]: { revision: number }[] = await this.dataSource.query('SELECT coalesce(max(batch), 0)::int AS revision FROM label_file WHERE model = $1 AND deployment = $2', [model, deployment]);
    return row?.revision ?? 0;
  }

  /**
   * Which of the stretches batches after their revisions may have changed: corrected labels, late ones, and first ones in time, which figures lack
   * that were taken under another horizon or while the batch was ingested.
   * @returns the first one's place in the list; null for none
   */
  async firstChanged(model: string, deployment: string, counted: readonly CountedLabels[]): Promise<number | null> {
    const [row]: { place: number }[] = await this.dataSource.query(CHANGED, [
      model, deployment, counted.map(({ fromMs }) => dateOf(fromMs)), counted.map(({ untilMs }) => dateOf(untilMs)), counted.map(({ revision }) => revision),
    ]);
    return row ? row.place : null;
  }
}

async function requireOrder(manager: EntityManager, model: string, number: number): Promise<void> {
  const earlier: unknown[] = await manager.query('SELECT FROM label_batch WHERE model = $1 AND number < $2 AND ingested_at IS NULL LIMIT 1', [model, number]);
  if (earlier.length > 0) throw new PerennialError('Internal', `Batch ${number} of ${model} cannot be ingested before the batches that came earlier`, { model, batch: number });
}

function fileRow(batch: LabelBatch, { artifact, rows, unplaced, eventTimes, amends, inTime }: WrittenLabels): LabelFile {
  return {
    model: batch.model, batch: batch.number, deployment: batch.deployment, digest: artifact.digest, bytes: artifact.bytes, rows, unplaced,
    firstEventTime: eventTimes && dateOf(eventTimes.firstMs), lastEventTime: eventTimes && dateOf(eventTimes.lastMs),
    amendsFrom: amends && dateOf(amends.firstMs), amendsUntil: amends && dateOf(amends.lastMs), inTimeFrom: inTime && dateOf(inTime.firstMs), inTimeUntil: inTime && dateOf(inTime.lastMs),
  };
}

/** Within what a `Date` can hold. */
const dateOf = (ms: number): Date => new Date(Math.max(-8.64e15, Math.min(8.64e15, ms)));
