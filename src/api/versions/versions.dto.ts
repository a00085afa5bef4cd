import { z } from 'zod';
import type { Sensitivity } from '../../contracts/masking.js';
import type { ModelVersion } from '../../registry/entities/model-version.entity.js';
import type { Retrain } from '../../registry/entities/retrain.entity.js';
import type { Snapshot } from '../../registry/entities/snapshot.entity.js';
import type { TrainingRun } from '../../registry/entities/training-run.entity.js';
import type { Evaluation } from '../../registry/entities/evaluation.entity.js';
import { heldOut, instant, instantOf, itemsOf, path } from '../documentation/answer-fields.js';
import { evaluationAnswer, evaluationSchema } from '../evaluations/evaluations.dto.js';
import { MAX_INTEGER, modelName, numberInUrl } from '../requests/fields.js';

export const versionPath = z.strictObject({
  model: modelName,
  version: numberInUrl(1, MAX_INTEGER).meta({ description: 'The number of the version.' }),
});
export type VersionPath = z.output<typeof versionPath>;

export const versionSchema = z
  .strictObject({
    model: z.string(),
    version: z.int(),
    status: z.enum(['candidate', 'champion', 'retired', 'rejected', 'sentBack', 'abandoned']).meta({ description: '`candidate`: not yet deployed; `champion`: answers now; `retired`: has answered; `rejected`: did not pass its gate or its validation; `sentBack`: from its validation to development, for rework; `abandoned`: given up.' }),
    retrain: z.int(),
    specDigest: z.string(),
    snapshotDigest: z.string(),
    artifactDigest: z.string(),
    artifactBytes: z.int(),
    createdBy: z.string(),
    createdAt: instant,
    links: z.strictObject({ self: path, retrain: path }),
  })
  .meta({ id: 'Version' });
export type VersionAnswer = z.output<typeof versionSchema>;

export const versionListSchema = itemsOf(versionSchema).meta({ id: 'VersionList' });

const part = z
  .strictObject({ artifactDigest: z.string(), rows: z.int(), labelledRows: z.int(), window: z.strictObject({ start: instant, end: instant }) })
  .meta({ id: 'SnapshotPart', description: 'The rows of one window of event time.' });

const sourceFiles = {
  path: z.string(),
  format: z.enum(['parquet', 'csv']),
  files: z.array(z.strictObject({ name: z.string(), bytes: z.int(), digest: z.string() })).readonly(),
};

const dataLineage = z
  .strictObject({
    snapshotDigest: z.string(),
    takenAt: instant,
    asOf: instant.meta({ description: 'Event time up to which the data was looked at.' }),
    source: z.strictObject(sourceFiles),
    joins: z
      .array(z.strictObject({ name: z.string(), ...sourceFiles, columns: z.array(z.string()).readonly() }))
      .readonly()
      .meta({ description: 'Feature tables whose values were joined to the rows, as they were known at event time.' }),
    columns: z.array(z.strictObject({ name: z.string(), type: z.string() })).readonly(),
    heldOut: heldOut.nullable().meta({ description: 'The blocks of the evaluation window that judge: its others train, so that the training window ends with it. Null where all of it judges.' }),
    train: part,
    evaluation: part,
  })
  .meta({ id: 'DataLineage' });

const trainingLineage = z
  .strictObject({
    trainer: z.string(),
    codeDigest: z.string().meta({ description: "Over the trainer's source files." }),
    parameters: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
    seed: z.int(),
    environment: z
      .strictObject({ requirementsDigest: z.string(), device: z.string(), libraries: z.record(z.string(), z.string()), host: z.string() })
      .nullable(),
    attempts: z.int(),
    metrics: z.record(z.string(), z.unknown()).nullable().meta({ description: "The trainer's own; the gate does not use them." }),
    startedAt: instant,
    finishedAt: instant.nullable(),
  })
  .meta({ id: 'TrainingLineage' });

