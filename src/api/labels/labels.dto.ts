import { z } from 'zod';
import { DEFAULT_DEPLOYMENT } from '../../contracts/motion.js';
import type { ModelSpec } from '../../spec/model-spec.js';
import type { LabelBatch } from '../../registry/entities/label.entity.js';
import { instant, instantOf, itemsOf, path } from '../documentation/answer-fields.js';
import { deploymentName, digest, MAX_INTEGER, modelName, numberInUrl, text, time } from '../requests/fields.js';
import type { RequestFault } from '../requests/validation.pipe.js';

const MAX_LABELS = 50_000;
const MAX_ID = 1_000;

export const labelsPath = z.strictObject({ model: modelName, batch: numberInUrl(1, MAX_INTEGER).meta({ description: 'The number of the batch.' }) });
export const labelsQuery = z.strictObject({ deployment: deploymentName.optional() });
export type LabelsQuery = z.output<typeof labelsQuery>;

const instantOrMs = z.union([time, z.int()], { error: 'must be an ISO 8601 time, such as 2013-04-01T12:00:00Z, or milliseconds since 1970' });

const label = z
  .strictObject({
    prediction_id: text(MAX_ID).optional().meta({ description: 'As the answer of the gateway named it.' }),
    entity_key: text(MAX_ID).optional().meta({ description: 'With `event_time`: the prediction for this entity at that time.' }),
    event_time: instantOrMs.optional(),
    label: z.union([z.boolean(), z.number()], { error: 'must be a number, true or false' }).optional().meta({ description: 'What came true: 0, 1, true or false; for regression a number.' }),
    outcome: z.number().optional().meta({ description: 'What it came to for the business, such as revenue: with the label, after it or without one.' }),
    known_at: instantOrMs.optional().meta({ description: 'Since when it is known; the time of receipt where it is not given. Of several labels of a prediction the one known last counts.' }),
  })
  .refine(({ prediction_id, entity_key, event_time }) => prediction_id !== undefined || (entity_key !== undefined && event_time !== undefined), {
    message: 'names no prediction: give prediction_id, or entity_key and event_time',
  })
  .refine((one) => one.label !== undefined || one.outcome !== undefined, { path: ['label'], message: 'is missing: give a label, an outcome, or both' });

export const labelsRequest = z
  .strictObject({ deployment: deploymentName.optional(), labels: z.array(label).min(1, 'must hold at least one label').max(MAX_LABELS, `must hold at most ${MAX_LABELS} labels; send more as NDJSON, CSV or Parquet`) })
  .meta({ id: 'LabelsRequest' });
export type LabelsRequest = z.output<typeof labelsRequest>;

/** Labels that are none of the model's task. */
export function taskFaults({ labels }: LabelsRequest, task: ModelSpec['task']): RequestFault[] {
  return labels.flatMap(({ label: value }, row) => {
    if (value === undefined) return [];
    const fits = task === 'regression' ? typeof value === 'number' : typeof value === 'boolean' || value === 0 || value === 1;
    return fits ? [] : [{ path: `body.labels.${row}.label`, message: task === 'regression' ? 'must be a number' : 'must be 0, 1, true or false' }];
  });
}

/** One label a line, as they are kept. */
export const labelLines = ({ labels }: LabelsRequest): string => labels.map((one) => `${JSON.stringify(one)}\n`).join('');

const count = z.int().min(0);

export const labelBatchSchema = z
  .strictObject({
    model: z.string(),
    batch: z.int().meta({ description: 'Rises with each batch of the model. Figures name the last one that they count.' }),
    deployment: z.string(),
    state: z.enum(['waiting', 'ingested', 'failed']),
    format: z.enum(['ndjson', 'csv', 'parquet']),
    bytes: count,
    digest,
    actor: z.string(),
    receivedAt: instant,
    ingestedAt: instant.nullable(),
    counts: z
      .strictObject({
        rows: count,
        accepted: count.meta({ description: 'First labels, or outcomes, of their predictions.' }),
        repeated: count.meta({ description: 'The prediction had a label, or an outcome, of the same value.' }),
        corrected: count.meta({ description: 'The prediction had a label, or an outcome, of another value.' }),
        late: count.meta({ description: 'Of the accepted and corrected, those that came after the label horizon.' }),
        unknown: count.meta({ description: 'No such prediction is known yet; kept until it is.' }),
        invalid: count.meta({ description: 'Not kept.' }),
      })
      .nullable(),
    faults: z.array(z.strictObject({ row: z.int(), column: z.string().nullable(), message: z.string() })).readonly().meta({ description: 'What is wrong with the invalid rows; the first hundred.' }),
    failure: z.record(z.string(), z.unknown()).nullable().meta({ description: 'Why nothing of it could be read.' }),
    status: path,
  })
  .meta({ id: 'LabelBatch' });
export type LabelBatchAnswer = z.output<typeof labelBatchSchema>;

export const labelBatchListSchema = itemsOf(labelBatchSchema).meta({ id: 'LabelBatchList' });

export const labelBatchAnswer = (batch: LabelBatch): LabelBatchAnswer => ({
  model: batch.model,
  batch: batch.number,
  deployment: batch.deployment,
  state: batch.ingestedAt === null ? 'waiting' : batch.failure === null ? 'ingested' : 'failed',
  format: batch.format,
  bytes: batch.bytes,
  digest: batch.artifactDigest,
  actor: batch.actor,
  receivedAt: batch.receivedAt.toISOString(),
  ingestedAt: instantOf(batch.ingestedAt),
  counts: batch.counts && { ...batch.counts },
  faults: batch.faults ?? [],
  failure: batch.failure && { ...batch.failure },
  status: labelsLink(batch.model, batch.number),
});

export const labelsLink = (model: string, batch: number): string => `/v1/models/${model}/labels/${batch}`;

export const deploymentOf = (query: LabelsQuery, body?: LabelsRequest): string => body?.deployment ?? query.deployment ?? DEFAULT_DEPLOYMENT;
