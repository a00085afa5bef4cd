import { Injectable } from '@nestjs/common';
import type { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { TrainingRepository } from '../src/registry/training.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';

/** Of the registry, what scoring a version anew needs. */
@Injectable()
export class ArchivedVersions {
  constructor(
    readonly models: ModelsRepository,
    readonly versions: VersionsRepository,
    readonly training: TrainingRepository,
    readonly retrains: RetrainsRepository,
    readonly routing: RoutingRepository,
  ) {}

  /** Those that answered last. */
  async champions(model: string): Promise<ModelVersion[]> {
    const numbers = new Set((await this.routing.of(model)).flatMap(({ champion }) => champion ?? []));
    return Promise.all([...numbers].map((number) => this.versions.get(model, number)));
  }

  /** Digests of the files without which those cannot be proven to answer as they did. */
  async required(model: string): Promise<string[]> {
    const files = (await this.champions(model)).map(async ({ retrain, artifactDigest }) => [artifactDigest, (await this.training.find({ model, number: retrain }))?.parityDigest ?? []].flat());
    return (await Promise.all(files)).flat();
  }
}
