import { Body, Controller, Get, Header, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { FolderStore } from '../../artifacts/folder-store.js';
import type { CommandOutcome } from '../../contracts/commands.js';
import { PerennialError } from '../../contracts/failures.js';
import type { Command } from '../../registry/entities/command.entity.js';
import { LegalHoldsRepository } from '../../registry/legal-holds.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { type RetirementStory, RetirementsRepository } from '../../registry/retirements.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { TemporalLinks } from '../documentation/answer-fields.js';
import { Answer, CommandOperation, CommonProblems, Operation, Page, Problems } from '../documentation/answers.js';
import { modelPath, noQuery } from '../requests/fields.js';
import {
  type CertificateAnswer, certificateSchema, confirmationRequest, type ConfirmationRequest, reasonRequest, type ReasonRequest, type RetirementAnswer, retirementAnswer, type RetirementChanged, retirementChangedSchema,
  retirementLink, retirementSchema, retireRequest, type RetireRequest, waiverRequest, type WaiverRequest,
} from './retirement.dto.js';

type Changed = Extract<CommandOutcome, { kind: 'retire' | 'withdrawRetirement' | 'confirmRetirement' | 'waiveRetirement' }>;

/** How a model leaves service. */
@ApiTags('Retirement')
@CommonProblems()
@Controller('v1/models/:model/retirement')
export class RetirementController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly retirements: RetirementsRepository,
    private readonly holds: LegalHoldsRepository,
    private readonly store: FolderStore,
    private readonly temporal: TemporalLinks,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('Where the retirement of a model stands', 'The newest one, with each step that was taken, its consumers, what is kept until when, and its certificate.')
  @Answer(200, 'The retirement', retirementSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getRetirement(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: noQuery }) _query: unknown): Promise<RetirementAnswer> {
    const story = await this.story(model);
    return retirementAnswer(story, await this.retirements.deletions(story.retirement), await this.holds.inForce(model), this.temporal);
  }

  @Get('certificate')
  @Permit('model.read')
  @Operation('The certificate of retirement', 'The newest edition: it is issued after the drill, and again after each deletion.')
  @Answer(200, 'The certificate', certificateSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getCertificate(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: noQuery }) _query: unknown): Promise<CertificateAnswer> {
    const { jsonDigest } = await this.certificate(model);
    return JSON.parse((await this.store.readBytes(jsonDigest)).toString('utf8')) as CertificateAnswer;
  }

  @Get('certificate.html')
  @Permit('model.read')
  @Header('content-type', 'text/html; charset=utf-8')
  @Operation('The same as a page', 'One file that needs nothing else.')
  @Page('The certificate')
  @Problems('ModelNotFound', 'NotFound')
  async showCertificate(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: noQuery }) _query: unknown): Promise<string> {
    return (await this.store.readBytes((await this.certificate(model)).htmlDigest)).toString('utf8');
  }

  @Post()
  @Permit('retirement.request')
  @CommandOperation('Retire a model', 'Nothing new begins from then on: no spec, retrain, release, rollback or replay. It goes on when it is approved, and until then it can be withdrawn.')
  @Answer(200, 'It is asked for', retirementChangedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound', 'ModelRetiring', 'RetirementConflict')
  async retire(
    @Param({ schema: modelPath }) { model }: { model: string }, @Body({ schema: retireRequest }) body: RetireRequest, @Query({ schema: noQuery }) _query: unknown, @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RetirementChanged | AcceptedBody> {
    await this.models.get(model);
    return this.answer(await this.flow.run<'retire'>({ actor, idempotencyKey, kind: 'retire', model, body }), reply);
  }

  @Post('withdrawal')
  @Permit('retirement.request')
  @CommandOperation('Withdraw a retirement', 'Until its approval is given. The model goes on as before; what had ended with the request begins anew only when it is asked for.')
  @Answer(200, 'It is withdrawn', retirementChangedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound', 'RetirementConflict')
  async withdrawRetirement(
    @Param({ schema: modelPath }) { model }: { model: string }, @Body({ schema: reasonRequest }) body: ReasonRequest, @Query({ schema: noQuery }) _query: unknown, @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RetirementChanged | AcceptedBody> {
    await this.models.get(model);
    return this.answer(await this.flow.run<'withdrawRetirement'>({ actor, idempotencyKey, kind: 'withdrawRetirement', model, body }), reply);
  }

  @Post('confirmations')
  @Permit('retirement.confirm')
  @CommandOperation('Record that a consumer has confirmed', 'With what they said: that they have moved, or need the model no more.')
  @Answer(200, 'It is on record', retirementChangedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound', 'RetirementConflict', 'StagePaused')
  async confirmRetirement(
    @Param({ schema: modelPath }) { model }: { model: string }, @Body({ schema: confirmationRequest }) body: ConfirmationRequest, @Query({ schema: noQuery }) _query: unknown, @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RetirementChanged | AcceptedBody> {
    await this.models.get(model);
    return this.answer(await this.flow.run<'confirmRetirement'>({ actor, idempotencyKey, kind: 'confirmRetirement', model, body }), reply);
  }

  @Post('waivers')
  @Permit('retirement.request')
  @CommandOperation('Go on without waiting', 'Without consumers that have not confirmed in their time, or before the traffic has ended.')
  @Answer(200, 'It is on record', retirementChangedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound', 'RetirementConflict', 'StagePaused')
  async waiveRetirement(
    @Param({ schema: modelPath }) { model }: { model: string }, @Body({ schema: waiverRequest }) body: WaiverRequest, @Query({ schema: noQuery }) _query: unknown, @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RetirementChanged | AcceptedBody> {
    await this.models.get(model);
    return this.answer(await this.flow.run<'waiveRetirement'>({ actor, idempotencyKey, kind: 'waiveRetirement', model, body }), reply);
  }

  private answer({ command, outcome }: { readonly command: Command; readonly outcome?: Changed | null | undefined }, reply: FastifyReply): RetirementChanged | AcceptedBody {
    const { id: commandId, model } = command;
    const status = outcome ? retirementLink(model) : commandLink(commandId);
    void reply.status(outcome ? 200 : 202).header('location', status);
    if (!outcome) return acceptedBody(command);
    const approval = outcome.kind === 'retire' ? { number: outcome.approval.number, outcome: outcome.approval.outcome } : null;
    const missing = outcome.kind === 'confirmRetirement' ? outcome.missing : null;
    return { model, number: outcome.number, approval, missing, workflowId: outcome.workflowId, temporalUrl: this.temporal.of(outcome.workflowId), commandId, status };
  }

  private async story(model: string): Promise<RetirementStory> {
    await this.models.get(model);
    const newest = await this.retirements.newest(model);
    if (!newest) throw new PerennialError('NotFound', `${model} was never to be retired; \`perennial retire ${model}\` asks for it`, { model });
    return newest;
  }

  private async certificate(model: string): Promise<RetirementStory['certificates'][number]> {
    const { certificates: [newest] } = await this.story(model);
    if (!newest) throw new PerennialError('NotFound', `The retirement of ${model} has no certificate yet; it is issued when its archive was restored in a drill`, { model });
    return newest;
  }
}
