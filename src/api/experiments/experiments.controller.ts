import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ExperimentsRepository } from '../../registry/experiments.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath, noQuery } from '../requests/fields.js';
import {
  type ExperimentAnswer, experimentAnswer, experimentListSchema, experimentPath, type ExperimentPath, experimentRequest, type ExperimentRequest, experimentSchema, experimentsQuery,
  type ExperimentsQuery, factsOf, listedAnswer,
} from './experiments.dto.js';

@ApiTags('Experiments')
@CommonProblems()
@Controller('v1/models/:model/experiments')
export class ExperimentsController {
  constructor(
    private readonly experiments: ExperimentsRepository,
    private readonly models: ModelsRepository,
  ) {}

  @Post()
  @Permit('experiment.log')
  @CommandOperation('Log an experiment that was made elsewhere', 'With its parameters, the versions of data and code, and its metrics. It may come as soon as the model is registered, and stays as it was logged. Who logs one counts as a developer of the model.')
  @Answer(201, 'It is on the record', experimentSchema)
  @Answer(200, 'The same had been logged before', experimentSchema)
  @Problems('ModelNotFound')
  async logExperiment(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Body({ schema: experimentRequest }) request: ExperimentRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ExperimentAnswer> {
    await this.models.get(model);
    const { experiment, created } = await this.experiments.log({ model, actor, idempotencyKey, facts: factsOf(request) }, new Date());
    const answer = experimentAnswer(experiment);
    void reply.status(created ? 201 : 200).header('location', answer.links.self);
    return answer;
  }

  @Get()
  @Permit('model.read')
  @Operation('The experiments of a model', 'Those that were logged and the trainings of its own retrains, newest first or by a metric.')
  @Answer(200, 'The experiments', experimentListSchema)
  @Problems('ModelNotFound')
  async listExperiments(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: experimentsQuery }) { limit, ...filter }: ExperimentsQuery): Promise<{ items: ExperimentAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.experiments.list(model, limit, filter)).map((one) => listedAnswer(model, one)) };
  }

  @Get(':number')
  @Permit('model.read')
  @Operation('One logged experiment')
  @Answer(200, 'The experiment', experimentSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getExperiment(@Param({ schema: experimentPath }) { model, number }: ExperimentPath, @Query({ schema: noQuery }) _query: unknown): Promise<ExperimentAnswer> {
    await this.models.get(model);
    return experimentAnswer(await this.experiments.get(model, number));
  }
}
