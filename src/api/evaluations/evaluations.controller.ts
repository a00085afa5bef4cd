import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Sensitivity } from '../../contracts/masking.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { VersionsRepository } from '../../registry/versions.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { listQuery, modelPath } from '../requests/fields.js';
import { type EvaluationAnswer, evaluationAnswer, evaluationListSchema } from './evaluations.dto.js';

@ApiTags('Evaluations')
@CommonProblems()
@Controller('v1/models/:model/evaluations')
export class EvaluationsController {
  constructor(
    private readonly models: ModelsRepository,
    private readonly versions: VersionsRepository,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('The figures on which the gate decided', 'Newest version first: candidate beside champion on rows that neither has seen, with intervals, slices and every check.')
  @Answer(200, 'The evaluations', evaluationListSchema)
  @Problems('ModelNotFound')
  async listEvaluations(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<{ items: EvaluationAnswer[] }> {
    await this.models.get(model);
    const evaluations = await this.versions.evaluations(model, limit);
    const sensitivities = await this.models.sensitivities(model, evaluations.map(({ version }) => ({ versions: [version] })));
    return { items: evaluations.map((one, index) => evaluationAnswer(one, sensitivities[index] as Sensitivity)) };
  }
}
