import { z } from 'zod';
import { INVENTORY_STATES, MODEL_STAGES } from '../../contracts/inventory.js';
import { VALIDATION_DECISIONS, VALIDATION_OUTCOMES } from '../../contracts/validations.js';
import { nextReviewOf } from '../../lifecycle/inventory-facts.js';
import type { ImportOutcome } from '../../registry/inventory-imports.repository.js';
import type { ImportedEntry, InventoryDeployment, InventoryRecord } from '../../registry/inventory.repository.js';
import { TIERS } from '../../spec/risk-tier.js';
import { instant, instantOf, path } from '../documentation/answer-fields.js';
import { limit, modelName, text } from '../requests/fields.js';

const registered = z.enum(['yes', 'no']).optional().meta({ description: '`no`: those alone that are known by an import.' });

export const inventoryQuery = z.strictObject({
  stage: z.enum(MODEL_STAGES).optional(),
  tier: z.enum(TIERS).optional(),
  owner: text(200).optional().meta({ description: 'As the spec states it, or else the import.' }),
  registered,
  after: modelName.optional().meta({ description: 'Only names after this one.' }),
  limit,
  format: z.enum(['json', 'csv']).optional().meta({ description: 'Instead of the header `Accept`. A table holds all that match, whatever the limit.' }),
});
export type InventoryListQuery = z.output<typeof inventoryQuery>;

const digestText = z.string().meta({ description: 'sha256.' });
const lineageSchema = z
  .strictObject({
    version: z.int(), retrain: z.int(), specDigest: digestText, snapshotDigest: digestText, artifactDigest: digestText, codeDigest: digestText, createdAt: instant, origins: path.meta({ description: 'The version with all that it came from.' }),
  })
  .meta({ id: 'Lineage', description: 'What a version was made from.' });

const validationSchema = z
  .strictObject({
    decision: z.enum(VALIDATION_DECISIONS).nullable().meta({ description: 'Null while nobody has decided.' }),
    outcome: z.enum(VALIDATION_OUTCOMES).nullable().meta({ description: 'Null while it is open.' }),
    report: path.nullable().meta({ description: 'Null while its checks are being made.' }),
  })
  .meta({ id: 'InventoryValidation' });

const deploymentSchema = z
  .strictObject({
    deployment: z.string().meta({ description: 'The environment in which it answers.' }),
    endpoint: z.string().nullable().meta({ description: 'Where it is asked; null while no version serves, or no gateway lives.' }),
    champion: lineageSchema.nullable(),
    since: instant.nullable(),
    verdict: z.string().nullable().meta({ description: 'What the gate said of the champion.' }),
    validation: validationSchema.nullable().meta({ description: 'How the champion was validated; null where it was not: its spec stated no use case.' }),
    vote: z.string().nullable().meta({ description: 'What the newest vote on the champion came to; null where there was none.' }),
    monitoring: path.meta({ description: 'What its windows came to.' }),
  })
  .meta({ id: 'InventoryDeployment' });

const importedSchema = z
  .strictObject({
    revision: z.int().meta({ description: 'Rises where an import says something else.' }),
    owner: z.string().nullable(), tier: z.enum(TIERS).nullable(), environment: z.string().nullable(), endpoint: z.string().nullable(), source: z.string().nullable(), monitoring: z.string().nullable(),
    description: z.string().nullable(), state: z.enum(INVENTORY_STATES), importedBy: z.string(), importedAt: instant,
  })
  .meta({ id: 'ImportedModel', description: 'What an import says of it.' });

export const inventoryItemSchema = z
  .strictObject({
    model: z.string().meta({ description: 'Its name, which is unique and stays.' }),
    registered: z.boolean(),
    stage: z.enum(MODEL_STAGES),
    owner: z.string().nullable(),
    activeOwners: z.array(z.string()).readonly().meta({ description: 'Active persons who have the role owner of it; those of all models where nobody is registered under the name in `owner`.' }),
    tier: z.enum(TIERS).nullable(),
    purpose: z.string().nullable(),
    specDigest: z.string().nullable(),
    registeredBy: z.string().nullable(),
    registeredAt: instant.nullable(),
    regulations: z.array(z.string()).readonly(),
    consumers: z.array(z.strictObject({ name: z.string(), contact: z.string() })).readonly().meta({ description: 'Who uses its answers downstream.' }),
    versions: z.int(),
    newestVersion: lineageSchema.nullable(),
    deployments: z.array(deploymentSchema),
    reports: path.nullable().meta({ description: 'The evaluations of its versions; null where it is not registered.' }),
    validations: path.nullable().meta({ description: 'The validations of its versions; null where it is not registered.' }),
    lastAssessedAt: instant.nullable().meta({ description: 'When its newest window was assessed.' }),
    lastVerdict: z.string().nullable(),
    lastPredictionAt: instant.nullable().meta({ description: 'When an answer was counted last.' }),
    nextReview: instant.nullable(),
    openFindings: z.int(),
    overdueFindings: z.int(),
    imported: importedSchema.nullable(),
    status: path.meta({ description: 'This entry.' }),
  })
  .meta({ id: 'InventoryItem' });
