import { Injectable } from '@nestjs/common';
import { maskedEvaluation } from '../../contracts/masked-reports.js';
import { type CandidateFacts, candidateFacts, type DevelopmentExit, developmentExit } from '../../lifecycle/development-exit.js';
import type { Model } from '../../registry/entities/model.entity.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { TrainingRepository } from '../../registry/training.repository.js';
import { VersionsRepository } from '../../registry/versions.repository.js';

/** How far development has come, of the newest version. */
export interface DevelopmentStanding extends DevelopmentExit {
  /** Null before the first. */
  readonly version: number | null;
}

/** Reads from the record what the exit of development is judged by. */
@Injectable()
export class DevelopmentReader {
  constructor(
    private readonly models: ModelsRepository,
    private readonly versions: VersionsRepository,
    private readonly training: TrainingRepository,
  ) {}

  async standing({ name, specDigest }: Pick<Model, 'name' | 'specDigest'>): Promise<DevelopmentStanding> {
    const [plan, candidate] = await Promise.all([this.models.spec(name, specDigest), this.candidate(name)]);
    return { version: candidate?.version ?? null, ...developmentExit({ plan, planDigest: specDigest, candidate }) };
  }

  private async candidate(model: string): Promise<CandidateFacts | null> {
    const [version] = await this.versions.list(model, 1);
    if (!version) return null;
    const [evaluation, run, sensitivity] = await Promise.all([
      this.versions.evaluation(model, version.number), this.training.find({ model, number: version.retrain }), this.models.sensitivity(model, { versions: [version.number] }),
    ]);
    return candidateFacts(version, evaluation && { gate: evaluation.gate, result: maskedEvaluation(evaluation.result, sensitivity) }, run);
  }
}
