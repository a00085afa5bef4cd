import { z } from 'zod';
import { maskedEvaluation } from '../../contracts/masked-reports.js';
import type { Sensitivity } from '../../contracts/masking.js';
import type { Evaluation } from '../../registry/entities/evaluation.entity.js';
import { instant, itemsOf } from '../documentation/answer-fields.js';
import { fairnessFigures } from './fairness.dto.js';

const verdict = z.enum(['pass', 'fail', 'inconclusive', 'error']).meta({ id: 'Verdict', description: 'Inconclusive waits for more data or a person; it never counts as a pass.' });

const estimate = z
  .strictObject({ value: z.number(), low: z.number().nullable(), high: z.number().nullable() })
  .meta({ id: 'Estimate', description: 'A value with its confidence interval; null bounds where no interval is defined.' });

const metrics = z.record(z.string(), estimate).meta({ description: 'By metric: auc, logLoss, brier, calibrationError, f1; rmse, mae, r2.' });

const undefinedMetrics = z.record(z.string(), z.string()).meta({ description: 'Why a metric has no value here.' });

const comparison = z
  .union([
    z.strictObject({
      metric: z.string(),
      rows: z.int(),
      blocks: z.int().nullable().meta({ description: 'How many time blocks the interval was learnt from; null where rows counted as independent.' }),
      candidate: z.number(),
      champion: z.number(),
      gain: estimate.meta({ description: "In the metric's good direction; positive speaks for the candidate." }),
    }),
    z.strictObject({ metric: z.string(), rows: z.int(), undefinedBecause: z.string() }),
  ])
  .meta({ id: 'PairedComparison', description: 'Candidate against champion on the same rows.' });

const recentGain = z
  .strictObject({
    loss: z.enum(['brier', 'clippedLogLoss', 'absoluteError']).meta({ description: "Of a row; the spec's `rollout.comparison.metric`." }),
    blocks: z.int().meta({ description: 'So many of the newest blocks of event time that have rows: the stretch that shows the gain best.' }),
    rows: z.int(),
    since: instant.meta({ description: 'Event time at which the stretch begins.' }),
    candidate: z.number().meta({ description: 'Mean loss of its rows.' }),
    champion: z.number().meta({ description: 'Mean loss of its rows.' }),
    gain: estimate.meta({ description: "The champion's mean loss less the candidate's." }),
    rowsPerDay: z.number().meta({ description: 'Predictions to come in a day of event time, if they come as the judged rows did.' }),
  })
  .meta({ id: 'RecentGain', description: 'Candidate against champion by the loss of a row, on the newest rows.' });

const slice = z
  .strictObject({
    column: z.string(),
    value: z.string().nullable().meta({ description: 'Null is the missing value.' }),
    rows: z.int(),
    metrics,
    undefinedBecause: undefinedMetrics,
  })
  .meta({ id: 'SliceMetrics' });

const gateCheck = z
  .strictObject({ name: z.string(), verdict, explanation: z.string(), measured: estimate.nullable(), required: z.string() })
  .meta({ id: 'GateCheck' });

export const evaluationSchema = z
  .strictObject({
    version: z.int(),
    deployment: z.string(),
    verdict,
    championVersion: z.int().nullable().meta({ description: 'The champion that it was compared with.' }),
    epoch: z.int().meta({ description: 'Of the champion at that moment; a promotion is bound to it.' }),
    snapshotDigest: z.string(),
    rows: z.int().meta({ description: 'Rows that judged: their label is known and its horizon has passed.' }),
    window: z.strictObject({ start: instant, end: instant }).meta({ description: 'Event time, end not included. Where blocks are held out (`data.heldOut` of the version) only rows of those judge.' }),
    metrics,
    championMetrics: metrics.nullable(),
    undefinedBecause: undefinedMetrics,
    comparison: comparison.nullable(),
    recentGain: recentGain.nullable().meta({ description: 'What decides where the spec has `gates.comparison.by: recentLoss`; else null.' }),
    slices: z.array(slice).readonly(),
    fairness: fairnessFigures.nullable().meta({ description: 'The first test for bias: how its decisions differ between protected groups on these rows. Null where the spec names none, and for versions of before it was made.' }),
    checks: z.array(gateCheck).readonly(),
    evaluatedAt: instant,
  })
  .meta({ id: 'Evaluation' });
export type EvaluationAnswer = z.output<typeof evaluationSchema>;

export const evaluationListSchema = itemsOf(evaluationSchema).meta({ id: 'EvaluationList' });

export function evaluationAnswer({ result: measured, gate, ...facts }: Evaluation, sensitivity: Sensitivity): EvaluationAnswer {
  const result = maskedEvaluation(measured, sensitivity);
  return {
    version: facts.version,
    deployment: facts.deployment,
    verdict: facts.verdict,
    championVersion: facts.championVersion,
    epoch: facts.epoch,
    snapshotDigest: facts.snapshotDigest,
    rows: result.rows,
    window: { ...result.window },
    metrics: result.candidate.metrics,
    championMetrics: result.champion?.metrics ?? null,
    undefinedBecause: result.candidate.undefinedBecause,
    comparison: result.comparison,
    recentGain: result.recentGain ?? null,
    slices: result.slices,
    fairness: result.fairness ?? null,
    checks: gate.checks,
    evaluatedAt: facts.evaluatedAt.toISOString(),
  };
}
