import { z } from 'zod';
import { ALARM_KINDS, SEVERITIES } from '../../contracts/alarms.js';
import { DEFAULT_DEPLOYMENT } from '../../contracts/motion.js';
import type { CardFacts } from '../../registry/cards.repository.js';
import { RISK_QUESTIONS, type RiskQuestion, riskScore } from '../../spec/risk-tier.js';
import { alarmLink } from '../alarms/alarms.dto.js';
import { approvalFacts, approvalLink, approvalSchema } from '../approvals/approvals.dto.js';
import { heldOut, instant, path } from '../documentation/answer-fields.js';
import { evaluationSchema } from '../evaluations/evaluations.dto.js';
import { deploymentName } from '../requests/fields.js';
import { versionDetail, type VersionDetail, versionDetailSchema } from '../versions/versions.dto.js';

export const cardQuery = z.strictObject({
  deployment: deploymentName.default(DEFAULT_DEPLOYMENT),
  format: z.enum(['json', 'html']).optional().meta({ description: 'Without it the `Accept` header decides; JSON where it asks for neither.' }),
});
export type CardQuery = z.output<typeof cardQuery>;

const from = z.strictObject({ path, digest: z.string().nullable() }).meta({ id: 'CardSource', description: 'Where what stands beside it comes from: a path on this API, and the digest of what was read where it has one.' });
const texts = z.array(z.string()).readonly();
const window = z.strictObject({ start: instant, end: instant });
const rows = { window: window.meta({ description: 'Event time, end not included.' }), rows: z.int(), labelledRows: z.int(), artifactDigest: z.string() };

/** Sections and their order after Mitchell et al. 2019; each part has one source. */
export const cardSchema = z
  .strictObject({
    model: z.string(),
    deployment: z.string(),
    madeAt: instant.meta({ description: 'When the record was read, all of it at one moment.' }),
    details: z.strictObject({
      inventory: z.strictObject({ owner: z.string(), tier: z.string(), task: z.string(), registeredBy: z.string(), registeredAt: instant, specInForce: z.string(), from }),
      version: z.strictObject({ number: z.int(), status: z.string(), retrain: z.int(), requestedBy: z.string(), createdAt: instant, specDigest: z.string(), artifactDigest: z.string(), artifactBytes: z.int(), from }).nullable()
        .meta({ description: 'The champion of the deployment, or the newest version where there is none; null before the first.' }),
      service: z.strictObject({ epoch: z.int(), since: instant, by: z.string(), reason: z.string(), challengers: z.array(z.int()).readonly(), from }).nullable().meta({ description: 'Null where it is not in service.' }),
      training: versionDetailSchema.shape.training.extend({ seconds: z.number().nullable().meta({ description: 'Wall time from its first attempt to its end.' }), from }).nullable(),
    }),
    intendedUse: z.strictObject({
      purpose: z.string(), businessCase: z.string().nullable(), success: texts, regulations: texts, consumers: texts,
      outOfScope: z.null().meta({ description: 'What it must not be used for is not on record.' }), from,
    }),
    factors: z.strictObject({ slices: texts, protectedColumns: texts.meta({ description: 'By name alone.' }), crossings: z.array(texts).readonly(), from }),
    metrics: z.strictObject({
      absolute: z.array(z.strictObject({ metric: z.string(), min: z.number().nullable(), max: z.number().nullable() })).readonly(),
      comparison: z.strictObject({ metric: z.string(), minimumGain: z.number(), by: z.string() }),
      threshold: z.number().nullable().meta({ description: 'The probability from which a decision is 1; null for regression.' }),
      confidence: z.number().meta({ description: 'Of intervals and comparisons.' }), from,
    }),
    evaluationData: z.strictObject({ ...rows, heldOut: heldOut.nullable(), from }).nullable(),
    trainingData: z.strictObject({ ...rows, source: versionDetailSchema.shape.data.shape.source, joins: versionDetailSchema.shape.data.shape.joins, columns: texts, asOf: instant, from }).nullable(),
    quantitativeAnalyses: z.strictObject({ evaluation: evaluationSchema, from }).nullable().meta({ description: 'Metrics with intervals, slices, the comparison with the champion of then, the gate and fairness.' }),
    ethicalConsiderations: z.strictObject({
      risk: z.strictObject({
        points: z.int(), tier: z.string().meta({ description: 'That the answers come to; the model may have a higher one.' }),
        answers: z.array(z.strictObject({ question: z.string(), answer: z.string(), points: z.int() })).readonly(), from,
      }).nullable().meta({ description: 'Null where the spec states no use case.' }),
      approvals: z.strictObject({ items: z.array(approvalSchema.omit({ links: true, workflowId: true }).extend({ link: path })).readonly(), from }),
    }),
    production: z.strictObject({
      windows: z.strictObject({
        pass: z.int(), fail: z.int(), inconclusive: z.int(),
        last: z.strictObject({ from: instant, until: instant, verdict: z.enum(['pass', 'fail', 'inconclusive']), findings: texts, assessedAt: instant, link: path }).nullable(), from,
      }).meta({ description: 'In which the version answered most rows.' }),
      alarms: z.strictObject({ open: z.array(z.strictObject({ id: z.uuid(), kind: z.enum(ALARM_KINDS), severity: z.enum(SEVERITIES), summary: z.string(), raisedAt: instant, link: path })).readonly(), from }),
      retrains: z.strictObject({ items: z.array(z.strictObject({ number: z.int(), trigger: z.string(), outcome: z.string().nullable(), reason: z.string().nullable(), requestedAt: instant, link: path })).readonly(), from }),
    }),
    caveats: z.strictObject({
      features: z.array(z.strictObject({
        name: z.string(), type: z.enum(['number', 'category']), min: z.number().nullable(), max: z.number().nullable(), categories: z.int().nullable().meta({ description: 'How many the spec lists.' }),
        maxMissing: z.number(), maxUnknown: z.number().nullable(), sensitive: z.boolean().meta({ description: 'Its bounds are not shown.' }),
      })).readonly(),
      minimumRows: z.strictObject({ training: z.int(), evaluation: z.int() }),
      labelHorizon: z.string(), maxStaleness: z.string(), from,
    }),
  })
  .meta({ id: 'ModelCard', description: 'Made from the record when it is asked for. Sections after Mitchell et al., Model Cards for Model Reporting (2019), https://doi.org/10.1145/3287560.3287596; each part says where it comes from.' });
