import { z } from 'zod';
import { positiveDuration, share } from './field-types.js';

const shadow = z.strictObject({
  /** Event time that the candidate is mirrored at least, and at most before the release waits for a person. */
  minimumTime: positiveDuration.default('P14D'),
  maximumTime: positiveDuration.default('P56D'),
  /** Pairs with a mature label. */
  minimumSamples: z.number().int().min(1).default(1_000),
});

const canary = z.strictObject({
  /** Percent of the entities that the candidate answers, step by step; the last one is followed by the promotion. */
  steps: z.array(z.number().int().min(1).max(100)).max(20).default([1, 5, 25, 50, 100]),
  /** Event time of each step, and answers of the candidate in it. */
  minimumTime: positiveDuration.default('P1D'),
  minimumSamples: z.number().int().min(0).default(100),
});

const comparison = z.strictObject({
  /** The loss of one row. Unset: `brier` for binary classification, `absoluteError` for regression. */
  metric: z.enum(['brier', 'clippedLogLoss', 'absoluteError']).optional(),
  /** The largest loss of a row that is counted. Unset: 1 for `brier`, 5 for `clippedLogLoss`; `absoluteError` needs it. */
  bound: z.number().gt(0).optional(),
  /** Error rate of the whole comparison, however often it is looked at. */
  alpha: z.number().gt(0).lt(0.5).default(0.05),
  /** The smallest difference of the mean loss that matters; a candidate that loses less is `notWorse`. */
  margin: z.number().min(0).default(0),
  minimumSamples: z.number().int().min(1).default(1_000),
  /** Without a decision by then it is inconclusive. */
  maximumSamples: z.number().int().min(1).default(1_000_000),
  method: z.enum(['empirical-bernstein', 'asymptotic']).default('asymptotic'),
  /** Whether what the rows of a block share (the weather, a campaign) counts as noise, or as part of what happened. */
  dependence: z.enum(['blocks', 'rows']).default('blocks'),
  /** Event time whose pairs enter at once, when all of their labels' horizons have passed. */
  block: positiveDuration.default('P1D'),
});

const outcomes = z.strictObject({
  better: z.enum(['promote', 'hold']).default('promote'),
  notWorse: z.enum(['promote', 'hold', 'abort']).default('promote'),
  worse: z.enum(['abort', 'hold']).default('abort'),
  inconclusive: z.enum(['hold', 'abort']).default('hold'),
});

const guards = z.strictObject({
  /** Share of requests to the version that it does not answer. */
  maximumErrorRate: share.default(0.01),
  /** An answer that takes longer is slow; at most this share may be. */
  slowAfterMs: z.number().gt(0).default(250),
  maximumSlowShare: share.default(0.01),
  /** Largest distance between the distributions of both versions' outputs on the same rows (Kolmogorov–Smirnov). */
  maximumOutputShift: share.default(0.3),
});

/** How a version that has passed its gate comes into service. */
export const rolloutSection = z.strictObject({
  /** `immediate`: the gate alone decides. */
  strategy: z.enum(['progressive', 'immediate']).default('progressive'),
  /** What a newer candidate does while a release runs. */
  whileReleasing: z.enum(['queue', 'supersede']).default('queue'),
  /** Wall time between two looks. */
  checkEvery: positiveDuration.default('PT1M'),
  shadow: shadow.prefault({}),
  canary: canary.prefault({}),
  /** Event time after the promotion in which the version before is mirrored and may come back. */
  watch: z.strictObject({ time: positiveDuration.default('P14D') }).prefault({}),
  comparison: comparison.prefault({}),
  outcomes: outcomes.prefault({}),
  guards: guards.prefault({}),
});

export type RolloutSection = z.output<typeof rolloutSection>;
