import { z } from 'zod';
import { DEFAULT_DEPLOYMENT } from '../../contracts/motion.js';
import type { ChampionChange, Routing } from '../../registry/entities/routing.entity.js';
import { instant, itemsOf } from '../documentation/answer-fields.js';
import { deploymentName, limit, time } from '../requests/fields.js';

export const championQuery = z.strictObject({
  deployment: deploymentName.default(DEFAULT_DEPLOYMENT),
  at: time.optional().meta({ format: 'date-time', description: 'Wall time: which version answered then. Without it: which answers now.' }),
});
export type ChampionQuery = z.output<typeof championQuery>;

export const historyQuery = z.strictObject({ deployment: deploymentName.default(DEFAULT_DEPLOYMENT), limit });
export type HistoryQuery = z.output<typeof historyQuery>;

export const championChangeSchema = z
  .strictObject({
    deployment: z.string(),
    version: z.int(),
    previousVersion: z.int().nullable(),
    epoch: z.int().meta({ description: 'Rises by one at every change of champion.' }),
    revision: z.int().meta({ description: 'Of the routing; rises at every change of it.' }),
    reason: z.enum(['promotion', 'rollback']),
    actor: z.string().meta({ description: 'Who asked for the retrain or rollback that brought it.' }),
    workflowId: z.string(),
    changedAt: instant,
  })
  .meta({ id: 'ChampionChange' });

export const championSchema = z
  .strictObject({
    model: z.string(),
    deployment: z.string(),
    at: instant.meta({ description: 'The time that the answer is about.' }),
    version: z.int().nullable().meta({ description: 'Null while no version has been promoted.' }),
    epoch: z.int(),
    change: championChangeSchema.nullable().meta({ description: 'How that version came into service.' }),
  })
  .meta({ id: 'Champion' });
export type ChampionAnswer = z.output<typeof championSchema>;

export const championHistorySchema = itemsOf(championChangeSchema).meta({ id: 'ChampionHistory' });

export const deploymentSchema = z
  .strictObject({
    deployment: z.string(),
    champion: z.int().nullable(),
    epoch: z.int(),
    revision: z.int(),
    changedAt: instant,
  })
  .meta({ id: 'Deployment', description: 'A place where the model answers, and its champion.' });

export const deploymentAnswer = (routing: Routing): z.output<typeof deploymentSchema> => ({
  deployment: routing.deployment,
  champion: routing.champion,
  epoch: routing.epoch,
  revision: routing.revision,
  changedAt: routing.changedAt.toISOString(),
});

export const changeAnswer = (change: ChampionChange): z.output<typeof championChangeSchema> => ({
  deployment: change.deployment,
  version: change.version,
  previousVersion: change.previousVersion,
  epoch: change.epoch,
  revision: change.revision,
  reason: change.reason,
  actor: change.actor,
  workflowId: change.workflowId,
  changedAt: change.changedAt.toISOString(),
});
