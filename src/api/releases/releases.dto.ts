import { z } from 'zod';
import { DEFAULT_DEPLOYMENT, deploymentWorkflowId } from '../../contracts/motion.js';
import { RELEASE_ACTIONS, RELEASE_OUTCOMES, RELEASE_STAGES, type ReleasePlan } from '../../contracts/releases.js';
import type { ComparisonAnalysis, ComparisonBlock } from '../../registry/entities/comparison.entity.js';
import type { Release, ReleaseStep } from '../../registry/entities/release.entity.js';
import { instant, instantOf, itemsOf, path, type TemporalLinks, temporalUrl, workflowId } from '../documentation/answer-fields.js';
import { deploymentName, integer, MAX_INTEGER, modelName, numberInUrl, text } from '../requests/fields.js';

export const releasePath = z.strictObject({ model: modelName, number: numberInUrl(1, MAX_INTEGER).meta({ description: 'The number of the release.' }) });
export type ReleasePath = z.output<typeof releasePath>;

export const steerPath = releasePath.extend({ action: z.enum(RELEASE_ACTIONS).meta({ description: '`pause` stops what goes forward, never what goes back; `abort` takes the version back where it answers already.' }) });
export type SteerPath = z.output<typeof steerPath>;

export const releaseRequest = z
  .strictObject({
    version: integer(1, MAX_INTEGER).meta({ description: 'A version that has passed its gate, or on which the gate could not decide.' }),
    deployment: deploymentName.default(DEFAULT_DEPLOYMENT),
    reason: text(2_000).meta({ description: 'Why, for the record.' }),
  })
  .meta({ id: 'ReleaseRequest' });
export type ReleaseRequest = z.output<typeof releaseRequest>;

export const steerRequest = z.strictObject({ reason: text(2_000).meta({ description: 'Why, for the record.' }) }).meta({ id: 'SteerRequest' });
export type SteerRequest = z.output<typeof steerRequest>;

export const releaseStartedSchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    version: z.int(),
    workflowId,
    temporalUrl,
    joined: z.boolean().meta({ description: 'True when the version was being released already.' }),
    commandId: z.uuid(),
    status: path.meta({ description: 'Where to follow it.' }),
  })
  .meta({ id: 'ReleaseStarted' });
export type ReleaseStarted = z.output<typeof releaseStartedSchema>;

export const steeredSchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    action: z.enum(RELEASE_ACTIONS),
    stage: z.enum(RELEASE_STAGES).meta({ description: 'Where the release stood when it was asked; an advance or abort is carried out by its workflow.' }),
    workflowId,
    temporalUrl,
    joined: z.boolean().meta({ description: 'True when this had been asked for already.' }),
    commandId: z.uuid(),
    status: path,
  })
  .meta({ id: 'ReleaseSteered' });
export type Steered = z.output<typeof steeredSchema>;

const figures = z.record(z.string(), z.unknown());

export const releaseSchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    deployment: z.string(),
    version: z.int(),
    retrain: z.int().nullable().meta({ description: 'The retrain whose gate passed the version; null where a person asked.' }),
    stage: z.enum(RELEASE_STAGES),
    step: z.int().nullable().meta({ description: 'Which of the plan\'s canary steps, from 0; null outside the canary.' }),
    percent: z.int().nullable().meta({ description: 'Share of the entities that the version answers in this step.' }),
    paused: z.boolean(),
    requested: z.enum(['advance', 'abort']).nullable().meta({ description: 'What a person asked for that is not done yet.' }),
    champion: z.int().nullable().meta({ description: 'What it is bound to, from when it leaves the queue.' }),
    epoch: z.int().nullable(),
    promotedEpoch: z.int().nullable(),
    outcome: z.enum(RELEASE_OUTCOMES).nullable().meta({ description: 'Null while it is open.' }),
    reason: z.string().nullable().meta({ description: 'One sentence with the numbers: why the outcome is what it is, or what the release waits for.' }),
    requestedBy: z.string(),
    requestedAt: instant,
    beganAt: instant.nullable(),
    since: instant.nullable().meta({ description: 'Wall time at which the present step began.' }),
    sinceEvent: instant.nullable().meta({ description: 'The same in event time; null while nothing was observed.' }),
    finishedAt: instant.nullable(),
    workflowId,
    links: z.strictObject({ self: path, model: path, version: path, temporal: temporalUrl }),
  })
  .meta({ id: 'Release' });
export type ReleaseAnswer = z.output<typeof releaseSchema>;

export const releaseListSchema = itemsOf(releaseSchema).meta({ id: 'ReleaseList' });