const signature = z.strictObject({
  name: z.string(),
  kind: z.string(),
  elementType: z.string(),
  shape: z.array(z.int().nullable()).readonly().nullable().meta({ description: 'Null for a dimension that is free, and for the whole where the rank is unknown.' }),
});
const admission = z
  .strictObject({
    digest: z.string(),
    bytes: z.int(),
    irVersion: z.int(),
    opset: z.record(z.string(), z.int()),
    operators: z.record(z.string(), z.int()).meta({ description: 'How often each operator occurs.' }),
    producer: z.string(),
    inputs: z.array(signature).readonly(),
    outputs: z.array(signature).readonly(),
  })
  .meta({ id: 'Admission', description: 'What was read from the model file before any runtime opened it.' });

export const versionDetailSchema = versionSchema
  .extend({
    requested: z.strictObject({ by: z.string(), at: instant, trigger: z.string(), commandId: z.uuid() }).meta({ description: 'Who asked for the retrain that made it.' }),
    data: dataLineage,
    training: trainingLineage,
    admission,
    evaluation: evaluationSchema.nullable(),
  })
  .meta({ id: 'VersionDetail', description: 'Which data, code, parameters, environment and who.' });
export type VersionDetail = z.output<typeof versionDetailSchema>;

export const versionAnswer = (version: ModelVersion): VersionAnswer => ({
  model: version.model,
  version: version.number,
  status: version.status,
  retrain: version.retrain,
  specDigest: version.specDigest,
  snapshotDigest: version.snapshotDigest,
  artifactDigest: version.artifactDigest,
  artifactBytes: version.artifactBytes,
  createdBy: version.createdBy,
  createdAt: version.createdAt.toISOString(),
  links: { self: `/v1/models/${version.model}/versions/${version.number}`, retrain: `/v1/models/${version.model}/retrains/${version.retrain}` },
});

export interface Lineage {
  readonly version: ModelVersion;
  readonly retrain: Retrain;
  readonly snapshot: Snapshot;
  readonly run: TrainingRun;
  readonly evaluation: Evaluation | null;
  /** Of the spec in force and of the version's. */
  readonly sensitivity: Sensitivity;
}

export function versionDetail({ version, retrain, snapshot, run, evaluation, sensitivity }: Lineage): VersionDetail {
  return {
    ...versionAnswer(version),
    requested: { by: retrain.requestedBy, at: retrain.requestedAt.toISOString(), trigger: retrain.trigger, commandId: retrain.commandId },
    data: dataOf(snapshot),
    training: trainingOf(run),
    admission: { ...version.admission, opset: { ...version.admission.opset }, operators: { ...version.admission.operators } },
    evaluation: evaluation && evaluationAnswer(evaluation, sensitivity),
  };
}

function dataOf({ digest, manifest, takenAt }: Snapshot): VersionDetail['data'] {
  const partOf = ({ artifact, rows, labelledRows, window }: typeof manifest.train) => ({ artifactDigest: artifact.digest, rows, labelledRows, window: { ...window } });
  return {
    snapshotDigest: digest,
    takenAt: takenAt.toISOString(),
    asOf: manifest.asOf,
    source: { path: manifest.source.path, format: manifest.source.format, files: manifest.source.files },
    // Snapshots from before there were joins have none.
    joins: manifest.joins ?? [],
    columns: manifest.columns,
    heldOut: manifest.heldOut ?? null,
    train: partOf(manifest.train),
    evaluation: partOf(manifest.evaluation),
  };
}

const trainingOf = (run: TrainingRun): VersionDetail['training'] => ({
  trainer: run.trainer,
  codeDigest: run.codeDigest,
  parameters: run.parameters,
  seed: run.seed,
  environment: run.environment && { ...run.environment, libraries: { ...run.environment.libraries } },
  attempts: run.attempts,
  metrics: run.metrics,
  startedAt: run.startedAt.toISOString(),
  finishedAt: instantOf(run.finishedAt),
});
