import { Injectable } from '@nestjs/common';
import { ApplicationFailure } from '@temporalio/common';
import type { EntityManager } from 'typeorm';
import { rollbackAlarm } from '../src/alarms/rollback-alarm.js';
import { PerennialError } from '../src/contracts/failures.js';
import type { CandidateStart, PromotionSummary, RetrainId, RollbackId } from '../src/contracts/retrains.js';
import { deploymentWorkflowId } from '../src/contracts/motion.js';
import type { Retrain } from '../src/registry/entities/retrain.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { type RollbackEnd, RoutingRepository } from '../src/registry/routing.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import { origin } from './activity-context.js';
import { refusalWithoutWords } from './command-outcomes.js';
import { ProductionStandings } from './production-standings.js';
import { ValidatedPromotions } from './validated-promotions.js';

/** Which version answers: promotions and rollbacks. */
@Injectable()
export class RolloutActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly releases: ReleasesRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly versions: VersionsRepository,
    private readonly production: ProductionStandings,
    private readonly validated: ValidatedPromotions,
  ) {}

  /**
   * Makes the retrain's version the champion, if the epoch that it was judged against is still current; where the spec asks
   * for a release and there is a champion to compare with, puts one into the queue instead. Of a governed model nothing is done before its
   * validation was opened, which this ends then.
   * Fails with `ChampionMoved` otherwise, with `ValidationNotOpen` where the validation does not let it serve, with `SetUpIncomplete` where it would serve at once and lacks something, and with `ModelStopped` or `StagePaused` where an
   * overdue finding stops the model or its production is paused; a release waits in its queue then.
   */
  async promote(id: RetrainId): Promise<CandidateStart> {
    await this.retrains.enterStage(id, 'promote');
    const retrain = await this.retrains.get(id);
    const version = retrain.version as number;
    const evaluation = await this.versions.evaluation(id.model, version);
    if (evaluation?.verdict !== 'pass') {
      throw ApplicationFailure.nonRetryable(`Version ${version} of ${id.model} has not passed its gate`, 'VersionUnfit');
    }
    const { rollout, useCase } = await this.models.spec(id.model, retrain.specDigest);
    const validation = useCase ? { model: id.model, version } : null;
    if (validation && !(await this.validated.begun(validation))) return { validating: true };
    const { champion } = await this.routing.get(id.model, retrain.deployment);
    const move = { model: id.model, deployment: retrain.deployment, expectedEpoch: evaluation.epoch, version, reason: 'promotion', actor: retrain.requestedBy } as const;
    const at = new Date();
    return this.releases.inTurn(id.model, async (manager) => {
      if (validation) await this.validated.require(manager, validation);
      else await this.validated.requireUngoverned(manager, { model: id.model, version });
      const releases = rollout.strategy === 'progressive' && champion !== null;
      if (!releases) await this.notStopped(manager, id.model, version, at);
      if (validation && !releases) await this.validated.requireSetUp(manager, validation);
      const start = releases
        ? await this.queueRelease(manager, retrain, rollout.whileReleasing, at)
        : { release: null, ...(await this.routing.moveChampionWithin(manager, move, at, origin())) };
      if (validation) await this.validated.settle(manager, validation, start, at);
      return start;
    });
  }

  /**
   * Puts the rollback's version into service. Fails with `ChampionMoved` when the champion changed since the request, and with `RollbackEnded` where the record has its end.
   * @returns also the workflow of the release that this ends, if one is under way: it learns of it when it is told
   */
  async rollBack(id: RollbackId): Promise<PromotionSummary & { readonly ended?: string }> {
    const change = await this.routing.takeBack(id, new Date(), origin());
    const release = await this.releases.active(id.model);
    return release ? { ...change, ended: deploymentWorkflowId(id.model, release.version) } : change;
  }

  private async notStopped(manager: EntityManager, model: string, version: number, at: Date): Promise<void> {
    const stop = await this.production.stop(await this.models.inForce(manager, model), at, manager);
    if (stop) throw new PerennialError(stop.type, `Version ${version} passed its gate and is not promoted. ${refusalWithoutWords(stop)}`);
  }

  private async queueRelease(manager: EntityManager, retrain: Retrain, meanwhile: 'queue' | 'supersede', at: Date): Promise<{ release: number; superseded: readonly string[] }> {
    const { model, number, deployment, specDigest, requestedBy } = retrain;
    const version = retrain.version as number;
    const known = await this.releases.ofRetrain(manager, model, number);
    if (known) return { release: known.number, superseded: [] };
    const superseded = meanwhile === 'supersede' ? await this.releases.supersede(manager, model, version, at, origin()) : [];
    const request = { model, deployment, version, retrain: number, commandId: retrain.commandId, specDigest, requestedBy, requestReason: `Retrain ${number} passed its gate.` };
    return { release: await this.releases.add(manager, request, at, origin()), superseded };
  }

  async endRollback(id: RollbackId, end: RollbackEnd): Promise<void> {
    await this.routing.endRollback(id, end, rollbackAlarm(id, end), new Date(), origin());
  }
}