export type ModelCard = z.output<typeof cardSchema>;

export function modelCard(facts: CardFacts, madeAt: Date): ModelCard {
  const { model: { name }, routing: { deployment }, origins } = facts;
  const lineage = origins && versionDetail(origins);
  return {
    model: name, deployment, madeAt: madeAt.toISOString(),
    details: detailsOf(facts, lineage), ...planParts(facts), ...dataParts(lineage),
    quantitativeAnalyses: lineage?.evaluation ? { evaluation: lineage.evaluation, from: { path: `/v1/models/${name}/evaluations`, digest: null } } : null,
    ethicalConsiderations: { risk: riskOf(facts), approvals: approvalsOf(facts) },
    production: productionOf(facts),
  };
}

function detailsOf({ model, routing, change }: CardFacts, lineage: VersionDetail | null): ModelCard['details'] {
  const base = `/v1/models/${model.name}`;
  const { owner, tier, task, registeredBy, registeredAt, specDigest } = model;
  return {
    inventory: { owner, tier, task, registeredBy, registeredAt: registeredAt.toISOString(), specInForce: specDigest, from: { path: base, digest: null } },
    version: lineage && {
      number: lineage.version, status: lineage.status, retrain: lineage.retrain, requestedBy: lineage.requested.by, createdAt: lineage.createdAt, specDigest: lineage.specDigest,
      artifactDigest: lineage.artifactDigest, artifactBytes: lineage.artifactBytes, from: { path: lineage.links.self, digest: lineage.artifactDigest },
    },
    service: change && {
      epoch: change.epoch, since: change.changedAt.toISOString(), by: change.actor, reason: change.reason, challengers: routing.challengers, from: { path: `${base}/champion?deployment=${routing.deployment}`, digest: null },
    },
    training: lineage && { ...lineage.training, seconds: secondsOf(lineage.training), from: { path: lineage.links.self, digest: lineage.training.codeDigest } },
  };
}

const secondsOf = ({ startedAt, finishedAt }: VersionDetail['training']): number | null => (finishedAt === null ? null : (Date.parse(finishedAt) - Date.parse(startedAt)) / 1_000);

