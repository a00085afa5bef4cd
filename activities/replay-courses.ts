import { Injectable } from '@nestjs/common';
import type { ReplayPlan } from '../src/contracts/replays.js';
import type { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import { featuresLacking } from '../src/rollout/replay-plan.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { StoreProvider } from './store-provider.js';

/** Changes of champion and versions that are looked at: more than any deployment has. */
const ALL = 1_000_000;

/** What the record says of all stretches of a replay alike. */
export interface ReplayCourse {
  readonly plan: ReplayPlan;
  readonly version: ModelVersion;
  /** That the version was made under. */
  readonly spec: ModelSpec;
  readonly modelPath: string;
  readonly champions: readonly { readonly epoch: number; readonly version: number }[];
  /** By the version that logged them: the features that its inputs lack. */
  readonly lacking: ReadonlyMap<number, readonly string[]>;
}

@Injectable()
export class ReplayCourses {
  constructor(
    private readonly models: ModelsRepository,
    private readonly routing: RoutingRepository,
    private readonly versions: VersionsRepository,
    private readonly stores: StoreProvider,
  ) {}

  async of(plan: ReplayPlan): Promise<ReplayCourse> {
    const { model, deployment } = plan;
    const version = await this.versions.get(model, plan.version);
    const [spec, modelPath, history, versions] = await Promise.all([
      this.models.spec(model, version.specDigest), this.stores.store.localPath(version.artifactDigest), this.routing.history(model, deployment, ALL), this.versions.list(model, ALL),
    ]);
    const lacking = await this.lacking(spec, versions);
    return { plan, version, spec, modelPath, lacking, champions: history.map((change) => ({ epoch: change.epoch, version: change.version })) };
  }

  /** Inputs are logged with the features of the version that answered. */
  private async lacking(spec: ModelSpec, versions: readonly ModelVersion[]): Promise<ReadonlyMap<number, readonly string[]>> {
    const bySpec = new Map<string, readonly string[]>();
    for (const { model, specDigest } of versions) {
      if (!bySpec.has(specDigest)) bySpec.set(specDigest, featuresLacking(spec.data.features, (await this.models.spec(model, specDigest)).data.features));
    }
    return new Map(versions.flatMap(({ number, specDigest }) => {
      const names = bySpec.get(specDigest) ?? [];
      return names.length > 0 ? [[number, names] as const] : [];
    }));
  }
}
