import { Injectable } from '@nestjs/common';
import type { HeldOut, SnapshotPart } from '../src/contracts/artifacts.js';
import { type ScoredRows, scoreParquet } from '../src/evaluation/scoring.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';

/** The rows on which a version was judged before it came into service, as it answers them. */
export interface JudgedVersion {
  /** That it was made under. */
  readonly spec: ModelSpec;
  readonly snapshot: string;
  readonly evaluation: SnapshotPart;
  /** The blocks of its window that the rows are of; left out where they are of all. */
  readonly heldOut?: HeldOut;
  readonly asOf: string;
  readonly parquetPath: string;
  /** With labels; none where none has one. */
  readonly rows: ScoredRows;
}

@Injectable()
export class JudgedVersions {
  constructor(
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly versions: VersionsRepository,
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {}

  /** @returns null for a version that the registry does not have @throws PerennialError `DataUnreadable`, `ScoringFailed`, `ArtifactMissing`, `ArtifactCorrupt` */
  async find(model: string, number: number, signal: AbortSignal): Promise<JudgedVersion | null> {
    const found = await this.versions.find(model, number);
    if (!found) return null;
    const { specDigest, snapshotDigest, artifactDigest } = found;
    const spec = await this.models.spec(model, specDigest);
    const { evaluation, heldOut, asOf } = (await this.retrains.snapshot(snapshotDigest)).manifest;
    const [modelPath, parquetPath] = await Promise.all([this.stores.store.localPath(artifactDigest), this.stores.store.localPath(evaluation.artifact.digest)]);
    const rows = await scoreParquet({ modelPath, modelDigest: artifactDigest, spec, parquetPath, asOf, signal, workDir: this.settings.workDir });
    return { spec, snapshot: snapshotDigest, evaluation, ...(heldOut && { heldOut }), asOf, parquetPath, rows };
  }
}
