import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ModelsRepository } from '../../registry/models.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath, noQuery } from '../requests/fields.js';
import { DevelopmentReader } from './development-reader.js';
import { type DevelopmentAnswer, developmentAnswer, developmentSchema } from './development.dto.js';

@ApiTags('Development')
@CommonProblems()
@Controller('v1/models/:model/development')
export class DevelopmentController {
  constructor(
    private readonly models: ModelsRepository,
    private readonly reader: DevelopmentReader,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('Whether development has come to its exit', "Of the newest version: the plan's absolute thresholds, the first test for bias where the plan names protected groups, and whether data, code and environment are on record.")
  @Answer(200, 'The criteria', developmentSchema)
  @Problems('ModelNotFound')
  async showDevelopment(@Param({ schema: modelPath }) { model: name }: { model: string }, @Query({ schema: noQuery }) _query: unknown): Promise<DevelopmentAnswer> {
    const model = await this.models.get(name);
    return developmentAnswer(model, await this.reader.standing(model));
  }
}
