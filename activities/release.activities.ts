import { Injectable } from '@nestjs/common';
import type { MonitoringState, ReleaseDecision, ReleaseEnd, ReleaseId, ReleaseMeasurement, ReleaseState, ReleaseTurn } from '../src/contracts/releases.js';
import { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReleaseTurns } from '../src/registry/release-turns.js';
import { releaseState, ReleasesRepository } from '../src/registry/releases.repository.js';
import { ServingRepository } from '../src/registry/serving.repository.js';
import { beginsStep, decideRelease } from '../src/rollout/release-decision.js';
import { releasePlan } from '../src/rollout/release-plan.js';
import { origin } from './activity-context.js';
import { refusalWithoutWords } from './command-outcomes.js';
import { ProductionStandings } from './production-standings.js';
import { RollbackTargets } from './rollback-targets.js';
import { ValidatedPromotions } from './validated-promotions.js';

/** The course of a release on the record: what was decided over each look, and how it ended. */
@Injectable()
export class ReleaseActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly releases: ReleasesRepository,
    private readonly serving: ServingRepository,
    private readonly turns: ReleaseTurns,
    private readonly targets: RollbackTargets,
    private readonly production: ProductionStandings,
    private readonly validated: ValidatedPromotions,
  ) {}

  async readRelease(id: ReleaseId): Promise<ReleaseState> {
    const [release, { tier }] = await Promise.all([this.releases.get(id), this.models.get(id.model)]);
    return releaseState(release, tier);
  }

  /**
   * Decides over a look and lets the decision take effect, in one transaction.
   * While an overdue finding stops the model, its production is paused, or the spec of a governed one lacks what versions need to go live, nothing goes forward; what goes back does.
   * @param measurement null where nothing was measured: only what a person asked for, or a champion that moved, decides then
   * @param monitoring null where monitoring was not tried yet: then a step is not begun, and the turn says that it needs the proof
   */
  async decideRelease(id: ReleaseId, measurement: ReleaseMeasurement | null, monitoring: MonitoringState | null): Promise<ReleaseTurn> {
    const { model, deployment } = await this.releases.get(id);
    return this.turns.take(id, measurement, await this.serving.tallies(model, deployment), monitoring !== null, {
      stop: async (manager, found, release) => {
        const stop = await this.production.stop(found, new Date(), manager);
        return stop ? refusalWithoutWords(stop) : this.validated.hold(manager, found, release);
      },
      decide: (state, { champion, epoch }, lastChange, stop) =>
        heldWhile(stop, decideRelease({ state, measurement, monitoring, routing: { champion, epoch, rolledBackBy: lastChange?.reason === 'rollback' ? lastChange.actor : null } })),
      beginsStep,
      plan: async (manager, release, { champion, epoch }) =>
        releasePlan(await this.models.spec(release.model, release.specDigest, manager), { number: release.number, deployment: release.deployment, version: release.version, specDigest: release.specDigest, champion: champion as number, epoch }),
      unfitness: async (manager, { model: name, version }) =>
        (await this.targets.unfitness(await manager.findOneByOrFail(ModelVersion, { model: name, number: version }), manager)) ?? (await this.validated.unreleasable(manager, { model: name, version })) ?? undefined,
      rollbackTarget: (manager, routing) => this.targets.choose(manager, routing, null),
    }, new Date(), origin());
  }

  /** Ends a release that its workflow could not bring to its end, once. */
  async endRelease(id: ReleaseId, end: ReleaseEnd): Promise<void> {
    await this.releases.end(id, end, new Date(), origin());
  }
}

const heldWhile = (stop: string | undefined, decision: ReleaseDecision): ReleaseDecision => (stop !== undefined && beginsStep(decision) ? { action: 'hold', reason: stop } : decision);
