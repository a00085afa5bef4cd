import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ComparisonsRepository } from '../../registry/comparisons.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { ReleasesRepository } from '../../registry/releases.repository.js';
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
  type ReleaseAnswer, releaseAnswer, type ReleaseDetail, releaseDetail, releaseDetailSchema, releaseLink, releaseListSchema, releasePath, type ReleasePath,
  releaseRequest, type ReleaseRequest, type ReleaseStarted, releaseStartedSchema, steerPath, type SteerPath, steerRequest, type SteerRequest, type Steered, steeredSchema,
} from './releases.dto.js';

@ApiTags('Releases')
@CommonProblems()
@Controller('v1/models/:model/releases')
export class ReleasesController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly releases: ReleasesRepository,
    private readonly comparisons: ComparisonsRepository,
    private readonly routing: RoutingRepository,
    private readonly versions: VersionsRepository,
    private readonly temporal: TemporalLinks,
  ) {}

  @Post()
  @Permit('release.request')
  @CommandOperation('Release a version', 'Shadow, canary steps, promotion and watch, as the spec\'s rollout section says. While another release of the model is under way it waits for its turn, or takes its place.')
  @Answer(202, 'It is in the queue, or is accepted and started later', z.union([releaseStartedSchema, acceptedSchema]))
  @Problems('ModelNotFound', 'NotFound', 'VersionNotFound', 'VersionUnfit', 'ReleaseRefused', 'ModelStopped', 'ModelRetiring')
  async requestRelease(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Body({ schema: releaseRequest }) { version, deployment, reason }: ReleaseRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReleaseStarted | AcceptedBody> {
    await this.models.get(model);
    await this.routing.get(model, deployment);
    await this.versions.get(model, version);
    const { command, outcome } = await this.flow.run<'release'>({ actor, idempotencyKey, kind: 'release', model, body: { deployment, version, reason } });
    const status = outcome ? releaseLink(model, outcome.number) : commandLink(command.id);
    void reply.status(202).header('location', status);
    if (!outcome) return acceptedBody(command);
    const { number, workflowId, joined } = outcome;
    return { model, number, version, workflowId, temporalUrl: this.temporal.of(workflowId), joined, commandId: command.id, status };
  }

  @Get()
  @Permit('model.read')
  @Operation('The releases of a model', 'Newest first.')
  @Answer(200, 'The releases', releaseListSchema)
  @Problems('ModelNotFound')
  async listReleases(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<{ items: ReleaseAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.releases.list(model, limit)).map((release) => releaseAnswer(release, this.temporal)) };
  }

  @Get(':number')
  @Permit('model.read')
  @Operation('Where a release stands', 'Its plan, every step with the measurement that it was decided on, and the comparisons block by block.')
  @Answer(200, 'The release', releaseDetailSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getRelease(@Param({ schema: releasePath }) id: ReleasePath, @Query({ schema: noQuery }) _query: unknown): Promise<ReleaseDetail> {
    await this.models.get(id.model);
    const release = await this.releases.get(id);
    const [steps, analyses, blocks] = await Promise.all([this.releases.steps(id), this.comparisons.analyses(id), this.comparisons.blocks(id)]);
    return releaseDetail({ release, steps, analyses, blocks }, this.temporal);
  }

  @Post(':number/:action')
  @Permit('release.steer')
  @CommandOperation('Steer a release', '`pause`, `resume`, `advance` to the next step, or `abort`.')
  @Answer(202, 'It is on the record; the release follows', z.union([steeredSchema, acceptedSchema]))
  @Problems('ModelNotFound', 'NotFound', 'ReleaseNotSteerable')
  async steerRelease(
    @Param({ schema: steerPath }) { model, number, action }: SteerPath,
    @Body({ schema: steerRequest }) { reason }: SteerRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Steered | AcceptedBody> {
    await this.models.get(model);
    const { deployment } = await this.releases.get({ model, number });
    const { command, outcome } = await this.flow.run<'steer'>({ actor, idempotencyKey, kind: 'steer', model, body: { deployment, release: number, action, reason } });
    const status = outcome ? releaseLink(model, number) : commandLink(command.id);
    void reply.status(202).header('location', status);
    if (!outcome) return acceptedBody(command);
    return { model, number, action, stage: outcome.stage, workflowId: outcome.workflowId, temporalUrl: this.temporal.of(outcome.workflowId), joined: outcome.joined, commandId: command.id, status };
  }
}
