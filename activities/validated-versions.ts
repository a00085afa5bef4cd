import { Injectable } from '@nestjs/common';
import type { SnapshotManifest } from '../src/contracts/artifacts.js';
import { PerennialError } from '../src/contracts/failures.js';
import type { ValidationId } from '../src/contracts/validations.js';
import type { Evaluation } from '../src/registry/entities/evaluation.entity.js';
import type { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import type { Retrain } from '../src/registry/entities/retrain.entity.js';
import type { TrainingRun } from '../src/registry/entities/training-run.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { TrainingRepository } from '../src/registry/training.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';

/** All that the record has of a version that is to be validated. */
export interface ValidatedVersion {
  readonly version: ModelVersion;
  /** That it was made under. */
  readonly spec: ModelSpec;
  readonly retrain: Retrain;
  readonly run: TrainingRun;
  readonly manifest: SnapshotManifest;
  readonly evaluation: Evaluation;
}

@Injectable()
export class ValidatedVersions {
  constructor(
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly training: TrainingRepository,
    private readonly versions: VersionsRepository,
  ) {}

  /** @throws PerennialError `VersionNotFound`, or `Internal` where it was never trained or judged, which a retrain does not leave behind */
  async get({ model, version: number }: ValidationId): Promise<ValidatedVersion> {
    const version = await this.versions.get(model, number);
    const id = { model, number: version.retrain };
    const [spec, retrain, run, evaluation] = await Promise.all([this.models.spec(model, version.specDigest), this.retrains.get(id), this.training.find(id), this.versions.evaluation(model, number)]);
    if (!run || !evaluation) throw new PerennialError('Internal', `Version ${number} of ${model} has no ${run ? 'evaluation' : 'training'} on the record`, { model, version: number });
    const { manifest } = await this.retrains.snapshot(version.snapshotDigest);
    return { version, spec, retrain, run, manifest, evaluation };
  }
}
