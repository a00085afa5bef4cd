import { Body, Controller, Get, Header, Param, Post, Query, Res } from '@nestjs/common';
import { ApiConsumes, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ModelsRepository } from '../../registry/models.repository.js';
import { RetirementsRepository } from '../../registry/retirements.repository.js';
import { RetrainsRepository } from '../../registry/retrains.repository.js';
import { RoutingRepository } from '../../registry/routing.repository.js';
import { parseSpec } from '../../spec/parse-spec.js';
import { approvalLink } from '../approvals/approvals.dto.js';
import type { Access } from '../authentication/access.js';
import { CallerAccess } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { DevelopmentReader } from '../development/development-reader.js';
import { standingAnswer } from '../development/development.dto.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath, noQuery } from '../requests/fields.js';
import {
  type AppliedAnswer, appliedSchema, applyRequest, type ApplyRequest, type ModelAnswer, modelAnswer, type ModelDetail, modelDetailSchema,
  modelListSchema, specQuery, type SpecQuery, SPEC_YAML,
} from './models.dto.js';
import { ProductionReader } from './production-reader.js';

@ApiTags('Models')
@CommonProblems()
@Controller('v1/models')
export class ModelsController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly routing: RoutingRepository,
    private readonly production: ProductionReader,
    private readonly retirements: RetirementsRepository,
    private readonly development: DevelopmentReader,
  ) {}

  @Post()
  @Permit('spec.apply')
  @CommandOperation('Register a model, or put another spec in force', 'The body is the spec as YAML, or JSON that holds it. A spec with faults changes nothing; every fault is listed with its path.')
  @ApiConsumes('application/yaml', 'text/yaml', 'text/plain', 'application/json')
  @Answer(201, 'The spec is in force now', appliedSchema)
  @Answer(200, 'This spec was in force already', appliedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('SpecInvalid', 'ModelRetiring', 'UseCaseDropped', 'OwnerDeactivated')
  async applyModel(
    @Body({ schema: applyRequest }) { spec: source }: ApplyRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @CallerAccess() access: Access,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AppliedAnswer | AcceptedBody> {
    const { spec } = parseSpec(source);
    await access.require('spec.apply', spec.model);
    const { command, outcome } = await this.flow.run<'apply'>({ actor: access.caller.name, idempotencyKey, kind: 'apply', model: spec.model, body: { source } });
    if (!outcome) {
      void reply.status(202).header('location', commandLink(command.id));
      return acceptedBody(command);
    }
    const status = `/v1/models/${spec.model}`;
    void reply.status(outcome.changed ? 201 : 200).header('location', status);
    const { specDigest, changed, owner, approval } = outcome;
    return { model: spec.model, specDigest, changed, successor: owner?.successor ?? null, approval: approval ? approvalLink(spec.model, approval.number) : null, commandId: command.id, status };
  }

  @Get()
  @Permit('model.read')
  @Operation('All models that the caller may read', 'By name, each with its champions and the retrain that runs.')
  @Answer(200, 'The models', modelListSchema)
  async listModels(@Query({ schema: noQuery }) _query: unknown, @CallerAccess() access: Access): Promise<{ items: ModelAnswer[] }> {
    const [models, routings, open, leaving] = await Promise.all([this.models.list(), this.routing.all(), this.retrains.open(), this.retirements.states()]);
    const items = models.filter(({ name }) => access.may('model.read', name)).map((model) =>
      modelAnswer(model, routings.filter((routing) => routing.model === model.name), open.find((retrain) => retrain.model === model.name), leaving.get(model.name) ?? null));
    return { items };
  }

  @Get(':model')
  @Permit('model.read')
  @Operation('One model', 'With its spec, its champions, the retrain that runs, whether its newest version meets what development has to reach, how many findings are open, when its next review is due, what holds up versions that are approved, and which that went live nobody has confirmed.')
  @Answer(200, 'The model', modelDetailSchema)
  @Problems('ModelNotFound')
  async getModel(@Param({ schema: modelPath }) { model: name }: { model: string }, @Query({ schema: noQuery }) _query: unknown): Promise<ModelDetail> {
    const model = await this.models.get(name);
    const [spec, routings, [newest], leaving] = await Promise.all([this.models.spec(name, model.specDigest), this.routing.of(name), this.retrains.list(name, 1), this.retirements.states()]);
    const [production, standing] = await Promise.all([this.production.read(name, spec), this.development.standing(model)]);
    return { ...modelAnswer(model, routings, newest?.outcome === null ? newest : undefined, leaving.get(name) ?? null), ...production, development: standingAnswer(model, standing), spec };
  }

  @Get(':model/spec')
  @Permit('model.read')
  @Header('content-type', 'application/yaml; charset=utf-8')
  @Operation("A model's spec as YAML", 'As it was sent, comments included. Its digest is in the `ETag`.')
  @ApiOkResponse({ description: 'The spec', content: { 'application/yaml': SPEC_YAML } })
  @Problems('ModelNotFound', 'NotFound')
  async getSpec(@Param({ schema: modelPath }) { model: name }: { model: string }, @Query({ schema: specQuery }) query: SpecQuery, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const model = await this.models.get(name);
    const record = await this.models.specRecord(name, query.digest ?? model.specDigest);
    void reply.header('etag', `"${record.digest}"`);
    return record.source.toString('utf8');
  }
}
