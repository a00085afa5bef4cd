import { z } from 'zod';
import { REVIEW_OUTCOMES } from '../../contracts/reviews.js';
import type { Review } from '../../registry/entities/review.entity.js';
import { instant, path } from '../documentation/answer-fields.js';
import { findingLink, findingRequest } from '../findings/findings.dto.js';
import { text } from '../requests/fields.js';

export const reviewRequest = z
  .strictObject({
    outcome: z.enum(REVIEW_OUTCOMES).meta({ description: '`continueWithFindings`: it goes on while they are mended. `retire`: it should not go on; opens a finding that asks for its retirement.' }),
    reason: text(4_000).meta({ description: 'What was looked at and why it came to that, for the record.' }),
    findings: z.array(findingRequest).max(50).default([]).meta({ description: 'Of the outcome `continueWithFindings` alone, which has one at least.' }),
  })
  .refine(({ outcome, findings }) => (outcome === 'continueWithFindings') === (findings.length > 0), { path: ['findings'], message: 'must hold what was found where the outcome is continueWithFindings, and nothing where it is another' })
  .meta({ id: 'ReviewRequest' });
export type ReviewRequest = z.output<typeof reviewRequest>;

export const reviewSchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    outcome: z.enum(REVIEW_OUTCOMES),
    reason: z.string(),
    champion: z.int().meta({ description: 'The version that answered.' }),
    specDigest: z.string().meta({ description: 'The spec in force.' }),
    findings: z.array(path).readonly().meta({ description: 'Those that it opened.' }),
    dueAt: instant.meta({ description: 'When it was due.' }),
    reviewedBy: z.string(),
    at: instant,
  })
  .meta({ id: 'Review' });
export type ReviewAnswer = z.output<typeof reviewSchema>;

export const reviewListSchema = z
  .strictObject({
    every: z.string().nullable().meta({ description: 'ISO 8601: by the spec, or by its tier; null where the spec states no use case.' }),
    nextDueAt: instant.nullable().meta({ description: 'Null where no review is due ever, or not before something is in service.' }),
    items: z.array(reviewSchema).readonly(),
  })
  .meta({ id: 'ReviewList' });
export type ReviewListAnswer = z.output<typeof reviewListSchema>;

export const reviewRecordedSchema = z
  .strictObject({ model: z.string(), number: z.int(), outcome: z.enum(REVIEW_OUTCOMES), findings: z.array(path).readonly(), nextDueAt: instant, commandId: z.uuid(), status: path.meta({ description: 'The reviews.' }) })
  .meta({ id: 'ReviewRecorded' });
export type ReviewRecorded = z.output<typeof reviewRecordedSchema>;

export const reviewsLink = (model: string): string => `/v1/models/${model}/reviews`;

export const reviewAnswer = ({ model, number, outcome, reason, champion, specDigest, findings, dueAt, reviewedBy, at }: Review): ReviewAnswer => ({
  model, number, outcome, reason, champion, specDigest, findings: findings.map((finding) => findingLink(model, finding)), dueAt: dueAt.toISOString(), reviewedBy, at: at.toISOString(),
});
