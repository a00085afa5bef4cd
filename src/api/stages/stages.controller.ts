import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ModelsRepository } from '../../registry/models.repository.js';
import { StagesRepository } from '../../registry/stages.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { type CommandAnswer, CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { TemporalLinks } from '../documentation/answer-fields.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { listQuery, modelPath, noQuery } from '../requests/fields.js';
import { StagesReader } from './stages-reader.js';
import { type StageMoved, stageMovedSchema, stageMoveRequest, type StageMoveRequest, stageMovesAnswer, type StageMovesAnswer, stageMovesSchema, stagePath, type StagePath, stagesLink, steerStagePath, type SteerStagePath } from './stages.dto.js';

/** The stages of a model, and how people move those of a governed one. */
@ApiTags('Stages')
@CommonProblems()
@Controller('v1/models/:model/stages')
export class StagesController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly stages: StagesRepository,
    private readonly reader: StagesReader,
    private readonly temporal: TemporalLinks,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('The stages of a model', 'Of each of the six what it asks for (entry, artifacts, exit, who is accountable) and where the model stands in it, what is paused now, and each pause, resumption, return and abandonment, newest first.')
  @Answer(200, 'The stages and their moves', stageMovesSchema)
  @Problems('ModelNotFound')
  async listStageMoves(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<StageMovesAnswer> {
    const found = await this.models.get(model);
    const [moves, paused] = await Promise.all([this.stages.list(model, limit), this.stages.paused(model)]);
    return stageMovesAnswer({ owner: found.owner, standings: await this.reader.standings(found, paused), paused, moves }, this.temporal);
  }

  @Post(':stage/send-back')
  @Permit('stage.sendBack')
  @CommandOperation('Send a stage back', 'A use case to its author, a development to the approval of its use case, a version to its validator or to development, a release to before it, a retirement to production. By the owner, or by who could decide over it.')
  @Answer(200, 'It is sent back', stageMovedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound', 'StageNotMovable', 'RetirementConflict', 'ReleaseNotSteerable', 'NoRollbackTarget')
  async sendBackStage(
    @Param({ schema: stagePath }) { model, stage }: StagePath, @Body({ schema: stageMoveRequest }) { reason, version }: StageMoveRequest, @Query({ schema: noQuery }) _query: unknown, @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string, @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StageMoved | AcceptedBody> {
    await this.models.get(model);
    return answered(await this.flow.run<'sendBackStage'>({ actor, idempotencyKey, kind: 'sendBackStage', model, body: { stage, version, reason } }), reply);
  }

  @Post(':stage/:action')
  @Permit('stage.steer')
  @CommandOperation('Pause, resume or abandon a stage', 'While it is paused nothing is decided over it, nobody is reminded, and its time does not run. What is abandoned has ended for good. Champions go on answering, and rollbacks and aborts are never stopped.')
  @Answer(200, 'It is on the record', stageMovedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound', 'StageNotMovable', 'RetirementConflict', 'ReleaseNotSteerable', 'NoRollbackTarget')
  async steerStage(
    @Param({ schema: steerStagePath }) { model, stage, action }: SteerStagePath, @Body({ schema: stageMoveRequest }) { reason, version }: StageMoveRequest, @Query({ schema: noQuery }) _query: unknown, @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string, @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StageMoved | AcceptedBody> {
    await this.models.get(model);
    return answered(await this.flow.run<'steerStage'>({ actor, idempotencyKey, kind: 'steerStage', model, body: { stage, action, version, reason } }), reply);
  }
}

function answered({ command, outcome }: CommandAnswer<'steerStage'> | CommandAnswer<'sendBackStage'>, reply: FastifyReply): StageMoved | AcceptedBody {
  const status = outcome ? stagesLink(command.model) : commandLink(command.id);
  void reply.status(outcome ? 200 : 202).header('location', status);
  if (!outcome) return acceptedBody(command);
  const { stage, subject } = outcome;
  const back = outcome.kind === 'sendBackStage' ? outcome : null;
  return {
    model: command.model, stage, subject, action: outcome.kind === 'steerStage' ? outcome.action : 'sendBack', to: back?.to ?? null, approval: back?.approval ? { number: back.approval.number, outcome: back.approval.outcome } : null,
    commandId: command.id, status,
  };
}
