import { z } from 'zod';
import { DEFAULT_DEPLOYMENT, rollbackWorkflowId } from '../../contracts/motion.js';
import type { Rollback } from '../../registry/entities/routing.entity.js';
import { instant, instantOf, itemsOf, path, type TemporalLinks, temporalUrl, workflowId } from '../documentation/answer-fields.js';
import { deploymentName, integer, MAX_INTEGER, modelName, numberInUrl, text } from '../requests/fields.js';

export const rollbackPath = z.strictObject({
  model: modelName,
  deployment: deploymentName,
  fromEpoch: numberInUrl(1, Number.MAX_SAFE_INTEGER).meta({ description: 'The epoch that it began from.' }),
});
export type RollbackPath = z.output<typeof rollbackPath>;

export const rollbackRequest = z
  .strictObject({
    toVersion: integer(1, MAX_INTEGER).nullish().meta({ description: 'A version that has served before; without it the champion before the present one.' }),
    deployment: deploymentName.default(DEFAULT_DEPLOYMENT),
    reason: text(2_000).meta({ description: 'Why, for the record.' }),
  })
  .meta({ id: 'RollbackRequest' });
export type RollbackRequest = z.output<typeof rollbackRequest>;

export const rollbackStartedSchema = z
  .strictObject({
    model: z.string(),
    deployment: z.string(),
    fromEpoch: z.int(),
    toVersion: z.int(),
    workflowId,
    temporalUrl,
    joined: z.boolean().meta({ description: 'True when a rollback from this epoch was running already.' }),
    commandId: z.uuid(),
    status: path.meta({ description: 'Where to follow it.' }),
  })
  .meta({ id: 'RollbackStarted' });
export type RollbackStarted = z.output<typeof rollbackStartedSchema>;

export const rollbackSchema = z
  .strictObject({
    model: z.string(),
    deployment: z.string(),
    fromEpoch: z.int(),
    fromVersion: z.int(),
    toVersion: z.int(),
    toEpoch: z.int().nullable(),
    reason: z.string(),
    outcome: z.enum(['done', 'aborted', 'failed', 'terminated']).nullable().meta({ description: 'Null while it runs.' }),
    explanation: z.string().nullable(),
    gatewaysBehind: z.array(z.string()).meta({ description: 'Live gateways that had not acknowledged the new revision when it ended.' }),
    requestedBy: z.string(),
    requestedAt: instant,
    finishedAt: instant.nullable(),
    commandId: z.uuid().nullable().meta({ description: 'Null where the watch of a release decided.' }),
    workflowId,
    links: z.strictObject({ self: path, model: path, temporal: temporalUrl }),
  })
  .meta({ id: 'Rollback' });
export type RollbackAnswer = z.output<typeof rollbackSchema>;

export const rollbackListSchema = itemsOf(rollbackSchema).meta({ id: 'RollbackList' });

export const rollbackLink = (model: string, deployment: string, fromEpoch: number): string => `/v1/models/${model}/rollbacks/${deployment}/${fromEpoch}`;

export function rollbackAnswer(rollback: Rollback, temporal: TemporalLinks): RollbackAnswer {
  const { model, deployment, fromEpoch } = rollback;
  const id = rollbackWorkflowId(model, deployment, fromEpoch);
  return {
    model,
    deployment,
    fromEpoch,
    fromVersion: rollback.fromVersion,
    toVersion: rollback.toVersion,
    toEpoch: rollback.toEpoch,
    reason: rollback.reason,
    outcome: rollback.outcome,
    explanation: rollback.explanation,
    gatewaysBehind: rollback.gatewaysBehind,
    requestedBy: rollback.requestedBy,
    requestedAt: rollback.requestedAt.toISOString(),
    finishedAt: instantOf(rollback.finishedAt),
    commandId: rollback.commandId,
    workflowId: id,
    links: { self: rollbackLink(model, deployment, fromEpoch), model: `/v1/models/${model}`, temporal: temporal.of(id) },
  };
}
