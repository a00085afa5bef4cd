import { z } from 'zod';
import { positiveDuration } from './field-types.js';

const guardRails = z
  .strictObject({
    /** Bounds of an answer: the probability of the positive class, or the prediction. */
    min: z.number().optional(),
    max: z.number().optional(),
    /** What an answer beyond the bounds, or one that is no number, becomes. */
    outOfBounds: z.enum(['clamp', 'fallback', 'abstain']).default('clamp'),
    /** Binary classification: an answer whose likelier class is less likely than this is withheld. */
    abstainBelow: z.number().min(0.5).max(1).optional(),
    /** The value that is answered instead; needed where `outOfBounds` is `fallback`. */
    fallback: z.number().optional(),
  })
  .refine(({ outOfBounds, fallback }) => outOfBounds !== 'fallback' || fallback !== undefined, { path: ['fallback'], message: 'is missing: outOfBounds is fallback' })
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, { path: ['min'], message: 'is greater than max' });

/** How the gateway answers. */
export const servingSection = z.strictObject({
  /** Wall time: how old the gateway's knowledge of the routing may be before `whenStale` holds. */
  maxStale: positiveDuration.default('PT10M'),
  /** Unset: `stop` for the tier `critical`, `serve` for the others. */
  whenStale: z.enum(['serve', 'stop']).optional(),
  observe: z
    .strictObject({
      /** Whether the inputs of an answered prediction are kept; the output always is. */
      inputs: z.boolean().default(true),
    })
    .prefault({}),
  guardRails: guardRails.optional(),
});

export type ServingSection = z.output<typeof servingSection>;
export type GuardRailsSpec = NonNullable<ServingSection['guardRails']>;
