import { z } from 'zod';
import { AUTOMATIC_TRIGGERS } from '../../contracts/retraining-decisions.js';
import { ASSESSMENT_OCCASIONS } from '../../contracts/window-assessment.js';
import type { RetrainingDecisionRecord } from '../../registry/entities/retraining-decision.entity.js';
import type { WindowAssessment } from '../../registry/entities/window-assessment.entity.js';
import { heldOut, instant, itemsOf, path, type TemporalLinks, temporalUrl } from '../documentation/answer-fields.js';
import { fairnessFigures } from '../evaluations/fairness.dto.js';
import { deploymentName, digest, limit, MAX_INTEGER, numberInUrl } from '../requests/fields.js';
import { gatewayFigures, operationChecks } from './window-operations.dto.js';
import { finding } from './windows.dto.js';

export const assessmentsQuery = z.strictObject({
  limit, deployment: deploymentName.optional().meta({ description: 'Only windows of this deployment.' }),
  revisions: z.enum(['latest', 'all']).default('latest').meta({ description: 'Of each window its newest assessment, or the earlier ones too.' }),
});
export type AssessmentsQuery = z.output<typeof assessmentsQuery>;

export const assessmentQuery = z.strictObject({
  deployment: deploymentName.default('default'), revision: numberInUrl(1, MAX_INTEGER).optional().meta({ description: "The window's assessment of that revision; the newest where none is given." }),
});
export type AssessmentQuery = z.output<typeof assessmentQuery>;

const count = z.number().min(0);
const number = z.number().nullable();
const estimate = z.strictObject({ value: z.number(), low: number, high: number });

const harmStanding = z.strictObject({
  rows: count.meta({ description: 'With a label, since the evidence of this version began.' }),
  missing: count.meta({ description: 'Without one.' }),
  mean: number.meta({ description: 'Of their losses.' }),
  lower: number.meta({ description: 'Its lower confidence sequence.' }),
  limit: z.number().meta({ description: 'Harm begins above it: an upper bound of the mean loss on the baseline, and the tolerance.' }),
  evidence: z.number().meta({ description: 'That losses have risen at some time.' }),
  threshold: z.number().meta({ description: 'The evidence at which it is harm.' }),
  alarm: z.strictObject({ atMs: z.number(), by: z.enum(['runningMean', 'change']), sinceMs: z.number() }).nullable().meta({ description: 'The first time that harm was found; event times, milliseconds since 1970.' }),
});

export const windowAssessmentSchema = z
  .strictObject({
    deployment: z.string(),
    from: instant.meta({ description: 'Event time.' }),
    until: instant.meta({ description: 'Event time; does not belong to it.' }),
    revision: z.int().meta({ description: 'From 1. Later ones stand beside it.' }),
    occasion: z.enum(ASSESSMENT_OCCASIONS).meta({ description: '`closed`: event time had passed its end; `matured`: the horizon of its labels too; `amended`: labels, or those of a window before it, changed; `backfilled`: a person asked for it anew.' }),
    verdict: z.enum(['pass', 'fail', 'inconclusive']),
    rows: count,
    findings: z.array(finding).readonly(),
    version: z.int().nullable().meta({ description: 'The version that answered most rows; the figures are of its rows.' }),
    labelled: count,
    metric: z.string().nullable(),
    measured: estimate.nullable(),
    threshold: number.meta({ description: 'What `measured` may come to by chance, were all as on the baseline.' }),
    baseline: estimate.nullable().meta({ description: 'The same on the rows on which the version was judged before it came into service.' }),
    estimated: estimate.nullable().meta({ description: "Before labels: by the model's own confidence, of a regression by a second model of its errors." }),
    meanLoss: number,
    harm: harmStanding.nullable(),
    drifted: z.array(z.string()).readonly().nullable().meta({ description: 'Features that are found to drift; null where that was not looked at.' }),
    complete: z.boolean().meta({ description: 'Whether all that gateways answered in it was on the record, but for what they shed.' }),
    operations: operationChecks.nullable().meta({ description: 'How it was served, beside its limits; null where that was not measured.' }),
    alarm: z.uuid().nullable(),
    specDigest: digest,
    labelRevision: count.meta({ description: 'The newest batch of labels that counted; 0 before the first.' }),
    filesDigest: digest.meta({ description: 'Of the list of files that it was made from.' }),
    assessedAt: instant,
    temporalUrl,
    links: z.strictObject({ report: path, page: path }),
  })
  .meta({ id: 'WindowAssessment' });