/** What the spec says that the version was made under. */
function planParts(facts: CardFacts): Pick<ModelCard, 'intendedUse' | 'factors' | 'metrics' | 'caveats'> {
  const { purpose, task, data, useCase, fairness, evaluation, gates, training } = facts.spec;
  const from = specSource(facts);
  return {
    intendedUse: {
      purpose, businessCase: useCase?.businessCase ?? null, success: useCase?.success ?? [], regulations: useCase?.regulations ?? [], consumers: useCase?.consumers.map((one) => one.name) ?? [], outOfScope: null, from,
    },
    factors: { slices: evaluation.slices, protectedColumns: fairness?.groups ?? [], crossings: fairness?.crossings ?? [], from },
    metrics: {
      absolute: gates.absolute.map(({ metric, min = null, max = null }) => ({ metric, min, max })), comparison: gates.comparison,
      threshold: task === 'regression' ? null : evaluation.threshold, confidence: Number((1 - evaluation.alpha).toPrecision(12)), from,
    },
    caveats: {
      features: data.features.map((one) => {
        const sensitive = facts.sensitivity.columns.has(one.name);
        const { min = null, max = null } = one.type === 'number' && !sensitive ? one : {};
        const listed = one.type === 'category' ? { categories: one.categories.length, maxUnknown: one.maxUnknown } : { categories: null, maxUnknown: null };
        return { name: one.name, type: one.type, min, max, ...listed, maxMissing: one.maxMissing, sensitive };
      }),
      minimumRows: { training: training.minimumRows, evaluation: evaluation.minimumRows }, labelHorizon: data.labelHorizon, maxStaleness: data.maxStaleness, from,
    },
  };
}

const specSource = ({ model, specDigest }: CardFacts): ModelCard['intendedUse']['from'] => ({ path: `/v1/models/${model.name}/spec?digest=${specDigest}`, digest: specDigest });

function dataParts(lineage: VersionDetail | null): Pick<ModelCard, 'trainingData' | 'evaluationData'> {
  if (!lineage) return { trainingData: null, evaluationData: null };
  const { snapshotDigest, asOf, source, joins, columns, heldOut: held, train, evaluation } = lineage.data;
  const origin = { path: lineage.links.self, digest: snapshotDigest };
  return { evaluationData: { ...evaluation, heldOut: held, from: origin }, trainingData: { ...train, source, joins, columns: columns.map((one) => one.name), asOf, from: origin } };
}

function riskOf(facts: CardFacts): ModelCard['ethicalConsiderations']['risk'] {
  const risk = facts.spec.useCase?.risk;
  if (!risk) return null;
  const answers = (Object.keys(RISK_QUESTIONS) as RiskQuestion[]).map((question) => ({ question, answer: risk[question], points: (RISK_QUESTIONS[question] as readonly string[]).indexOf(risk[question]) }));
  return { ...riskScore(risk), answers, from: specSource(facts) };
}

const approvalsOf = ({ model: { name }, approvals }: CardFacts): ModelCard['ethicalConsiderations']['approvals'] => ({
  items: approvals.map((story) => ({ ...approvalFacts(story), link: approvalLink(name, story.approval.number) })), from: { path: `/v1/models/${name}/approvals`, digest: null },
});

function productionOf({ model: { name }, routing: { deployment }, windows: { last, ...counts }, alarms, retrains }: CardFacts): ModelCard['production'] {
  const base = `/v1/models/${name}`;
  return {
    windows: {
      ...counts,
      last: last && {
        from: last.fromEvent.toISOString(), until: last.untilEvent.toISOString(), verdict: last.verdict, findings: last.findings.map(({ message }) => message), assessedAt: last.assessedAt.toISOString(),
        link: `${base}/windows/${last.fromEvent.toISOString()}/assessment.html?deployment=${deployment}&revision=${last.revision}`,
      },
      from: { path: `${base}/windows/assessments?deployment=${deployment}`, digest: last?.reportDigest ?? null },
    },
    alarms: { open: alarms.map(({ id, kind, severity, summary, raisedAt }) => ({ id, kind, severity, summary, raisedAt: raisedAt.toISOString(), link: alarmLink(id) })), from: { path: `/v1/alarms?model=${name}&open=true`, digest: null } },
    retrains: {
      items: retrains.map(({ number, trigger, outcome, reason, requestedAt }) => ({ number, trigger, outcome, reason, requestedAt: requestedAt.toISOString(), link: `${base}/retrains/${number}` })),
      from: { path: `${base}/retrains`, digest: null },
    },
  };
}