const step = z.strictObject({
  number: z.int(), stage: z.enum(RELEASE_STAGES), step: z.int().nullable(), action: z.string(), reason: z.string(), actor: z.string(),
  measurement: figures.nullable(), measurementDigest: z.string().nullable(), revision: z.int(), eventTime: instant.nullable(), takenAt: instant,
});
const block = z.strictObject({
  number: z.int(), from: instant, until: instant, samples: z.int(), missingLabels: z.int(), mirrored: figures, standing: figures, labelRevision: z.int().nullable(), recordedAt: instant,
});
const analysis = z.strictObject({
  number: z.int(), phase: z.enum(['rollout', 'watch']), kind: z.enum(['labelled', 'unlabelled']), revises: z.int().nullable(), planDigest: z.string(), from: instant, openedAt: instant, blocks: z.array(block),
});

export const releaseDetailSchema = releaseSchema
  .extend({
    specDigest: z.string(),
    commandId: z.uuid().nullable(),
    requestReason: z.string(),
    plan: figures.nullable().meta({ description: 'What was fixed before the first mirrored request.' }),
    planDigest: z.string().nullable(),
    failure: z.strictObject({ type: z.string(), message: z.string(), details: figures }).nullable(),
    latest: z.strictObject({ measurement: figures.nullable(), action: z.string(), reason: z.string(), at: instant }).nullable().meta({ description: 'The newest look, and what followed from it.' }),
    steps: z.array(step),
    analyses: z.array(analysis).meta({ description: 'Comparisons with their blocks of event time; one with changed labels revises an earlier one.' }),
    historyDigest: z.string().nullable(),
  })
  .meta({ id: 'ReleaseDetail' });
export type ReleaseDetail = z.output<typeof releaseDetailSchema>;

export const releaseLink = (model: string, number: number): string => `/v1/models/${model}/releases/${number}`;

const planOf = ({ plan }: Release): ReleasePlan | null => plan && (JSON.parse(plan.toString('utf8')) as ReleasePlan);

export function releaseAnswer(release: Release, temporal: TemporalLinks): ReleaseAnswer {
  const { model, number, version, step: index } = release;
  const id = deploymentWorkflowId(model, version);
  return {
    model, number, deployment: release.deployment, version, retrain: release.retrain, stage: release.stage, step: index,
    percent: index === null ? null : (planOf(release)?.canary.steps[index] ?? null), paused: release.paused, requested: release.wanted,
    champion: release.champion, epoch: release.epoch, promotedEpoch: release.promotedEpoch, outcome: release.outcome,
    reason: release.reason ?? release.latest?.reason ?? null, requestedBy: release.requestedBy, requestedAt: release.requestedAt.toISOString(),
    beganAt: instantOf(release.beganAt), since: instantOf(release.since), sinceEvent: instantOf(release.sinceEvent), finishedAt: instantOf(release.finishedAt), workflowId: id,
    links: { self: releaseLink(model, number), model: `/v1/models/${model}`, version: `/v1/models/${model}/versions/${version}`, temporal: temporal.of(id) },
  };
}

export interface ReleaseFacts {
  readonly release: Release;
  readonly steps: readonly ReleaseStep[];
  readonly analyses: readonly ComparisonAnalysis[];
  readonly blocks: readonly ComparisonBlock[];
}

export const releaseDetail = ({ release, steps, analyses, blocks }: ReleaseFacts, temporal: TemporalLinks): ReleaseDetail => ({
  ...releaseAnswer(release, temporal),
  specDigest: release.specDigest, commandId: release.commandId, requestReason: release.requestReason,
  plan: planOf(release) as Record<string, unknown> | null, planDigest: release.planDigest,
  failure: release.failure && { ...release.failure, details: { ...release.failure.details } },
  latest: release.latest && { ...release.latest, measurement: release.latest.measurement as Record<string, unknown> | null },
  steps: steps.map(stepAnswer),
  analyses: analyses.map((one) => analysisAnswer(one, blocks.filter(({ analysis: number }) => number === one.number))),
  historyDigest: release.historyDigest,
});

const stepAnswer = (one: ReleaseStep): z.output<typeof step> => ({
  number: one.number, stage: one.stage, step: one.step, action: one.action, reason: one.reason, actor: one.actor,
  measurement: one.measurement && (JSON.parse(one.measurement.toString('utf8')) as Record<string, unknown>), measurementDigest: one.measurementDigest,
  revision: one.revision, eventTime: instantOf(one.eventTime), takenAt: one.takenAt.toISOString(),
});

const analysisAnswer = (one: ComparisonAnalysis, blocks: readonly ComparisonBlock[]): z.output<typeof analysis> => ({
  number: one.number, phase: one.phase, kind: one.kind, revises: one.revises, planDigest: one.planDigest, from: one.fromEvent.toISOString(), openedAt: one.openedAt.toISOString(),
  blocks: blocks.map((entry) => ({
    number: entry.number, from: entry.fromEvent.toISOString(), until: entry.untilEvent.toISOString(), samples: entry.samples, missingLabels: entry.missingLabels,
    mirrored: { ...entry.mirrored }, standing: { ...entry.standing }, labelRevision: entry.labelRevision, recordedAt: entry.recordedAt.toISOString(),
  })),
});