export type WindowAssessmentAnswer = z.output<typeof windowAssessmentSchema>;
export const windowAssessmentListSchema = itemsOf(windowAssessmentSchema).meta({ id: 'WindowAssessmentList' });

export function windowAssessmentAnswer(one: WindowAssessment, temporal: TemporalLinks): WindowAssessmentAnswer {
  const { deployment, fromEvent, untilEvent, revision, occasion, verdict, rows, findings, headline, alarmId, specDigest, labelRevision, filesDigest, assessedAt, workflowId, model } = one;
  const [from, which] = [fromEvent.toISOString(), `?deployment=${deployment}&revision=${revision}`];
  return {
    deployment, from, until: untilEvent.toISOString(), revision, occasion, verdict, rows, findings: [...findings], ...headline, operations: headline.operations ?? null, alarm: alarmId, specDigest, labelRevision, filesDigest,
    assessedAt: assessedAt.toISOString(), temporalUrl: temporal.of(workflowId),
    links: { report: `/v1/models/${model}/windows/${from}/assessment${which}`, page: `/v1/models/${model}/windows/${from}/assessment.html${which}` },
  };
}

const thresholdVerdict = z.enum(['pass', 'fail', 'inconclusive']);
const metrics = z.record(z.string(), estimate);
const measurement = z.strictObject({ metrics, undefinedBecause: z.record(z.string(), z.string()) });
const slice = z.strictObject({ column: z.string(), value: z.string().nullable(), rows: count, metrics, undefinedBecause: z.record(z.string(), z.string()) });
const estimatedMetric = z.strictObject({
  value: z.number(), low: number, high: number, alert: z.boolean().meta({ description: "Beyond what the baseline's own days reached." }),
  realised: z.strictObject({ value: z.number(), difference: z.number(), withinBand: z.boolean().nullable() }).nullable().meta({ description: 'What labels showed later.' }),
});

const test = z.strictObject({ pValue: z.number(), adjustedPValue: z.number().meta({ description: 'For the tests of all features (Holm).' }) });
const attributionBin = z.strictObject({
  kind: z.enum(['range', 'category', 'others', 'missing']), from: number, until: number.meta({ description: 'Does not belong to it.' }), category: z.string().nullable(),
  rows: count, baselineRows: count, share: z.number(), baselineShare: z.number(), meanLoss: z.number(), baselineMeanLoss: number,
  shift: z.number(), change: z.number().meta({ description: 'With `shift`, those of all bins add up to the rise.' }),
});
const featureAttribution = z.strictObject({
  name: z.string(), type: z.enum(['number', 'category']),
  shift: estimate.meta({ description: 'Because inputs moved between bins.' }), change: z.number().meta({ description: 'Because losses changed within bins. `shift.value + change` is the rise.' }),
  concentrated: z.number().meta({ description: 'What bins have of `change` beyond the even rise.' }),
  unevenness: test.extend({ statistic: z.number(), degreesOfFreedom: z.tuple([z.number(), z.number()]) }).nullable().meta({ description: "Whether losses rose by unlike amounts in the bins: Welch's test." }),
  shiftTest: test.nullable().meta({ description: 'Whether `shift` is not 0.' }),
  explains: z.array(z.enum(['change', 'shift'])), binCount: count, bins: z.array(attributionBin).meta({ description: 'Of those with rows in the window the three with most of the rise beyond their share of it.' }),
});
const attribution = z.strictObject({
  rows: count.meta({ description: 'Of the window, with a label, an output and inputs.' }), baselineRows: count, meanLoss: z.number(), baselineMeanLoss: z.number(), rise: z.number(),
  alpha: z.number().meta({ description: 'The chance that `explaining` names a feature though nothing differs.' }),
  explaining: z.array(z.string()).meta({ description: 'Features that surely explain some of the rise; empty where it is even, and where there is none.' }),
  features: z.array(featureAttribution),
});

