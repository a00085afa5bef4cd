import { Injectable } from '@nestjs/common';
import { reviewDueAt } from '../../lifecycle/review-due.js';
import { FindingsRepository } from '../../registry/findings.repository.js';
import { goLiveStanding, GoLivesRepository } from '../../registry/go-lives.repository.js';
import { ReviewsRepository } from '../../registry/reviews.repository.js';
import type { ModelSpec } from '../../spec/model-spec.js';
import { instantOf } from '../documentation/answer-fields.js';
import type { ModelDetail } from './models.dto.js';

/** What is open about a model that goes into production, or is there. */
@Injectable()
export class ProductionReader {
  constructor(
    private readonly findings: FindingsRepository,
    private readonly reviews: ReviewsRepository,
    private readonly goLives: GoLivesRepository,
  ) {}

  async read(model: string, spec: ModelSpec): Promise<Pick<ModelDetail, 'openFindings' | 'nextReviewDueAt' | 'heldSetUps' | 'goLives'>> {
    const [openFindings, basis, heldSetUps, live] = await Promise.all([this.findings.countOpen(model), this.reviews.basis(model), this.goLives.held(model), this.goLives.ofChampions(model)]);
    return { openFindings, nextReviewDueAt: instantOf(reviewDueAt(spec, basis)), heldSetUps, goLives: live.map(goLiveStanding) };
  }
}
