import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { ArtifactRef } from '../contracts/artifacts.js';
import { PerennialError } from '../contracts/failures.js';
import type { RetrainId } from '../contracts/retrains.js';
import type { TrainingEnvironment, TrainingProgress } from '../contracts/training.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { TrainingLease, TrainingRun } from './entities/training-run.entity.js';

const TAKE_LEASE = `
INSERT INTO training_lease AS lease (model, token, retrain, holder, taken_at)
SELECT $1, 1, $2, $3, $4 WHERE EXISTS (SELECT FROM retrain WHERE model = $1 AND number = $2 AND outcome IS NULL)
ON CONFLICT (model) DO UPDATE
  SET token = lease.token + 1, retrain = excluded.retrain, holder = excluded.holder, taken_at = excluded.taken_at, released_at = NULL
  WHERE lease.retrain <= excluded.retrain
RETURNING token`;

export interface TrainingStart {
  readonly trainer: string;
  readonly parameters: Record<string, number | string | boolean>;
  readonly seed: number;
  readonly specDigest: string;
  readonly snapshotDigest: string;
  readonly codeDigest: string;
}

/** What an attempt may write with: everything under an older token is refused. */
export interface HeldLease {
  readonly model: string;
  readonly retrain: number;
  readonly token: number;
}

export interface TrainedModel {
  readonly model: ArtifactRef;
  readonly parity: ArtifactRef;
  readonly metrics: Record<string, unknown>;
  readonly environment: TrainingEnvironment;
}

@Injectable()
export class TrainingRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  async find(id: RetrainId): Promise<TrainingRun | null> {
    return this.dataSource.manager.findOneBy(TrainingRun, { model: id.model, retrain: id.number });
  }

  async lease(model: string): Promise<TrainingLease | null> {
    return this.dataSource.manager.findOneBy(TrainingLease, { model });
  }

  /**
   * Begins an attempt: takes the model's lease under a token that fences off every attempt before.
   * Refused for a retrain that has ended, or whose number is below the one that holds the lease.
   * @throws PerennialError `LeaseLost`
   */
  async begin(id: RetrainId, start: TrainingStart, holder: string, at: Date): Promise<{ lease: HeldLease; run: TrainingRun }> {
    return this.dataSource.transaction(async (manager) => {
      await manager.query(
        `INSERT INTO training_run (model, retrain, trainer, parameters, seed, spec_digest, snapshot_digest, code_digest, attempts, started_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9) ON CONFLICT (model, retrain) DO NOTHING`,
        [id.model, id.number, start.trainer, start.parameters, start.seed, start.specDigest, start.snapshotDigest, start.codeDigest, at],
      );
      const taken: { token: string }[] = await manager.query(TAKE_LEASE, [id.model, id.number, holder, at]);
      const token = taken[0]?.token;
      if (token === undefined) throw leaseLost(id);
      await manager.increment(TrainingRun, { model: id.model, retrain: id.number }, 'attempts', 1);
      const run = await manager.findOneByOrFail(TrainingRun, { model: id.model, retrain: id.number });
      return { lease: { model: id.model, retrain: id.number, token: Number(token) }, run };
    });
  }

  /** @throws PerennialError `LeaseLost` */
  async recordProgress(lease: HeldLease, progress: TrainingProgress): Promise<void> {
    await this.write(lease, { progress });
  }

  /** @throws PerennialError `LeaseLost` */
  async recordCheckpoint(lease: HeldLease, checkpoint: ArtifactRef, done: number): Promise<void> {
    await this.write(lease, { checkpointDigest: checkpoint.digest, checkpointDone: done });
  }

  /** Publishes the trained model and gives the lease back. @throws PerennialError `LeaseLost` */
  async publish(lease: HeldLease, trained: TrainedModel, at: Date, origin: Origin): Promise<void> {
    await this.write(
      lease,
      {
        modelDigest: trained.model.digest, modelBytes: trained.model.bytes, parityDigest: trained.parity.digest,
        metrics: trained.metrics, environment: trained.environment, finishedAt: at,
      },
      async (manager) => {
        await manager.update(TrainingLease, { model: lease.model }, { releasedAt: at });
        await this.audit.append(manager, {
          at, actor: SYSTEM_ACTOR, action: 'training.finished', model: lease.model, subject: `retrain/${lease.retrain}`, origin,
          details: { model: trained.model.digest, device: trained.environment.device, leaseToken: lease.token },
        });
      },
    );
  }

  /** Fences off whoever trains for a retrain that has ended. */
  async revoke(id: RetrainId, at: Date): Promise<void> {
    await this.dataSource.query(
      'UPDATE training_lease SET token = token + 1, released_at = $3 WHERE model = $1 AND retrain = $2 AND released_at IS NULL',
      [id.model, id.number, at],
    );
  }

  /** Holds the lease's row while writing, so that a token that is current stays so until the commit. */
  private async write(lease: HeldLease, values: Partial<TrainingRun>, also?: (manager: EntityManager) => Promise<void>): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      const held = await manager.findOne(TrainingLease, { where: { model: lease.model }, lock: { mode: 'pessimistic_write' } });
      if (held?.token !== lease.token || held.releasedAt) throw leaseLost({ model: lease.model, number: lease.retrain });
      await manager.update(TrainingRun, { model: lease.model, retrain: lease.retrain }, values as object);
      await also?.(manager);
    });
  }
}

const leaseLost = (id: RetrainId): PerennialError =>
  new PerennialError('LeaseLost', `Another attempt trains for ${id.model}, or its retrain ${id.number} has ended; this attempt may write nothing more`, { ...id });
