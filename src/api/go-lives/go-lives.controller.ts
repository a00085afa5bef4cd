import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { GoLivesRepository } from '../../registry/go-lives.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { listQuery, modelPath, noQuery } from '../requests/fields.js';
import { versionPath, type VersionPath } from '../versions/versions.dto.js';
import { goLiveAnswer, type GoLiveConfirmed, goLiveConfirmedSchema, goLiveConfirmationRequest, type GoLiveConfirmationRequest, type GoLiveListAnswer, goLiveListSchema, goLivesLink } from './go-lives.dto.js';

@ApiTags('Going live')
@CommonProblems()
@Controller('v1/models/:model')
export class GoLivesController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly goLives: GoLivesRepository,
  ) {}

  @Get('go-lives')
  @Permit('model.read')
  @Operation('The versions of a model that went live', 'Newest first, each with who confirmed it; and what holds up versions that are approved. Of a model whose spec states a use case.')
  @Answer(200, 'The versions', goLiveListSchema)
  @Problems('ModelNotFound')
  async listGoLives(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<GoLiveListAnswer> {
    await this.models.get(model);
    const [held, items] = await Promise.all([this.goLives.held(model), this.goLives.list(model, limit)]);
    return { held, items: items.map(goLiveAnswer) };
  }

  @Post('versions/:version/go-live/confirm')
  @Permit('goLive.confirm')
  @CommandOperation('Confirm that a version has gone live', "The owner's word, once, for the version that answers. Until then the owner is told again and again.")
  @Answer(200, 'It is confirmed', goLiveConfirmedSchema)
  @Answer(202, 'Accepted; confirmed later', acceptedSchema)
  @Problems('ModelNotFound', 'NotFound', 'GoLiveNotConfirmable')
  async confirmGoLive(
    @Param({ schema: versionPath }) { model, version }: VersionPath,
    @Body({ schema: goLiveConfirmationRequest }) { deployment, reason }: GoLiveConfirmationRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GoLiveConfirmed | AcceptedBody> {
    await this.models.get(model);
    const { command, outcome } = await this.flow.run<'confirmGoLive'>({ actor, idempotencyKey, kind: 'confirmGoLive', model, body: { deployment, version, reason } });
    const status = outcome ? goLivesLink(model) : commandLink(command.id);
    void reply.status(outcome ? 200 : 202).header('location', status);
    return outcome ? { model, version, deployment, epoch: outcome.epoch, specDigest: outcome.specDigest, commandId: command.id, status } : acceptedBody(command);
  }
}
