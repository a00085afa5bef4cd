import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { PerennialError } from '../../contracts/failures.js';
import { ExplanationsRepository } from '../../registry/explanations.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath } from '../requests/fields.js';
import { whyAnswer, type WhyAnswer, whyQuery, type WhyQuery, whySchema } from './why.dto.js';

@ApiTags('Why')
@CommonProblems()
@Controller('v1/models/:model/why')
export class WhyController {
  constructor(private readonly explanations: ExplanationsRepository) {}

  @Get()
  @Permit('model.read')
  @Operation('Why this version answers', 'Of the champion now, or at the time `at`: how it came there, over which champion, on which evidence and data, and what has happened since. docs/WHY.md explains it.')
  @Answer(200, 'The whole chain', whySchema)
  @Problems('ModelNotFound', 'NotFound')
  async explainChampion(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: whyQuery }) query: WhyQuery): Promise<WhyAnswer> {
    const now = new Date();
    const at = query.at === undefined ? null : new Date(query.at);
    if (at && at > now) throw stillToCome(query.at as string);
    return whyAnswer(await this.explanations.ofTime(model, query.deployment, at), at, now);
  }
}

function stillToCome(at: string): PerennialError {
  const message = `${at} is still to come, and nobody knows who answers then; leave it out to ask about now`;
  return new PerennialError('InvalidRequest', `query.at: ${message}`, { faults: [{ path: 'query.at', message }] });
}
