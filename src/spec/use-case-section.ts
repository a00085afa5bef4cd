import { z } from 'zod';
import { positiveDuration } from './field-types.js';
import { RISK_QUESTIONS } from './risk-tier.js';

const statement = z.string().min(10, 'must be said in a sentence').max(4_000);

/** Why the model is to be, and what rests on it: with this section nothing trains before the use case is approved. */
export const useCaseSection = z.strictObject({
  /** What it is worth, to whom, and what is done today instead. */
  businessCase: statement,
  /** Where data and labels come from, since when, and who may use them for this. */
  dataAvailability: statement,
  /** What must be reached for it to be a success, beyond the gates. */
  success: z.array(z.string().min(3).max(500)).min(1).max(20),
  /** Rules that apply, such as `SR 26-2` or `EU AI Act, Annex III 4`. */
  regulations: z.array(z.string().min(2).max(200)).max(50).default([]),
  /** Who uses the answers downstream: told before the model is retired, and asked to confirm. */
  consumers: z.array(z.strictObject({ name: z.string().min(1).max(200), contact: z.string().min(3).max(500) })).max(200)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'must name each consumer once').default([]),
  /** The questionnaire: the tier may not be below what it comes to. */
  risk: z.strictObject({
    materiality: z.enum(RISK_QUESTIONS.materiality),
    exposure: z.enum(RISK_QUESTIONS.exposure),
    autonomy: z.enum(RISK_QUESTIONS.autonomy),
    affected: z.enum(RISK_QUESTIONS.affected),
  }),
  /** What operators do when it alarms: whom they call, how it is taken back. Needed from a medium tier on before a version goes live. */
  runbook: z.string().trim().min(20, 'must say what to do when it alarms, whom to call and how it is taken back').max(20_000).optional(),
  approval: z.strictObject({
    /** Wall time in which the approvers have to decide. */
    within: positiveDuration.default('P30D'),
    /** Wall time between two words to those who have not voted. */
    remindEvery: positiveDuration.default('P7D'),
    /** Of a critical model: so many members of the committee have to vote. */
    quorum: z.number().int().min(2).max(25).default(3),
  }).prefault({}),
  review: z.strictObject({
    /** Wall time between two reviews, and from the first champion to the first; left out, the tier's. */
    every: positiveDuration,
  }).optional(),
  /** Of each version, before it may serve. */
  validation: z.strictObject({
    /** Wall time in which a validator has to decide. */
    within: positiveDuration.default('P30D'),
    /** Wall time between two words to validators. */
    remindEvery: positiveDuration.default('P7D'),
  }).prefault({}),
});
