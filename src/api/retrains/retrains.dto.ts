import { z } from 'zod';
import type { Sensitivity } from '../../contracts/masking.js';
import { RETRAIN_STAGES } from '../../contracts/retrains.js';
import { DEFAULT_DEPLOYMENT, retrainWorkflowId } from '../../contracts/motion.js';
import type { Evaluation } from '../../registry/entities/evaluation.entity.js';
import type { Retrain } from '../../registry/entities/retrain.entity.js';
import type { Snapshot } from '../../registry/entities/snapshot.entity.js';
import type { TrainingRun } from '../../registry/entities/training-run.entity.js';
import { heldOut, instant, instantOf, itemsOf, path, type TemporalLinks, temporalUrl, workflowId } from '../documentation/answer-fields.js';
import { evaluationAnswer, evaluationSchema } from '../evaluations/evaluations.dto.js';
import { deploymentName, MAX_INTEGER, modelName, numberInUrl, text, time } from '../requests/fields.js';

export const retrainPath = z.strictObject({ model: modelName, number: numberInUrl(1, MAX_INTEGER).meta({ description: 'The number of the retrain.' }) });
export type RetrainPath = z.output<typeof retrainPath>;

export const retrainRequest = z
  .strictObject({
    asOf: time.nullish().meta({ format: 'date-time', description: 'Event time up to which the data is looked at; without it the newest that the data holds. Labels count once their horizon has passed by then.' }),
    deployment: deploymentName.default(DEFAULT_DEPLOYMENT),
    reason: text(2_000).nullish().meta({ description: 'Why, for the record.' }),
  })
  .meta({ id: 'RetrainRequest' });
export type RetrainRequest = z.output<typeof retrainRequest>;

export const retrainStartedSchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    workflowId,
    temporalUrl,
    joined: z.boolean().meta({ description: 'True when a retrain was running already and this request was answered with it.' }),
    commandId: z.uuid(),
    status: path.meta({ description: 'Where to follow it.' }),
  })
  .meta({ id: 'RetrainStarted' });
export type RetrainStarted = z.output<typeof retrainStartedSchema>;

const failure = z.strictObject({ type: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) });

export const retrainSchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    deployment: z.string(),
    trigger: z.string(),
    asOf: instant.nullable(),
    stage: z.enum(RETRAIN_STAGES),
    outcome: z.enum(['promoted', 'releasing', 'validating', 'rejected', 'inconclusive', 'aborted', 'failed', 'cancelled', 'terminated', 'abandoned']).nullable().meta({ description: 'Null while it runs. `releasing`: the gate passed it, and a release brings it into service; `validating`: its validation decides.' }),
    reason: z.string().nullable().meta({ description: 'One sentence that says why the outcome is what it is.' }),
    failure: failure.nullable(),
    version: z.int().nullable().meta({ description: 'The version that it made, if it came so far.' }),
    promotedEpoch: z.int().nullable(),
    requestedBy: z.string(),
    requestedAt: instant,
    finishedAt: instant.nullable(),
    workflowId,
    links: z.strictObject({ self: path, model: path, version: path.nullable(), temporal: temporalUrl }),
  })
  .meta({ id: 'Retrain' });
export type RetrainAnswer = z.output<typeof retrainSchema>;

export const retrainListSchema = itemsOf(retrainSchema).meta({ id: 'RetrainList' });

const violation = z.strictObject({
  check: z.string(),
  column: z.string().nullable(),
  part: z.enum(['train', 'evaluation']),
  rows: z.int(),
  share: z.number(),
  limit: z.string(),
  examples: z.array(z.record(z.string(), z.unknown())).readonly(),
  message: z.string(),
});

export const retrainDetailSchema = retrainSchema
  .extend({
    specDigest: z.string(),
    commandId: z.uuid(),
    historyDigest: z.string().nullable().meta({ description: "The workflow's exported history, an artifact: gzipped JSON. Null until it is exported, minutes after the end." }),
    snapshot: z.strictObject({ digest: z.string(), trainRows: z.int(), evaluationRows: z.int(), heldOut: heldOut.nullable(), takenAt: instant }).nullable(),
    dataReport: z.strictObject({ verdict: z.enum(['pass', 'fail']), violations: z.array(violation).readonly() }).nullable(),
    training: z
      .strictObject({
        attempts: z.int(),
        progress: z.strictObject({ done: z.number(), total: z.number(), metrics: z.record(z.string(), z.number()).optional() }).nullable(),
        device: z.string().nullable(),
        startedAt: instant,
        finishedAt: instant.nullable(),
        seconds: z.number().nullable().meta({ description: 'Over all attempts.' }),
      })
      .nullable(),
    evaluation: evaluationSchema.nullable(),
    seconds: z.number().nullable().meta({ description: 'From request to end.' }),
  })
  .meta({ id: 'RetrainDetail' });
export type RetrainDetail = z.output<typeof retrainDetailSchema>;

export const retrainLink = (model: string, number: number): string => `/v1/models/${model}/retrains/${number}`;

export function retrainAnswer(retrain: Retrain, temporal: TemporalLinks): RetrainAnswer {
  const id = retrainWorkflowId(retrain.model, retrain.number);
  return {
    model: retrain.model,
    number: retrain.number,
    deployment: retrain.deployment,
    trigger: retrain.trigger,
    asOf: instantOf(retrain.asOf),
    stage: retrain.stage,
    outcome: retrain.outcome,
    reason: retrain.reason,
    failure: retrain.failure && { ...retrain.failure, details: { ...retrain.failure.details } },
    version: retrain.version,
    promotedEpoch: retrain.promotedEpoch,
    requestedBy: retrain.requestedBy,
    requestedAt: retrain.requestedAt.toISOString(),
    finishedAt: instantOf(retrain.finishedAt),
    workflowId: id,
    links: {
      self: retrainLink(retrain.model, retrain.number),
      model: `/v1/models/${retrain.model}`,
      version: retrain.version === null ? null : `/v1/models/${retrain.model}/versions/${retrain.version}`,
      temporal: temporal.of(id),
    },
  };
}

export interface RetrainFacts {
  readonly retrain: Retrain;
  readonly snapshot: Snapshot | null;
  readonly run: TrainingRun | null;
  readonly evaluation: Evaluation | null;
  /** Of the spec in force and of that which it began under. */
  readonly sensitivity: Sensitivity;
}

export const retrainDetail = ({ retrain, snapshot, run, evaluation, sensitivity }: RetrainFacts, temporal: TemporalLinks): RetrainDetail => ({
  ...retrainAnswer(retrain, temporal),
  specDigest: retrain.specDigest,
  commandId: retrain.commandId,
  historyDigest: retrain.historyDigest,
  snapshot: snapshot && {
    digest: snapshot.digest,
    trainRows: snapshot.manifest.train.rows,
    evaluationRows: snapshot.manifest.evaluation.rows,
    heldOut: snapshot.manifest.heldOut ?? null,
    takenAt: snapshot.takenAt.toISOString(),
  },
  dataReport: retrain.dataReport,
  training: run && {
    attempts: run.attempts,
    progress: run.progress,
    device: run.environment?.device ?? null,
    startedAt: run.startedAt.toISOString(),
    finishedAt: instantOf(run.finishedAt),
    seconds: secondsBetween(run.startedAt, run.finishedAt),
  },
  evaluation: evaluation && evaluationAnswer(evaluation, sensitivity),
  seconds: secondsBetween(retrain.requestedAt, retrain.finishedAt),
});

const secondsBetween = (start: Date, end: Date | null): number | null => end && (end.getTime() - start.getTime()) / 1_000;
