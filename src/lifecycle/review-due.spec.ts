import { describe, expect, it } from 'vitest';
import type { ModelSpec } from '../spec/model-spec.js';
import { TIERS } from '../spec/risk-tier.js';
import { isLongOverdue, isWordDue, reviewDueAt, reviewEvery } from './review-due.js';

const day = (number: number): Date => new Date(Date.UTC(2026, 0, 1 + number));
const DAY_MS = 24 * 60 * 60 * 1_000;
const governed = (tier: ModelSpec['tier'], every?: string): Pick<ModelSpec, 'tier' | 'useCase'> => ({ tier, useCase: (every === undefined ? {} : { review: { every } }) as ModelSpec['useCase'] });

describe('a review', () => {
  it('is due by the tier, the more often the more is at stake', () => {
    expect(TIERS.map((tier) => reviewEvery(governed(tier)))).toEqual(['P365D', 'P180D', 'P90D', 'P30D']);
    expect(TIERS.map((tier) => reviewEvery(governed(tier, 'P10D')))).toEqual(['P10D', 'P10D', 'P10D', 'P10D']);
  });

  it('is never due of a model whose spec states no use case', () => {
    expect(reviewEvery({ tier: 'critical' })).toBeNull();
    expect(reviewDueAt({ tier: 'critical' }, { firstChampionAt: day(0), lastReviewAt: null })).toBeNull();
  });

  it.each<[string, Date | null, Date | null, Date | null]>([
    ['is not due before anything is in service', null, null, null],
    ['is due for the first time so long after the first champion', day(0), null, day(30)],
    ['is due again so long after the last one, be it early or late', day(0), day(50), day(80)],
  ])('%s', (_, firstChampionAt, lastReviewAt, due) => {
    expect(reviewDueAt(governed('critical'), { firstChampionAt, lastReviewAt })).toEqual(due);
  });
});

describe('the word that something is overdue', () => {
  it.each<[string, Date | null, Date, boolean]>([
    ['is not given before it is due', null, day(9), false],
    ['is given at the moment when it is due', null, day(10), true],
    ['is not repeated at once', day(10), day(16), false],
    ['is repeated after the time that was set', day(10), day(17), true],
    ['is given although there was one before it was due, on another occasion', day(9), day(10), true],
  ])('%s', (_, lastWordAt, now, expected) => {
    expect(isWordDue({ dueAt: day(10), lastWordAt }, 7 * DAY_MS, now)).toBe(expected);
  });

  it('is followed by a finding when the grace is over', () => {
    expect([day(10), day(39), day(40)].map((now) => isLongOverdue(day(10), 30 * DAY_MS, now))).toEqual([false, false, true]);
  });
});
