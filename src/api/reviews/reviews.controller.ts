import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { reviewDueAt, reviewEvery } from '../../lifecycle/review-due.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { ReviewsRepository } from '../../registry/reviews.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { CommandFlow } from '../commands/command-flow.js';
import { type AcceptedBody, acceptedBody, acceptedSchema, commandLink } from '../commands/commands.dto.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { instantOf } from '../documentation/answer-fields.js';
import { Answer, CommandOperation, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { findingLink } from '../findings/findings.dto.js';
import { listQuery, modelPath, noQuery } from '../requests/fields.js';
import { reviewAnswer, type ReviewListAnswer, reviewListSchema, type ReviewRecorded, reviewRecordedSchema, reviewRequest, type ReviewRequest, reviewsLink } from './reviews.dto.js';

@ApiTags('Reviews')
@CommonProblems()
@Controller('v1/models/:model/reviews')
export class ReviewsController {
  constructor(
    private readonly flow: CommandFlow,
    private readonly models: ModelsRepository,
    private readonly reviews: ReviewsRepository,
  ) {}

  @Get()
  @Permit('model.read')
  @Operation('The periodic reviews of a model', 'Newest first, and when the next one is due.')
  @Answer(200, 'The reviews', reviewListSchema)
  @Problems('ModelNotFound')
  async listReviews(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: listQuery }) { limit }: { limit: number }): Promise<ReviewListAnswer> {
    const { specDigest } = await this.models.get(model);
    const [spec, basis, items] = await Promise.all([this.models.spec(model, specDigest), this.reviews.basis(model), this.reviews.list(model, limit)]);
    return { every: reviewEvery(spec), nextDueAt: instantOf(reviewDueAt(spec, basis)), items: items.map(reviewAnswer) };
  }

  @Post()
  @Permit('review.record')
  @CommandOperation('Record a periodic review', 'Not by the owner of the model, nor by anybody who ever applied its spec. The next one is due so long after this one.')
  @Answer(200, 'It is on record', reviewRecordedSchema)
  @Answer(202, 'Accepted; recorded later', acceptedSchema)
  @Problems('ModelNotFound', 'VersionNotFound', 'ReviewRefused', 'OwnerDeactivated')
  async recordReview(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Body({ schema: reviewRequest }) body: ReviewRequest,
    @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string,
    @IdempotencyKey() idempotencyKey: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReviewRecorded | AcceptedBody> {
    await this.models.get(model);
    const { command, outcome } = await this.flow.run<'recordReview'>({ actor, idempotencyKey, kind: 'recordReview', model, body });
    const status = outcome ? reviewsLink(model) : commandLink(command.id);
    void reply.status(outcome ? 200 : 202).header('location', status);
    if (!outcome) return acceptedBody(command);
    const { review, findings, nextDueAt } = outcome;
    return { model, number: review, outcome: outcome.outcome, findings: findings.map((finding) => findingLink(model, finding)), nextDueAt, commandId: command.id, status };
  }
}
