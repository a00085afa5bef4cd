import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ModelsRepository } from '../../registry/models.repository.js';
import { RetrainsRepository } from '../../registry/retrains.repository.js';
import { RoutingRepository } from '../../registry/routing.repository.js';
import { TrainingRepository } from '../../registry/training.repository.js';
import { VersionsRepository } from '../../registry/versions.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { TemporalLinks } from '../documentation/answer-fields.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { listQuery, modelPath, noQuery } from '../requests/fields.js';
import { z } from 'zod';
import {
  type RetrainAnswer, retrainAnswer, type RetrainDetail, retrainDetail, retrainDetailSchema, retrainLink, retrainListSchema, retrainPath,
  type RetrainPath, retrainRequest, type RetrainRequest, type RetrainStarted, retrainStartedSchema,
} from './retrains.dto.js';

@ApiTags('Retrains')
@CommonProblems()
@Controller('v1/models/:model/retrains')
export class RetrainsController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly training: TrainingRepository,
    private readonly versions: VersionsRepository,
    private readonly temporal: TemporalLinks,
  ) {}

  @Post()
  @Permit('retrain.request')
  @CommandOperation('Ask for a retrain', 'Snapshot, data validation, training, admission, scoring, gate and promotion run as a workflow; `status` is where to follow it. While one runs already the spec says whether this request joins it or is refused.')
  @Answer(202, 'It runs, or is accepted and started later', z.union([retrainStartedSchema, acceptedSchema]))
  @Problems('ModelNotFound', 'NotFound', 'RetrainActive', 'UseCaseNotApproved', 'ModelStopped', 'ModelRetiring')
  async requestRetrain(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Body({ schema: retrainRequest }) { asOf = null, deployment, reason = null }: RetrainRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RetrainStarted | AcceptedBody> {
    await this.models.get(model);
    await this.routing.get(model, deployment);
    const { command, outcome } = await this.flow.run<'retrain'>({ actor, idempotencyKey, kind: 'retrain', model, body: { deployment, asOf, reason } });
    const status = outcome ? retrainLink(model, outcome.number) : commandLink(command.id);
    void reply.status(202).header('location', status);
    if (!outcome) return acceptedBody(command);
    const { number, workflowId, joined } = outcome;
    return { model, number, workflowId, temporalUrl: this.temporal.of(workflowId), joined, commandId: command.id, status };
  }

  @Get()
  @Permit('model.read')
  @Operation('The retrains of a model', 'Newest first.')
  @Answer(200, 'The retrains', retrainListSchema)
  @Problems('ModelNotFound')
  async listRetrains(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<{ items: RetrainAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.retrains.list(model, limit)).map((retrain) => retrainAnswer(retrain, this.temporal)) };
  }

  @Get(':number')
  @Permit('model.read')
  @Operation('Where a retrain stands', 'Its stage, the progress of the training, what was wrong with the data, the figures and the verdict.')
  @Answer(200, 'The retrain', retrainDetailSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getRetrain(@Param({ schema: retrainPath }) id: RetrainPath, @Query({ schema: noQuery }) _query: unknown): Promise<RetrainDetail> {
    await this.models.get(id.model);
    const retrain = await this.retrains.get(id);
    const [snapshot, run, evaluation, sensitivity] = await Promise.all([
      retrain.snapshotDigest === null ? null : this.retrains.snapshot(retrain.snapshotDigest),
      this.training.find(id),
      retrain.version === null ? null : this.versions.evaluation(id.model, retrain.version),
      this.models.sensitivity(id.model, { specs: [retrain.specDigest] }),
    ]);
    return retrainDetail({ retrain, snapshot, run, evaluation, sensitivity }, this.temporal);
  }
}
