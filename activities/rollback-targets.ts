import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import { Model } from '../src/registry/entities/model.entity.js';
import type { Routing } from '../src/registry/entities/routing.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import { featureMismatch } from '../src/rollout/feature-schema.js';
import { chooseRollbackTarget, type RollbackTarget } from '../src/rollout/rollback-target.js';

const HISTORY_LIMIT = 1_000;

/** Reads what the choice of a rollback's target needs to know. */
@Injectable()
export class RollbackTargets {
  constructor(
    private readonly models: ModelsRepository,
    private readonly routing: RoutingRepository,
    private readonly versions: VersionsRepository,
  ) {}

  /** @param wanted the version asked for; null: the last good one */
  async choose(manager: EntityManager, { model, deployment, champion }: Routing, wanted: number | null): Promise<RollbackTarget> {
    const history = await this.routing.history(model, deployment, HISTORY_LIMIT, manager);
    const versions = new Map((await this.versions.list(model, HISTORY_LIMIT, manager)).map((version) => [version.number, version]));
    const served = new Set(history.map(({ version }) => version));
    const unfit = new Map<number, string>();
    for (const version of versions.values()) {
      const why = served.has(version.number) ? await this.unfitness(version, manager) : undefined;
      if (why) unfit.set(version.number, why);
    }
    const past = history.map(({ epoch, version, reason }) => ({ epoch, version, rolledBack: reason === 'rollback' }));
    return chooseRollbackTarget(champion, past, wanted, (number) => versions.get(number)?.status, (number) => unfit.get(number));
  }

  /** Why a version may not serve now; undefined where it may. */
  async unfitness(version: ModelVersion, manager: EntityManager): Promise<string | undefined> {
    if (version.unfitReason !== null) return version.unfitReason;
    const { specDigest } = await manager.findOneByOrFail(Model, { name: version.model });
    if (specDigest === version.specDigest) return undefined;
    const [made, today] = [await this.models.spec(version.model, version.specDigest, manager), await this.models.spec(version.model, specDigest, manager)];
    return featureMismatch(made.data.features, today.data.features);
  }
}
