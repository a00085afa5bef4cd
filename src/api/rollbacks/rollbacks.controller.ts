import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ModelsRepository } from '../../registry/models.repository.js';
import { RoutingRepository } from '../../registry/routing.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { TemporalLinks } from '../documentation/answer-fields.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { listQuery, modelPath, noQuery } from '../requests/fields.js';
import {
  type RollbackAnswer, rollbackAnswer, rollbackLink, rollbackListSchema, rollbackPath, type RollbackPath, rollbackRequest, type RollbackRequest,
  rollbackSchema, type RollbackStarted, rollbackStartedSchema,
} from './rollbacks.dto.js';

@ApiTags('Rollbacks')
@CommonProblems()
@Controller('v1/models/:model/rollbacks')
export class RollbacksController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly routing: RoutingRepository,
    private readonly temporal: TemporalLinks,
  ) {}

  @Post()
  @Permit('rollback.request')
  @CommandOperation('Take the champion back', 'To the version before, or to any that has served. It is complete when every live gateway serves it, and names those that do not.')
  @Answer(202, 'It runs, or is accepted and started later', z.union([rollbackStartedSchema, acceptedSchema]))
  @Problems('ModelNotFound', 'NotFound', 'NoRollbackTarget', 'ModelRetiring')
  async requestRollback(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Body({ schema: rollbackRequest }) { toVersion = null, deployment, reason }: RollbackRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RollbackStarted | AcceptedBody> {
    await this.models.get(model);
    await this.routing.get(model, deployment);
    const { command, outcome } = await this.flow.run<'rollback'>({ actor, idempotencyKey, kind: 'rollback', model, body: { deployment, toVersion, reason } });
    const status = outcome ? rollbackLink(model, outcome.deployment, outcome.fromEpoch) : commandLink(command.id);
    void reply.status(202).header('location', status);
    if (!outcome) return acceptedBody(command);
    const { kind: _kind, ...facts } = outcome;
    return { model, ...facts, temporalUrl: this.temporal.of(outcome.workflowId), commandId: command.id, status };
  }

  @Get()
  @Permit('model.read')
  @Operation('The rollbacks of a model', 'Newest first.')
  @Answer(200, 'The rollbacks', rollbackListSchema)
  @Problems('ModelNotFound')
  async listRollbacks(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<{ items: RollbackAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.routing.rollbacks(model, limit)).map((rollback) => rollbackAnswer(rollback, this.temporal)) };
  }

  @Get(':deployment/:fromEpoch')
  @Permit('model.read')
  @Operation('Where a rollback stands')
  @Answer(200, 'The rollback', rollbackSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getRollback(@Param({ schema: rollbackPath }) id: RollbackPath, @Query({ schema: noQuery }) _query: unknown): Promise<RollbackAnswer> {
    await this.models.get(id.model);
    return rollbackAnswer(await this.routing.getRollback(id), this.temporal);
  }
}