const decided = z.strictObject({ rows: count, mean: number });
const outcome = z.strictObject({
  name: z.string(), unit: z.string().nullable(), rows: count.meta({ description: 'With an output and an outcome.' }), mean: estimate.nullable(),
  pearson: estimate.nullable(), spearman: estimate.nullable().meta({ description: 'Of the ranks of output and outcome.' }),
  threshold: z.strictObject({ limit: number, verdict: thresholdVerdict }).meta({ description: 'Of `spearman`: `fail` where it is surely below the limit of the spec. An observation.' }),
  decisions: z.strictObject({ positive: decided, negative: decided, difference: estimate.nullable() }).nullable().meta({ description: 'Classification: mean outcomes of rows that were decided positive and negative.' }),
});

const harmFigures = z.strictObject({
  began: z.enum(['first', 'version', 'plan', 'resolved']).nullable().meta({ description: 'Why the evidence begins in this window; null where it goes on.' }),
  allowance: z.number().meta({ description: 'False alarms of harm in a year that it may raise, in expectation.' }),
  standing: harmStanding, course: z.array(z.strictObject({ from: instant, rows: count, mean: number, lower: number, evidence: z.number() })),
});

export const windowAssessmentReportSchema = z
  .strictObject({
    model: z.string(), deployment: z.string(), from: instant, until: instant, occasion: z.enum(ASSESSMENT_OCCASIONS), revision: z.int(),
    completeness: z.strictObject({
      complete: z.boolean().meta({ description: 'Nothing was missing, but for what gateways shed.' }), gateways: count.meta({ description: 'Those that may have answered in it.' }),
      behind: z.array(z.string()).readonly().meta({ description: 'Gateways that may have held observations of it.' }), unconverted: count.meta({ description: 'Segments that had come and could not be read as rows yet.' }),
    }),
    versions: z.array(z.strictObject({ version: z.int(), rows: count })),
    baseline: z.strictObject({ version: z.int(), snapshot: digest, rows: count, from: instant, until: instant, heldOut: heldOut.optional(), measurement, metric: z.string(), meanLoss: number }).nullable(),
    outputs: z.strictObject({
      rows: count, withoutOutput: count, drift: z.looseObject({ psi: number, jensenShannon: number }).meta({ description: 'As that of a feature: WindowDriftReport.' }),
      positiveShare: z.strictObject({ window: z.number(), baseline: z.number() }).nullable(),
      thresholds: z.strictObject({
        positiveShare: z.strictObject({ low: z.number(), high: z.number(), verdict: thresholdVerdict }).nullable(),
        withoutOutput: z.strictObject({ limit: z.number(), verdict: thresholdVerdict }).nullable().meta({ description: 'Of the share of rows without an output.' }),
      }).optional().meta({ description: 'Beside those of `drift`: what the shares may come to by chance, were all as on the baseline. An observation; not in reports of before these were made.' }),
    }).nullable(),
    estimate: z.strictObject({
      method: z.enum(['cbpe', 'dle']).meta({ description: "By the model's own confidence; of a regression by a second model of its errors." }), rows: count, metrics: z.record(z.string(), estimatedMetric.nullable()),
    }).nullable(),
    withoutEstimate: z.string().nullable().optional().meta({ description: 'Why there is no estimate.' }),
    quality: z.strictObject({ labelRevision: count, labelled: count, unlabelled: count, measurement,
      thresholds: z.record(z.string(), z.strictObject({ limit: z.number(), verdict: thresholdVerdict })).meta({ description: 'By metric: what it may come to by chance, were all as on the baseline. An observation; harm is judged by losses.' }),
      bias: estimate.nullable().meta({ description: 'Regression: the mean of output less label.' }), slices: z.array(slice), meanLoss: number }).nullable(),
    harm: harmFigures.nullable(),
    estimatedHarm: z.strictObject({
      evidence: harmFigures.nullable().meta({ description: 'As of `harm`; the loss of a row is 1 where its estimated error exceeds `threshold.estimate`, else 0.' }),
      threshold: z.strictObject({
        errorLevel: z.number(), error: z.number(), estimate: z.number(), flagged: z.number(), precision: z.number(), recall: z.number(),
      }).nullable().meta({ description: 'As it was chosen on the baseline: a row is of high error above `error`, and flagged above `estimate`.' }),
      because: z.string().nullable().meta({ description: 'Why there is no evidence.' }),
    }).nullable().optional().meta({ description: 'Harm before labels, by estimated errors; of a window that closes.' }),
    attribution: attribution.nullable().meta({ description: 'Which features the rise of the mean loss over the baseline goes with; null before labels are due.' }),
    fairness: fairnessFigures.nullable(),
    outcome: outcome.nullable().optional().meta({ description: 'How outputs go with the business outcome that comes with labels; null before labels are due, and where the spec names none.' }),
    operations: z.strictObject({
      repeated: count.meta({ description: 'Predictions that were asked for again under their id.' }), stale: count, guards: z.record(z.string(), count),
      latencyMs: z.strictObject({ p50: z.number(), p95: z.number(), p99: z.number(), greatest: z.number() }).nullable(),
      firstEvent: instant.nullable(), lastEvent: instant.nullable(), newestReceived: instant.nullable(),
      received: z.strictObject({ first: instant, last: instant }).nullable().optional().meta({ description: "Wall time of the first and the last prediction's first receipt. Reports of before lack this and what follows, but for `errors`." }),
      slow: z.strictObject({ afterMs: z.number(), requests: count, count }).optional().meta({ description: 'Requests with a latency, and those of them that took longer than `rollout.guards.slowAfterMs`.' }),
      arrivalLagMs: z.strictObject({ p50: z.number(), p95: z.number(), greatest: z.number() }).nullable().optional()
        .meta({ description: 'How long after its event a prediction was first received, milliseconds; below 0 where its time lies ahead of the clock.' }),
      gateways: gatewayFigures.optional(), checks: operationChecks.optional(),
      errors: z
        .record(z.string(), count)
        .meta({ description: 'Failed requests of the deployment by failure type, since the gateways started, up to when the window was assessed; not of the window alone.' }),
    }).nullable(),
  })
  .meta({ id: 'WindowAssessmentReport' });
