import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { maskedSlices } from '../../contracts/masked-reports.js';
import { sensitivityOf } from '../../contracts/masking.js';
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
    const { specDigest } = await this.models.get(model);
    const sensitivity = sensitivityOf(await this.models.spec(model, specDigest));
    return { items: (await this.versions.evaluations(model, limit)).map((one) => ({ ...evaluationAnswer(one), slices: maskedSlices(one.result.slices, sensitivity) })) };
  }
}
