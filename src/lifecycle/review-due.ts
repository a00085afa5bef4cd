import { durationMs } from '../contracts/time.js';
import type { ReviewBasis } from '../registry/reviews.repository.js';
import type { ModelSpec } from '../spec/model-spec.js';
import type { Tier } from '../spec/risk-tier.js';

/** Wall time between two reviews, where the spec states none. */
export const REVIEW_EVERY: Readonly<Record<Tier, string>> = { low: 'P365D', medium: 'P180D', high: 'P90D', critical: 'P30D' };

/** ISO 8601; null where the spec states no use case: then no review is due ever. */
export const reviewEvery = ({ tier, useCase }: Pick<ModelSpec, 'tier' | 'useCase'>): string | null => (useCase ? (useCase.review?.every ?? REVIEW_EVERY[tier]) : null);

/** When the next review is due: so long after the last one, or after the first champion. @returns null before there is one, and where the spec states no use case */
export function reviewDueAt(spec: Pick<ModelSpec, 'tier' | 'useCase'>, { firstChampionAt, lastReviewAt }: ReviewBasis): Date | null {
  const every = reviewEvery(spec);
  const since = lastReviewAt ?? firstChampionAt;
  return every === null || firstChampionAt === null || since === null ? null : new Date(since.getTime() + (durationMs(every) as number));
}

export interface Overdue {
  readonly dueAt: Date;
  /** When people were told last; null: never. A word from before it was due was of another occasion. */
  readonly lastWordAt: Date | null;
}

/** Whether people are to be told that something is overdue: at once, and again after each `remindEveryMs`. */
export function isWordDue({ dueAt, lastWordAt }: Overdue, remindEveryMs: number, now: Date): boolean {
  if (now < dueAt) return false;
  return lastWordAt === null || lastWordAt < dueAt || lastWordAt.getTime() + remindEveryMs <= now.getTime();
}

/** Whether a review is overdue for so long that it is a finding. */
export const isLongOverdue = (dueAt: Date, graceMs: number, now: Date): boolean => dueAt.getTime() + graceMs <= now.getTime();