export type WindowAssessmentReportAnswer = z.output<typeof windowAssessmentReportSchema>;

export const decisionsQuery = z.strictObject({ limit, deployment: deploymentName.optional().meta({ description: 'Only of this deployment.' }) });
export type DecisionsQuery = z.output<typeof decisionsQuery>;

export const retrainingDecisionSchema = z
  .strictObject({
    deployment: z.string(),
    from: instant.meta({ description: 'When the window begins after which it was made, in event time.' }),
    revision: z.int().meta({ description: "Of the window's assessment." }),
    outcome: z.enum(['quarantine', 'wait', 'retrain']).meta({ description: '`quarantine`: the window is kept from training and from being judged.' }),
    reason: z.string().nullable().meta({ description: 'Why it waits: the rule that held it.' }),
    trigger: z.enum(['request', ...AUTOMATIC_TRIGGERS]).nullable(),
    because: z.string(),
    wouldHaveRetrained: z.array(z.string()).readonly().meta({ description: 'Of `calendar`, `cusum` and `psi` those that would have retrained after this window.' }),
    decisionDigest: digest,
    command: z.uuid().nullable().meta({ description: 'The command that asks for the retrain.' }),
    decidedAt: instant,
    links: z.strictObject({ decision: path }),
  })
  .meta({ id: 'RetrainingDecision' });
export type RetrainingDecisionAnswer = z.output<typeof retrainingDecisionSchema>;
export const retrainingDecisionListSchema = itemsOf(retrainingDecisionSchema).meta({ id: 'RetrainingDecisionList' });

export function retrainingDecisionAnswer(one: RetrainingDecisionRecord): RetrainingDecisionAnswer {
  const { model, deployment, fromEvent, revision, outcome, reason, trigger, because, counterfactual, decisionDigest, commandId, decidedAt } = one;
  const from = fromEvent.toISOString();
  return {
    deployment, from, revision, outcome, reason, trigger: trigger as RetrainingDecisionAnswer['trigger'], because, wouldHaveRetrained: counterfactual.retrained, decisionDigest, command: commandId,
    decidedAt: decidedAt.toISOString(), links: { decision: `/v1/models/${model}/windows/${from}/decision?deployment=${deployment}&revision=${revision}` },
  };
}

/** The decision with all that it rests on: the facts, each rule's verdict, and what was weighed. */
export const retrainingDecisionDetailSchema = z
  .looseObject({
    outcome: z.enum(['quarantine', 'wait', 'retrain']), because: z.string(),
    rules: z.array(z.strictObject({ rule: z.string(), verdict: z.enum(['pass', 'hold', 'overridden']), because: z.string() })),
    facts: z.looseObject({}),
  })
  .meta({ id: 'RetrainingDecisionDetail' });
export type RetrainingDecisionDetail = z.output<typeof retrainingDecisionDetailSchema>;
