import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ApprovalsRepository } from '../../registry/approvals.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { TemporalLinks } from '../documentation/answer-fields.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { listQuery, modelPath, noQuery } from '../requests/fields.js';
import {
  type ApprovalAnswer, approvalAnswer, approvalLink, approvalListSchema, type ApprovalOpened, approvalOpenedSchema, approvalPath, type ApprovalPath, approvalRequest, type ApprovalRequest,
  approvalSchema, type Voted, votedSchema, voteRequest, type VoteRequest,
} from './approvals.dto.js';

@ApiTags('Approvals')
@CommonProblems()
@Controller('v1/models/:model/approvals')
export class ApprovalsController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly approvals: ApprovalsRepository,
    private readonly temporal: TemporalLinks,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('The approvals of a model', 'Newest first: of use cases, of versions, of a retirement. Each spec with a use case has one of its own, and nothing trains under a spec whose use case is not approved.')
  @Answer(200, 'The approvals', approvalListSchema)
  @Problems('ModelNotFound')
  async listApprovals(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<{ items: ApprovalAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.approvals.list(model, limit)).map((story) => approvalAnswer(story, this.temporal)) };
  }

  @Get(':number')
  @Permit('model.read')
  @Operation('An approval with its votes')
  @Answer(200, 'The approval', approvalSchema)
  @Problems('ModelNotFound', 'NotFound')
  async getApproval(@Param({ schema: approvalPath }) id: ApprovalPath, @Query({ schema: noQuery }) _query: unknown): Promise<ApprovalAnswer> {
    await this.models.get(id.model);
    return approvalAnswer(await this.approvals.get(id), this.temporal);
  }

  @Post()
  @Permit('spec.apply')
  @CommandOperation('Ask for an approval again', 'Of the spec in force, where its last approval was rejected or has expired. Applying a spec opens its first one.')
  @Answer(200, 'It is open, or was given at once on the fast track', approvalOpenedSchema)
  @Answer(202, 'Accepted; carried out later', acceptedSchema)
  @Problems('ModelNotFound', 'ApprovalNotOpen', 'ModelRetiring')
  async requestApproval(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Body({ schema: approvalRequest }) { reason }: ApprovalRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApprovalOpened | AcceptedBody> {
    await this.models.get(model);
    const { command, outcome } = await this.flow.run<'requestApproval'>({ actor, idempotencyKey, kind: 'requestApproval', model, body: { reason } });
    const status = outcome ? approvalLink(model, outcome.number) : commandLink(command.id);
    void reply.status(outcome ? 200 : 202).header('location', status);
    if (!outcome) return acceptedBody(command);
    const { number, workflowId } = outcome;
    return { model, number, outcome: outcome.outcome, workflowId, temporalUrl: this.temporal.of(workflowId), commandId: command.id, status };
  }

  @Post(':number/votes')
  @Permit('approval.decide')
  @CommandOperation('Vote', 'Once a person, and not by who made what is approved. What the votes come to is decided at once, by the rule of the tier.')
  @Answer(200, 'It counts', votedSchema)
  @Answer(202, 'Accepted; counted later', acceptedSchema)
  @Problems('ModelNotFound', 'NotFound', 'ApprovalNotOpen', 'VoteRefused', 'StagePaused', 'ModelRetiring')
  async vote(
    @Param({ schema: approvalPath }) { model, number }: ApprovalPath,
    @Body({ schema: voteRequest }) { choice, digest, reason }: VoteRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Voted | AcceptedBody> {
    await this.models.get(model);
    const { command, outcome } = await this.flow.run<'vote'>({ actor, idempotencyKey, kind: 'vote', model, body: { approval: number, choice, digest, reason } });
    const status = outcome ? approvalLink(model, number) : commandLink(command.id);
    void reply.status(outcome ? 200 : 202).header('location', status);
    if (!outcome) return acceptedBody(command);
    return { model, number, choice, outcome: outcome.outcome, reason: outcome.reason, commandId: command.id, status };
  }
}
