import { z } from 'zod';
import { share } from './field-types.js';

/** Values of a protected number that are told apart, the most frequent ones; a category has as many groups as it lists. */
export const MOST_NUMBER_GROUPS = 50;
/** Every pair of groups is compared, so that more could neither be measured (evaluation/fairness-groups.ts) nor read. */
export const MOST_COMPARED_GROUPS = 500;

const feature = z.string().min(1).max(63);
const limit = share.optional();

/** Which groups a window's decisions are compared between, and how far they may differ. */
export const fairnessSection = z.strictObject({
  /** Protected columns: names of `data.features`. */
  groups: z.array(feature).min(1).max(8),
  /** Protected columns that are crossed with each other, such as [[sex, race]]. */
  crossings: z.array(z.array(feature).min(2).max(8)).max(16).default([]),
  /** The decision that people want: 1 from `evaluation.threshold` on, 0 below it. */
  favourable: z.literal([0, 1]).default(1),
  /** Smaller groups are measured and compared with no other. */
  leastGroupRows: z.number().int().min(1).default(100),
  /** The least that a ratio and the most that a difference may be; a disparity without one is measured and not judged. */
  limits: z
    .strictObject({
      demographicParityRatio: limit, demographicParityDifference: limit, equalizedOddsDifference: limit,
      adverseActionRatio: limit, adverseActionDifference: limit, accuracyDifference: limit,
    })
    .default({}),
  /** What is done when a window of the champion surely breaks a limit, beside telling a person. */
  whenBroken: z.enum(['alarm', 'rollBack']).default('alarm'),
  /** The chance of a false finding in a window, shared by all of its checks. Unset: `evaluation.alpha`. */
  alpha: z.number().gt(0).lt(0.5).optional(),
});

export type FairnessSection = z.output<typeof fairnessSection>;
