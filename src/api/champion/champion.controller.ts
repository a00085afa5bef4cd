import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { isoTime } from '../../contracts/time.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { RoutingRepository } from '../../registry/routing.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath } from '../requests/fields.js';
import {
  changeAnswer, championHistorySchema, championQuery, championSchema, historyQuery,
  type ChampionAnswer, type ChampionQuery, type HistoryQuery,
} from './champion.dto.js';

@ApiTags('Champion')
@CommonProblems()
@Controller('v1/models/:model/champion')
export class ChampionController {
  constructor(
    private readonly models: ModelsRepository,
    private readonly routing: RoutingRepository,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('Which version answers', 'Now, or at the time `at`. `version` is null while nothing has been promoted.')
  @Answer(200, 'The champion', championSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getChampion(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: championQuery }) query: ChampionQuery): Promise<ChampionAnswer> {
    await this.models.get(model);
    const { deployment } = await this.routing.get(model, query.deployment);
    const change = query.at === undefined
      ? ((await this.routing.history(model, deployment, 1))[0] ?? null)
      : await this.routing.championAt(model, deployment, new Date(query.at));
    return {
      model,
      deployment,
      at: query.at ?? isoTime(Date.now()),
      version: change?.version ?? null,
      epoch: change?.epoch ?? 0,
      change: change && changeAnswer(change),
    };
  }

  @Get('history')
  @Permit('model.read')
  @Operation('Every champion that a deployment has had', 'Newest first.')
  @Answer(200, 'The changes', championHistorySchema)
  @Problems('ModelNotFound', 'NotFound')
  async listChampions(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: historyQuery }) query: HistoryQuery): Promise<{ items: ReturnType<typeof changeAnswer>[] }> {
    await this.models.get(model);
    await this.routing.get(model, query.deployment);
    return { items: (await this.routing.history(model, query.deployment, query.limit)).map(changeAnswer) };
  }
}
