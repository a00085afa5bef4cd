import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { AdmittedModel } from '../contracts/admitted-model.js';
import { canonicalJson } from '../contracts/canonical.js';
import type { EvaluationResult } from '../contracts/evaluations.js';
import { PerennialError } from '../contracts/failures.js';
import type { RetrainId } from '../contracts/retrains.js';
import type { GateDecision } from '../contracts/verdict.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { Evaluation } from './entities/evaluation.entity.js';
import { ModelVersion } from './entities/model-version.entity.js';
import { Model } from './entities/model.entity.js';
import { Retrain } from './entities/retrain.entity.js';

export interface NewEvaluation {
  readonly version: number;
  readonly deployment: string;
  readonly championVersion: number | null;
  readonly epoch: number;
  readonly snapshotDigest: string;
  readonly result: EvaluationResult;
  readonly gate: GateDecision;
}

@Injectable()
export class VersionsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** Newest first. */
  async list(model: string, limit: number, manager: EntityManager = this.dataSource.manager): Promise<ModelVersion[]> {
    return manager.find(ModelVersion, { where: { model }, order: { number: 'DESC' }, take: limit });
  }

  async find(model: string, number: number): Promise<ModelVersion | null> {
    return this.dataSource.manager.findOneBy(ModelVersion, { model, number });
  }

  /** @throws PerennialError `VersionNotFound` */
  async get(model: string, number: number): Promise<ModelVersion> {
    const version = await this.find(model, number);
    if (!version) throw new PerennialError('VersionNotFound', `${model} has no version ${number}; \`perennial versions ${model}\` lists them`, { model, version: number });
    return version;
  }

  async evaluation(model: string, version: number, manager: EntityManager = this.dataSource.manager): Promise<Evaluation | null> {
    return manager.findOneBy(Evaluation, { model, version });
  }

  async evaluations(model: string, limit: number): Promise<Evaluation[]> {
    return this.dataSource.manager.find(Evaluation, { where: { model }, order: { version: 'DESC' }, take: limit });
  }

  /** Gives the admitted artifact of a retrain the model's next version number; the same one when asked again. */
  async add(retrain: Retrain, admission: AdmittedModel, at: Date, origin: Origin): Promise<ModelVersion> {
    return this.dataSource.transaction(async (manager) => {
      await manager.findOneOrFail(Model, { where: { name: retrain.model }, lock: { mode: 'for_no_key_update' } });
      const before = await manager.findOneBy(ModelVersion, { model: retrain.model, retrain: retrain.number });
      if (before) return before;
      const last = await manager.findOne(ModelVersion, { where: { model: retrain.model }, order: { number: 'DESC' } });
      const number = (last?.number ?? 0) + 1;
      await manager.insert(ModelVersion, {
        model: retrain.model, number, retrain: retrain.number, specDigest: retrain.specDigest,
        snapshotDigest: retrain.snapshotDigest as string, artifactDigest: admission.digest, artifactBytes: admission.bytes,
        admission, status: 'candidate', createdBy: retrain.requestedBy, createdAt: at,
      } as object);
      await manager.update(Retrain, { model: retrain.model, number: retrain.number }, { version: number });
      await this.audit.append(manager, {
        at, actor: SYSTEM_ACTOR, action: 'version.created', model: retrain.model, subject: `version/${number}`, origin,
        details: { artifact: admission.digest, retrain: retrain.number, snapshot: retrain.snapshotDigest, spec: retrain.specDigest },
      });
      return manager.findOneByOrFail(ModelVersion, { model: retrain.model, number });
    });
  }

  /** Records what the gate said of a version, once; the first word stands. */
  async recordEvaluation(id: RetrainId, evaluation: NewEvaluation, at: Date, origin: Origin): Promise<Evaluation> {
    await this.dataSource.transaction(async (manager) => {
      const { verdict } = evaluation.gate;
      const inserted: unknown[] = await manager.query(
        `INSERT INTO evaluation (model, version, deployment, champion_version, epoch, snapshot_digest, result, gate, verdict, evaluated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (model, version) DO NOTHING RETURNING version`,
        [id.model, evaluation.version, evaluation.deployment, evaluation.championVersion, evaluation.epoch, evaluation.snapshotDigest,
          canonicalJson(evaluation.result), canonicalJson(evaluation.gate), verdict, at],
      );
      if (inserted.length === 0) return;
      if (verdict === 'fail') await manager.update(ModelVersion, { model: id.model, number: evaluation.version }, { status: 'rejected' });
      await this.audit.append(manager, {
        at, actor: SYSTEM_ACTOR, action: 'version.judged', model: id.model, subject: `version/${evaluation.version}`, origin,
        details: { verdict, championVersion: evaluation.championVersion, epoch: evaluation.epoch, checks: evaluation.gate.checks },
      });
    });
    return this.dataSource.manager.findOneByOrFail(Evaluation, { model: id.model, version: evaluation.version });
  }
}
