import { Injectable } from '@nestjs/common';
import type { StageStanding } from '../../contracts/stage-criteria.js';
import type { PausedStage, Stage } from '../../contracts/stages.js';
import { stageStandings } from '../../lifecycle/stage-standings.js';
import type { Model } from '../../registry/entities/model.entity.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { type RetirementStory, RetirementsRepository } from '../../registry/retirements.repository.js';
import { DevelopmentReader } from '../development/development-reader.js';
import { ProductionReader } from '../models/production-reader.js';
import { StageWorkReader } from './stage-work-reader.js';

/** Reads from the record where a model stands in each of its stages. */
@Injectable()
export class StagesReader {
  constructor(
    private readonly models: ModelsRepository,
    private readonly work: StageWorkReader,
    private readonly development: DevelopmentReader,
    private readonly production: ProductionReader,
    private readonly retirements: RetirementsRepository,
  ) {}

  async standings(model: Model, paused: readonly PausedStage[]): Promise<Readonly<Record<Stage, StageStanding>>> {
    const { name, specDigest } = model;
    const spec = await this.models.spec(name, specDigest);
    const [work, { version, criteria }, production, leaving] = await Promise.all([this.work.read(name), this.development.standing(model), this.production.read(name, spec), this.retirements.inForce(name)]);
    return stageStandings({
      model: name, specDigest, governed: spec.useCase !== undefined, ...work, ...production, paused,
      development: { version, unmet: criteria.filter(({ verdict }) => verdict !== 'pass').map((one) => one.name) }, retirement: leaving && retirementFacts(leaving),
    });
  }
}

const retirementFacts = ({ retirement: { number }, steps }: RetirementStory) => ({ number, lastStep: steps.at(-1)?.step ?? null, over: steps.some(({ step }) => step === 'deleted') });
