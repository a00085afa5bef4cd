import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { CommandOutcome } from '../../contracts/commands.js';
import type { Command } from '../../registry/entities/command.entity.js';
import { LegalHoldsRepository } from '../../registry/legal-holds.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath, noQuery } from '../requests/fields.js';
import { type HoldAnswer, holdAnswer, type HoldChanged, holdChangedSchema, holdListSchema, holdPath, type HoldPath, holdsLink, reasonRequest, type ReasonRequest } from './retirement.dto.js';

/** What keeps the evidence of a model. */
@ApiTags('Retirement')
@CommonProblems()
@Controller('v1/models/:model/legal-holds')
export class LegalHoldsController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly holds: LegalHoldsRepository,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('The legal holds of a model', 'Newest first, those that were lifted too.')
  @Answer(200, 'The legal holds', holdListSchema)
  @Problems('ModelNotFound')
  async listLegalHolds(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: noQuery }) _query: unknown): Promise<{ items: HoldAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.holds.list(model)).map(holdAnswer) };
  }

  @Post()
  @Permit('legalHold.set')
  @CommandOperation('Set a legal hold', 'While it is in force, nothing of the model is deleted, however long its time is over. The model may be in service.')
  @Answer(200, 'It is in force', holdChangedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound')
  async setLegalHold(
    @Param({ schema: modelPath }) { model }: { model: string }, @Body({ schema: reasonRequest }) body: ReasonRequest, @Query({ schema: noQuery }) _query: unknown, @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HoldChanged | AcceptedBody> {
    await this.models.get(model);
    return changed(await this.flow.run<'setLegalHold'>({ actor, idempotencyKey, kind: 'setLegalHold', model, body }), reply);
  }

  @Post(':hold/lift')
  @Permit('legalHold.set')
  @CommandOperation('Lift a legal hold', 'What is due is deleted when the last one is lifted.')
  @Answer(200, 'It is lifted', holdChangedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound', 'LegalHoldLifted')
  async liftLegalHold(
    @Param({ schema: holdPath }) { model, hold }: HoldPath, @Body({ schema: reasonRequest }) { reason }: ReasonRequest, @Query({ schema: noQuery }) _query: unknown, @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HoldChanged | AcceptedBody> {
    await this.models.get(model);
    return changed(await this.flow.run<'liftLegalHold'>({ actor, idempotencyKey, kind: 'liftLegalHold', model, body: { hold, reason } }), reply);
  }
}

function changed({ command, outcome }: { readonly command: Command; readonly outcome?: Extract<CommandOutcome, { kind: 'setLegalHold' | 'liftLegalHold' }> | null | undefined }, reply: FastifyReply): HoldChanged | AcceptedBody {
  const { id: commandId, model } = command;
  const status = outcome ? holdsLink(model) : commandLink(commandId);
  void reply.status(outcome ? 200 : 202).header('location', status);
  return outcome ? { model, hold: outcome.hold, commandId, status } : acceptedBody(command);
}
