import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { FindingsRepository } from '../../registry/findings.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath, noQuery } from '../requests/fields.js';
import {
  closingRequest, type ClosingRequest, type FindingAnswer, findingAnswer, type FindingChanged, findingChangedSchema, findingLink, findingListSchema, findingPath, type FindingPath, findingRequest,
  type FindingRequestBody, findingSchema, findingsQuery, type FindingsQuery,
} from './findings.dto.js';

/** A sweep finds something wrong with models that nobody registered: their findings are read and closed like any other. */
@ApiTags('Findings')
@CommonProblems()
@Controller('v1/models/:model/findings')
export class FindingsController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly findings: FindingsRepository,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('The findings of a model', 'Newest first: what validation, a review, a sweep or a person found wrong, who has to mend it until when, and by what it was closed.')
  @Answer(200, 'The findings', findingListSchema)
  @Problems('ModelNotFound')
  async listFindings(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: findingsQuery }) { limit, open }: FindingsQuery): Promise<{ items: FindingAnswer[] }> {
    const found = await this.findings.list(model, limit, { open: open === 'true' });
    if (found.length === 0) await this.models.get(model);
    return { items: found.map(findingAnswer) };
  }

  @Get(':number')
  @Permit('model.read')
  @Operation('A finding')
  @Answer(200, 'The finding', findingSchema)
  @Problems('NotFound')
  async getFinding(@Param({ schema: findingPath }) id: FindingPath, @Query({ schema: noQuery }) _query: unknown): Promise<FindingAnswer> {
    return findingAnswer(await this.findings.get(id));
  }

  @Post()
  @Permit('finding.open')
  @CommandOperation('Open a finding', 'It has an owner and a due date. An overdue one is told again and again; where it is high or critical, it stops a model whose spec states a use case.')
  @Answer(200, 'It is open', findingChangedSchema)
  @Answer(202, 'Accepted; opened later', acceptedSchema)
  @Problems('ModelNotFound', 'VersionNotFound', 'OwnerDeactivated')
  async openFinding(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Body({ schema: findingRequest }) body: FindingRequestBody,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FindingChanged | AcceptedBody> {
    await this.models.get(model);
    const { command, outcome } = await this.flow.run<'openFinding'>({ actor, idempotencyKey, kind: 'openFinding', model, body });
    const status = outcome ? findingLink(model, outcome.finding) : commandLink(command.id);
    void reply.status(outcome ? 200 : 202).header('location', status);
    return outcome ? { model, number: outcome.finding, commandId: command.id, status } : acceptedBody(command);
  }

  @Post(':number/close')
  @Permit('finding.close')
  @CommandOperation('Close a finding', 'Once, with evidence, and never by its owner. What it stopped goes on.')
  @Answer(200, 'It is closed', findingChangedSchema)
  @Answer(202, 'Accepted; closed later', acceptedSchema)
  @Problems('NotFound', 'FindingNotClosable')
  async closeFinding(
    @Param({ schema: findingPath }) { model, number }: FindingPath,
    @Body({ schema: closingRequest }) body: ClosingRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FindingChanged | AcceptedBody> {
    await this.findings.get({ model, number });
    const { command, outcome } = await this.flow.run<'closeFinding'>({ actor, idempotencyKey, kind: 'closeFinding', model, body: { finding: number, ...body } });
    const status = outcome ? findingLink(model, number) : commandLink(command.id);
    void reply.status(outcome ? 200 : 202).header('location', status);
    return outcome ? { model, number, commandId: command.id, status } : acceptedBody(command);
  }
}
