import { z } from 'zod';
import { MODEL_STAGES } from '../../contracts/inventory.js';
import { nextReviewOf } from '../../lifecycle/inventory-facts.js';
import type { MedianTime } from '../../lifecycle/lifecycle-times.js';
import { TIERS } from '../../spec/risk-tier.js';
import { instant, instantOf, path } from '../documentation/answer-fields.js';
import type { Portfolio } from './portfolio-reader.js';

const level = z.int().min(0).max(4);
const medianSchema = z
  .strictObject({ seconds: z.number().nullable().meta({ description: 'The median; null of none.' }), of: z.int().meta({ description: 'Of how many.' }) })
  .meta({ id: 'MedianTime' });

export const portfolioSchema = z
  .strictObject({
    at: instant,
    models: z.array(
      z.strictObject({
        model: z.string(),
        registered: z.boolean(),
        stage: z.enum(MODEL_STAGES),
        tier: z.enum(TIERS).nullable(),
        owner: z.string().nullable(),
        level: level.meta({ description: 'Its maturity: the highest level of which, and of all below, every criterion is met; 0 where the first is not.' }),
        missing: z.array(z.string()).readonly().meta({ description: 'Criteria that are not met, those of the lowest level first.' }),
        next: z.string().nullable().meta({ description: 'What to do next; null where nothing is left.' }),
        nextReview: instant.nullable(),
        openFindings: z.int(),
        overdueFindings: z.int(),
        status: path,
      }).meta({ id: 'PortfolioModel' }),
    ),
    levels: z.array(z.strictObject({ level, models: z.int() })).meta({ description: 'How many models are at each level.' }),
    timeToProduction: medianSchema.meta({ description: 'From the first spec to the first champion, of each model.' }),
    timeToDetect: medianSchema.meta({ description: 'From the beginning of harm, or the end of the window, to its alarm.' }),
    timeToRestore: medianSchema.meta({ description: 'From an alarm to the change of champion after it.' }),
  })
  .meta({ id: 'Portfolio' });
export type PortfolioAnswer = z.output<typeof portfolioSchema>;

const LEVELS = [0, 1, 2, 3, 4] as const;
const seconds = ({ medianMs, of }: MedianTime): { readonly seconds: number | null; readonly of: number } => ({ seconds: medianMs === null ? null : medianMs / 1_000, of });

export function portfolioAnswer({ at, models, times }: Portfolio): PortfolioAnswer {
  return {
    at: at.toISOString(),
    models: models.map(({ record, maturity }) => ({
      model: record.model, registered: record.registered, stage: record.stage, tier: record.tier, owner: record.owner, ...maturity,
      nextReview: instantOf(nextReviewOf(record)), openFindings: record.openFindings, overdueFindings: record.overdueFindings, status: `/v1/inventory/${record.model}`,
    })),
    levels: LEVELS.map((one) => ({ level: one, models: models.filter(({ maturity }) => maturity.level === one).length })),
    timeToProduction: seconds(times.toProduction), timeToDetect: seconds(times.toDetect), timeToRestore: seconds(times.toRestore),
  };
}
