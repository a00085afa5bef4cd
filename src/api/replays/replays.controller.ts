import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { trainingOverlap } from '../../contracts/replays.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { ReplaysRepository } from '../../registry/replays.repository.js';
import { RoutingRepository } from '../../registry/routing.repository.js';
import { VersionsRepository } from '../../registry/versions.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { TemporalLinks } from '../documentation/answer-fields.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { listQuery, modelPath, noQuery } from '../requests/fields.js';
import {
  planOf, type ReplayAnswer, replayAnswer, type ReplayDetail, replayDetail, replayDetailSchema, replayLink, replayListSchema, replayPath, type ReplayPath, replayRequest,
  type ReplayRequest, type ReplayStarted, replayStartedSchema,
} from './replays.dto.js';

@ApiTags('Replays')
@CommonProblems()
@Controller('v1/models/:model/replays')
export class ReplaysController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly replays: ReplaysRepository,
    private readonly routing: RoutingRepository,
    private readonly versions: VersionsRepository,
    private readonly temporal: TemporalLinks,
  ) {}

  @Post()
  @Permit('replay.request')
  @CommandOperation('Replay a period', 'Scores what was logged in a past period by a version and compares it with what the champion of then answered, by the spec\'s `rollout.comparison` and the labels known when it is asked for. A replay changes nothing in service.')
  @Answer(202, 'It runs, or is accepted and started later', z.union([replayStartedSchema, acceptedSchema]))
  @Problems('ModelNotFound', 'NotFound', 'VersionNotFound', 'NothingToReplay', 'ModelRetiring')
  async requestReplay(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Body({ schema: replayRequest }) { version, deployment, from, until, reason }: ReplayRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReplayStarted | AcceptedBody> {
    await this.models.get(model);
    await this.routing.get(model, deployment);
    await this.versions.get(model, version);
    const { command, outcome } = await this.flow.run<'replay'>({ actor, idempotencyKey, kind: 'replay', model, body: { deployment, version, from, until, reason } });
    const status = outcome ? replayLink(model, outcome.number) : commandLink(command.id);
    void reply.status(202).header('location', status);
    if (!outcome) return acceptedBody(command);
    const { number, workflowId } = outcome;
    const seenInTraining = trainingOverlap(planOf(await this.replays.get({ model, number })));
    return { model, number, version, promotes: false, seenInTraining, workflowId, temporalUrl: this.temporal.of(workflowId), commandId: command.id, status };
  }

  @Get()
  @Permit('model.read')
  @Operation('The replays of a model', 'Newest first.')
  @Answer(200, 'The replays', replayListSchema)
  @Problems('ModelNotFound')
  async listReplays(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<{ items: ReplayAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.replays.list(model, limit)).map((standing) => replayAnswer(standing, this.temporal)) };
  }

  @Get(':number')
  @Permit('model.read')
  @Operation('What a replay says', 'Its plan, the rows by what became of them, and the comparisons block by block.')
  @Answer(200, 'The replay', replayDetailSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getReplay(@Param({ schema: replayPath }) id: ReplayPath, @Query({ schema: noQuery }) _query: unknown): Promise<ReplayDetail> {
    await this.models.get(id.model);
    const replay = await this.replays.get(id);
    const [end, blocks, history] = await Promise.all([this.replays.end(id), this.replays.blocks(id), this.replays.history(id)]);
    return replayDetail({ replay, end, blocks, history }, this.temporal);
  }
}
