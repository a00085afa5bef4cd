import { Injectable } from '@nestjs/common';
import { DEFAULT_DEPLOYMENT, deploymentWorkflowId, retrainWorkflowId } from '../src/contracts/motion.js';
import type { ModelStatus } from '../src/contracts/status.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { StageStandings } from './stage-standings.js';

/** Where a model stands, read from the record. */
@Injectable()
export class ModelStatuses {
  constructor(
    private readonly models: ModelsRepository,
    private readonly releases: ReleasesRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly stages: StageStandings,
  ) {}

  async read(model: string): Promise<ModelStatus> {
    const found = await this.models.find(model);
    if (!found) return { model, owner: null, tier: null, champion: null, epoch: 0, activeRetrain: null, lastRetrain: null, release: null, useCase: null, retirement: null };
    const [routing, recent, release, stages] = await Promise.all([this.routing.get(model, DEFAULT_DEPLOYMENT), this.retrains.list(model, 2), this.releases.current(model), this.stages.read(found)]);
    const active = recent.find((retrain) => retrain.outcome === null);
    const last = recent.find((retrain) => retrain.outcome !== null);
    return {
      model, owner: found.owner, tier: found.tier, champion: routing.champion, epoch: routing.epoch,
      activeRetrain: active ? { number: active.number, workflowId: retrainWorkflowId(model, active.number) } : null,
      lastRetrain: last?.outcome ? { number: last.number, outcome: last.outcome, reason: last.reason ?? '' } : null,
      release: release && { number: release.number, version: release.version, deployment: release.deployment, stage: release.stage, workflowId: deploymentWorkflowId(model, release.version) },
      ...stages,
    };
  }
}
