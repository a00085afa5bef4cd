import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { DEFAULT_DEPLOYMENT } from '../contracts/motion.js';
import { Review } from './entities/review.entity.js';
import { ChampionChange } from './entities/routing.entity.js';

/** What the due date of a review counts from. */
export interface ReviewBasis {
  /** When the first champion began to answer; null while none did. */
  readonly firstChampionAt: Date | null;
  readonly lastReviewAt: Date | null;
}

/** Periodic reviews of models in production: rows are only ever added. */
@Injectable()
export class ReviewsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Keeps the next review of a model. The caller has locked the model's row. @returns its number */
  async add(manager: EntityManager, review: Omit<Review, 'number'>): Promise<number> {
    const number = ((await manager.maximum(Review, 'number', { model: review.model })) ?? 0) + 1;
    await manager.insert(Review, { ...review, number });
    return number;
  }

  /** Newest first. */
  async list(model: string, limit: number): Promise<Review[]> {
    return this.dataSource.manager.find(Review, { where: { model }, order: { number: 'DESC' }, take: limit });
  }

  async basis(model: string, manager: EntityManager = this.dataSource.manager): Promise<ReviewBasis> {
    const first = await manager.findOne(ChampionChange, { where: { model, deployment: DEFAULT_DEPLOYMENT }, order: { epoch: 'ASC' } });
    const last = await manager.findOne(Review, { where: { model }, order: { number: 'DESC' } });
    return { firstChampionAt: first?.changedAt ?? null, lastReviewAt: last?.at ?? null };
  }
}
