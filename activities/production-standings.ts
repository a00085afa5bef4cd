import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { findingText } from '../src/contracts/findings.js';
import { productionOf } from '../src/contracts/stages.js';
import { reviewDueAt } from '../src/lifecycle/review-due.js';
import type { Model } from '../src/registry/entities/model.entity.js';
import { FindingsRepository } from '../src/registry/findings.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ReviewsRepository } from '../src/registry/reviews.repository.js';
import { StagesRepository } from '../src/registry/stages.repository.js';
import { type Refused, refused, whilePaused } from './command-outcomes.js';

export interface ProductionStanding {
  readonly openFindings: number;
  /** Null where no review is due ever, or not before something is in service. */
  readonly reviewDueAt: Date | null;
}

/** What is open about a model in production, and whether it stops the model. */
@Injectable()
export class ProductionStandings {
  constructor(
    private readonly models: ModelsRepository,
    private readonly findings: FindingsRepository,
    private readonly reviews: ReviewsRepository,
    private readonly stages: StagesRepository,
  ) {}

  async read({ name, specDigest }: Model, manager?: EntityManager): Promise<ProductionStanding> {
    const [spec, openFindings, basis] = [await this.models.spec(name, specDigest, manager), await this.findings.countOpen(name, manager), await this.reviews.basis(name, manager)];
    return { openFindings, reviewDueAt: reviewDueAt(spec, basis) };
  }

  /** Why nothing of a model may be trained, promoted or released now: its production is paused, or an overdue finding stops it; of a model whose spec states a use case. Undefined where it may. */
  async stop({ name, specDigest }: Model, at: Date, manager?: EntityManager): Promise<Refused | undefined> {
    if (!(await this.models.spec(name, specDigest, manager)).useCase) return undefined;
    const pause = await this.stages.pause(productionOf(name), manager);
    if (pause) return whilePaused(productionOf(name), pause);
    const [first, ...more] = await this.findings.stopping(name, at, manager);
    if (!first) return undefined;
    const others = more.length === 0 ? '' : ` So do ${more.length} more: ${more.map(({ number }) => number).join(', ')}.`;
    return refused('ModelStopped', `${findingText(first)}. It is overdue and stops the model until a validator closes it (\`perennial finding close ${name} ${first.number}\`).${others}`);
  }
}