export type InventoryItem = z.output<typeof inventoryItemSchema>;

export const inventoryListSchema = z.strictObject({ items: z.array(inventoryItemSchema), next: path.nullable().meta({ description: 'Where it goes on; null at the end.' }) }).meta({ id: 'InventoryList' });
export type InventoryList = z.output<typeof inventoryListSchema>;

export const importAnswerSchema = z
  .strictObject({
    import: z.int(),
    added: z.int().meta({ description: 'Models that were not known.' }),
    changed: z.int().meta({ description: 'Models of which it says something else than the import before.' }),
    unchanged: z.int(),
    registered: z.int().meta({ description: 'Models of the file that are registered here.' }),
    importedBy: z.string(),
    importedAt: instant,
  })
  .meta({ id: 'InventoryImport' });
export type ImportAnswer = z.output<typeof importAnswerSchema>;

export const importAnswer = ({ import: { number, added, changed, unchanged, actor, at }, registered: known }: ImportOutcome): ImportAnswer =>
  ({ import: number, added, changed, unchanged, registered: known, importedBy: actor, importedAt: at.toISOString() });

type LineageAnswer = z.output<typeof lineageSchema>;

function lineageAnswer(model: string, lineage: NonNullable<InventoryDeployment['champion']>): LineageAnswer {
  return { ...lineage, createdAt: new Date(lineage.createdAt).toISOString(), origins: `/v1/models/${model}/versions/${lineage.version}` };
}

function deploymentAnswer({ model, gatewayUrl }: InventoryRecord, { deployment, champion, since, verdict, validation, vote }: InventoryDeployment): InventoryItem['deployments'][number] {
  return {
    deployment, endpoint: champion === null || gatewayUrl === null ? null : `${gatewayUrl}/v2/models/${model}/infer`, champion: champion && lineageAnswer(model, champion),
    since: since === null ? null : new Date(since).toISOString(), verdict,
    validation: validation && { decision: validation.decision, outcome: validation.outcome, report: validation.reportDigest === null || champion === null ? null : `/v1/models/${model}/versions/${champion.version}/validation/report` },
    vote, monitoring: `/v1/models/${model}/windows/assessments?deployment=${deployment}`,
  };
}

function importedAnswer({ revision, owner, tier, environment, endpoint, source, monitoring, description, state, importedBy, importedAt }: ImportedEntry): NonNullable<InventoryItem['imported']> {
  return { revision, owner, tier, environment, endpoint, source, monitoring, description, state, importedBy, importedAt: importedAt.toISOString() };
}

export function inventoryItem(record: InventoryRecord): InventoryItem {
  const { model, stage, owner, activeOwners, tier, purpose, specDigest, registeredBy, useCase, versions, newest, deployments, openFindings, overdueFindings, imported } = record;
  return {
    model, registered: record.registered, stage, owner, activeOwners, tier, purpose, specDigest, registeredBy, registeredAt: instantOf(record.registeredAt), regulations: useCase?.regulations ?? [], consumers: useCase?.consumers ?? [], versions,
    newestVersion: newest && lineageAnswer(model, newest), deployments: deployments.map((one) => deploymentAnswer(record, one)), reports: record.registered ? `/v1/models/${model}/evaluations` : null,
    validations: record.registered ? `/v1/models/${model}/validations` : null,
    lastAssessedAt: instantOf(record.assessedAt), lastVerdict: record.assessedVerdict, lastPredictionAt: instantOf(record.predictedAt), nextReview: instantOf(nextReviewOf(record)),
    openFindings, overdueFindings, imported: imported && importedAnswer(imported), status: `/v1/inventory/${model}`,
  };
}
