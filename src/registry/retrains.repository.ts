import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, IsNull, MoreThan } from 'typeorm';
import { canonicalJson } from '../contracts/canonical.js';
import type { DataReport } from '../contracts/data-report.js';
import { PerennialError } from '../contracts/failures.js';
import { RETRAIN_STAGES, type RetrainId, type RetrainOutcome, type RetrainStage, type StoredFailure } from '../contracts/retrains.js';
import type { SnapshotRef } from '../contracts/artifacts.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { Retrain } from './entities/retrain.entity.js';
import { Snapshot } from './entities/snapshot.entity.js';

export interface RetrainEnd {
  readonly outcome: RetrainOutcome;
  readonly reason: string;
  readonly failure: StoredFailure | null;
  readonly promotedEpoch: number | null;
}

@Injectable()
export class RetrainsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  async find(id: RetrainId): Promise<Retrain | null> {
    return this.dataSource.manager.findOneBy(Retrain, { ...id });
  }

  /** @throws PerennialError `NotFound` */
  async get(id: RetrainId): Promise<Retrain> {
    const retrain = await this.find(id);
    if (!retrain) throw new PerennialError('NotFound', `${id.model} has no retrain ${id.number}`, { ...id });
    return retrain;
  }

  /** Newest first. */
  async list(model: string, limit: number): Promise<Retrain[]> {
    return this.dataSource.manager.find(Retrain, { where: { model }, order: { number: 'DESC' }, take: limit });
  }

  /** Every retrain without an outcome, of all models. */
  async open(): Promise<Retrain[]> {
    return this.dataSource.manager.find(Retrain, { where: { outcome: IsNull() }, order: { requestedAt: 'ASC' } });
  }

  async active(manager: EntityManager, model: string): Promise<Retrain | null> {
    return manager.findOneBy(Retrain, { model, outcome: IsNull() });
  }

  /** The retrain that runs or that an accepted command is about to begin; null without one. */
  async underWay(model: string, manager = this.dataSource.manager): Promise<number | null> {
    const [row]: { number: number | null }[] = await manager.query(
      `SELECT coalesce((SELECT number FROM retrain WHERE model = $1 AND outcome IS NULL LIMIT 1),
         (SELECT coalesce((SELECT max(number) FROM retrain WHERE model = $1), 0) + 1 WHERE EXISTS (SELECT FROM command WHERE model = $1 AND kind = 'retrain' AND state = 'accepted')))::int AS number`,
      [model],
    );
    return row?.number ?? null;
  }

  /** Adds a retrain under the model's next number. The caller has locked the model's row. */
  async add(manager: EntityManager, retrain: Omit<Retrain, 'number' | 'stage' | 'outcome' | 'reason' | 'failure' | 'snapshotDigest' | 'dataReport' | 'version' | 'promotedEpoch' | 'finishedAt' | 'historyDigest'>): Promise<number> {
    const last = await manager.findOne(Retrain, { where: { model: retrain.model }, order: { number: 'DESC' } });
    const number = (last?.number ?? 0) + 1;
    await manager.insert(Retrain, { ...retrain, number, stage: 'requested' });
    return number;
  }

  /** Notes where a retrain stands; never backwards, never after its end. */
  async enterStage(id: RetrainId, stage: RetrainStage): Promise<void> {
    const earlier = RETRAIN_STAGES.slice(0, RETRAIN_STAGES.indexOf(stage));
    await this.dataSource.query(
      'UPDATE retrain SET stage = $3 WHERE model = $1 AND number = $2 AND outcome IS NULL AND stage = ANY($4)',
      [id.model, id.number, stage, earlier],
    );
  }

  async recordSnapshot(id: RetrainId, snapshot: SnapshotRef, at: Date, origin: Origin): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      await manager.query(
        'INSERT INTO snapshot (digest, model, manifest, taken_at) VALUES ($1, $2, $3, $4) ON CONFLICT (digest) DO NOTHING',
        [snapshot.digest, id.model, canonicalJson(snapshot.manifest), at],
      );
      const { affected } = await manager.update(Retrain, { ...id, snapshotDigest: IsNull(), outcome: IsNull() }, { snapshotDigest: snapshot.digest });
      if (!affected) return;
      const { train, evaluation, heldOut, source, joins = [] } = snapshot.manifest;
      await this.audit.append(manager, {
        at, actor: SYSTEM_ACTOR, action: 'snapshot.taken', model: id.model, subject: `retrain/${id.number}`, origin,
        details: { snapshot: snapshot.digest, trainRows: train.rows, evaluationRows: evaluation.rows, ...(heldOut && { heldOut }), files: [source, ...joins].reduce((count, { files }) => count + files.length, 0) },
      });
    });
  }

  /** @throws PerennialError `NotFound` */
  async snapshot(digest: string): Promise<Snapshot> {
    const snapshot = await this.dataSource.manager.findOneBy(Snapshot, { digest });
    if (!snapshot) throw new PerennialError('NotFound', `There is no snapshot ${digest}`, { digest });
    return snapshot;
  }

  async recordDataReport(id: RetrainId, report: DataReport): Promise<void> {
    await this.dataSource.manager.update(Retrain, { ...id, outcome: IsNull() }, { dataReport: report } as object);
  }

  /** Ends a retrain, once. @returns false when it had ended before. */
  async end(id: RetrainId, end: RetrainEnd, at: Date, origin: Origin, actor: string = SYSTEM_ACTOR): Promise<boolean> {
    return this.dataSource.transaction((manager) => this.endWithin(manager, id, end, at, origin, actor));
  }

  /** The same as part of a larger transaction. */
  async endWithin(manager: EntityManager, id: RetrainId, end: RetrainEnd, at: Date, origin: Origin, actor: string = SYSTEM_ACTOR): Promise<boolean> {
    const { affected } = await manager.update(Retrain, { ...id, outcome: IsNull() }, { ...end, stage: 'finished', finishedAt: at } as object);
    if (!affected) return false;
    await this.audit.append(manager, {
      at, actor, action: `retrain.${end.outcome}`, model: id.model, subject: `retrain/${id.number}`, origin,
      details: { reason: end.reason, failure: end.failure && { type: end.failure.type, message: end.failure.message } },
    });
    return true;
  }

  /** Retrains that ended after `since` and whose history is not exported yet, newest first. */
  async withoutHistory(since: Date, limit: number): Promise<Retrain[]> {
    return this.dataSource.manager.find(Retrain, { where: { finishedAt: MoreThan(since), historyDigest: IsNull() }, order: { finishedAt: 'DESC' }, take: limit });
  }

  async recordHistory(id: RetrainId, digest: string): Promise<void> {
    await this.dataSource.manager.update(Retrain, { model: id.model, number: id.number }, { historyDigest: digest });
  }
}
