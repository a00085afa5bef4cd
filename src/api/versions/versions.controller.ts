import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { PerennialError } from '../../contracts/failures.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { RetrainsRepository } from '../../registry/retrains.repository.js';
import { TrainingRepository } from '../../registry/training.repository.js';
import { VersionsRepository } from '../../registry/versions.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { listQuery, modelPath, noQuery } from '../requests/fields.js';
import {
  type VersionAnswer, versionAnswer, type VersionDetail, versionDetail, versionDetailSchema, versionListSchema, versionPath, type VersionPath,
} from './versions.dto.js';

@ApiTags('Versions')
@CommonProblems()
@Controller('v1/models/:model/versions')
export class VersionsController {
  constructor(
    private readonly models: ModelsRepository,
    private readonly versions: VersionsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly training: TrainingRepository,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('The versions of a model', 'Newest first.')
  @Answer(200, 'The versions', versionListSchema)
  @Problems('ModelNotFound')
  async listVersions(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<{ items: VersionAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.versions.list(model, limit)).map(versionAnswer) };
  }

  @Get(':version')
  @Permit('model.read')
  @Operation('Where a version comes from', 'Its data with source files and digests, its code, parameters, seed and environment, who asked for it, and the evaluation that decided on it.')
  @Answer(200, 'The version and its lineage', versionDetailSchema)
  @Problems('ModelNotFound', 'VersionNotFound')
  async getVersion(@Param({ schema: versionPath }) path: VersionPath, @Query({ schema: noQuery }) _query: unknown): Promise<VersionDetail> {
    await this.models.get(path.model);
    const version = await this.versions.get(path.model, path.version);
    const id = { model: version.model, number: version.retrain };
    const [retrain, snapshot, run, evaluation, sensitivity] = await Promise.all([
      this.retrains.get(id), this.retrains.snapshot(version.snapshotDigest), this.training.find(id), this.versions.evaluation(version.model, version.number),
      this.models.sensitivity(version.model, { versions: [version.number] }),
    ]);
    if (!run) throw new PerennialError('Internal', `Version ${version.number} of ${version.model} has no training run on the record`);
    return versionDetail({ version, retrain, snapshot, run, evaluation, sensitivity });
  }
}
