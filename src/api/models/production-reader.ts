import { Injectable } from '@nestjs/common';
import { reviewDueAt } from '../../lifecycle/review-due.js';
import { FindingsRepository } from '../../registry/findings.repository.js';
import { ReviewsRepository } from '../../registry/reviews.repository.js';
import type { ModelSpec } from '../../spec/model-spec.js';
import { instantOf } from '../documentation/answer-fields.js';

/** What is open about a model in production. */
@Injectable()
export class ProductionReader {
  constructor(
    private readonly findings: FindingsRepository,
    private readonly reviews: ReviewsRepository,
  ) {}

  async read(model: string, spec: ModelSpec): Promise<{ openFindings: number; nextReviewDueAt: string | null }> {
    const [openFindings, basis] = await Promise.all([this.findings.countOpen(model), this.reviews.basis(model)]);
    return { openFindings, nextReviewDueAt: instantOf(reviewDueAt(spec, basis)) };
  }
}
