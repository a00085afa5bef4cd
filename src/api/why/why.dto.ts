import { z } from 'zod';
import { ALARM_KINDS, SEVERITIES } from '../../contracts/alarms.js';
import type { CommandBodies } from '../../contracts/commands.js';
import { DEFAULT_DEPLOYMENT } from '../../contracts/motion.js';
import { RELEASE_OUTCOMES, RELEASE_STAGES } from '../../contracts/releases.js';
import { RETIREMENT_TRIGGERS } from '../../contracts/retirements.js';
import type { Aftermath, Listed } from '../../registry/aftermath.js';
import type { Rollback } from '../../registry/entities/routing.entity.js';
import type { Explanation, Origins, ReleaseCourse } from '../../registry/explanations.repository.js';
import { alarmLink } from '../alarms/alarms.dto.js';
import { approvalFacts, approvalSchema } from '../approvals/approvals.dto.js';
import { changeAnswer, championChangeSchema } from '../champion/champion.dto.js';
import { instant, instantOf, path } from '../documentation/answer-fields.js';
import { findingAnswer, findingSchema } from '../findings/findings.dto.js';
import { goLiveAnswer, goLiveSchema, setUpAnswer, setUpSchema } from '../go-lives/go-lives.dto.js';
import { releaseLink } from '../releases/releases.dto.js';
import { RETIREMENT_OUTCOMES, retirementLink, retirementOutcome } from '../retirement/retirement.dto.js';
import { deploymentName, time } from '../requests/fields.js';
import { validationFacts, validationSchema } from '../validations/validations.dto.js';
import { versionDetail, versionDetailSchema } from '../versions/versions.dto.js';

export const whyQuery = z.strictObject({
  at: time.optional().meta({ format: 'date-time', description: 'Wall time: why the champion of then was it. Without it: why that of now is.' }),
  deployment: deploymentName.default(DEFAULT_DEPLOYMENT),
});
export type WhyQuery = z.output<typeof whyQuery>;

const figures = z.record(z.string(), z.unknown());
const entryIds = z.array(z.int()).readonly().meta({ description: 'Ids of the audit entries about it.' });
const listOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ total: z.int(), items: z.array(item).readonly().meta({ description: 'In their order; the first 100.' }) });

const retraining = z
  .strictObject({
    number: z.int(),
    requestedBy: z.string(),
    requestedAt: instant,
    reason: z.string().nullable().meta({ description: "The caller's words; null where none were given." }),
    trigger: z.string().meta({ description: '`request` where somebody asked; else what monitoring decided on.' }),
    outcome: z.string().nullable(),
    outcomeReason: z.string().nullable(),
    decision: z
      .strictObject({ window: z.strictObject({ from: instant, revision: z.int(), link: path }), because: z.string(), decidedAt: instant, digest: z.string() })
      .nullable()
      .meta({ description: 'Where monitoring asked: the decision, and the window after which it was made.' }),
    link: path,
  })
  .meta({ id: 'WhyRetrained' });

const step = z.strictObject({
  number: z.int(), action: z.string(), stage: z.enum(RELEASE_STAGES), step: z.int().nullable(), reason: z.string(), actor: z.string(), takenAt: instant, eventTime: instant.nullable(), measurementDigest: z.string().nullable(),
});

const course = z
  .strictObject({
    number: z.int(),
    requestedBy: z.string(),
    requestedAt: instant,
    reason: z.string(),
    champion: z.int().nullable().meta({ description: 'The version that it was compared with.' }),
    outcome: z.enum(RELEASE_OUTCOMES).nullable().meta({ description: 'Null while it is open.' }),
    outcomeReason: z.string().nullable(),
    planDigest: z.string().nullable().meta({ description: 'Of what was fixed before the first mirrored request.' }),
    steps: z.array(step).readonly(),
    decidedOn: figures.nullable().meta({ description: 'What had been measured when it was promoted; null before.' }),
    comparisons: z.array(z.strictObject({
      analysis: z.int(), phase: z.enum(['rollout', 'watch']), kind: z.enum(['labelled', 'unlabelled']), revises: z.int().nullable(),
      until: instant.nullable().meta({ description: 'Event time up to which pairs have entered; null before the first block.' }),
      standing: figures.nullable().meta({ description: 'Where it stands with its last block: pairs, gain, interval, outcome.' }),
    })).readonly(),
    link: path,
  })
  .meta({ id: 'WhyReleased' });

const rollbackSchema = z
  .strictObject({
    fromEpoch: z.int(), fromVersion: z.int(), toVersion: z.int(), requestedBy: z.string(), requestedAt: instant, reason: z.string(),
    outcome: z.enum(['done', 'aborted', 'failed', 'terminated']).nullable(), explanation: z.string().nullable(), finishedAt: instant.nullable(), link: path,
  })
  .meta({ id: 'WhyRolledBack' });

const counts = z.strictObject({ pass: z.int(), fail: z.int(), inconclusive: z.int() });

const since = z
  .strictObject({
    changes: listOf(championChangeSchema.extend({ entries: entryIds }).meta({ id: 'ChampionChangeSince' })),
    rollbacks: listOf(rollbackSchema.extend({ entries: entryIds }).meta({ id: 'RollbackSince' })),
    releases: listOf(z.strictObject({ number: z.int(), version: z.int(), requestedAt: instant, outcome: z.enum(RELEASE_OUTCOMES).nullable(), reason: z.string().nullable(), finishedAt: instant.nullable(), link: path, entries: entryIds })),
    retrains: listOf(z.strictObject({ number: z.int(), requestedBy: z.string(), requestedAt: instant, trigger: z.string(), outcome: z.string().nullable(), reason: z.string().nullable(), version: z.int().nullable(), finishedAt: instant.nullable(), link: path, entries: entryIds })),
    alarms: listOf(z.strictObject({
      id: z.uuid(), kind: z.enum(ALARM_KINDS), severity: z.enum(SEVERITIES), summary: z.string(), raisedAt: instant, endedAt: instant.nullable(), endedBecause: z.string().nullable(), link: path, entries: entryIds,
    })),
    quarantines: listOf(z.strictObject({ from: instant, because: z.string(), decidedAt: instant, released: z.strictObject({ by: z.string(), at: instant, reason: z.string() }).nullable(), entries: entryIds })),
    retirements: listOf(z.strictObject({
      number: z.int(), trigger: z.enum(RETIREMENT_TRIGGERS), replacement: z.string().nullable(), requestedBy: z.string(), requestedAt: instant, reason: z.string(), state: z.enum(RETIREMENT_OUTCOMES),
      stoppedAt: instant.nullable().meta({ description: 'From when on gateways answer 410.' }), link: path, entries: entryIds,
    })).meta({ description: 'Of the model, with all its deployments.' }),
    windows: z.strictObject({
      all: counts.meta({ description: 'The newest assessment of each window that was assessed since, whoever answered.' }),
      own: counts.meta({ description: 'Those in which this version answered most rows.' }),
      worst: z.strictObject({ from: instant, until: instant, verdict: z.string(), harm: z.boolean(), findings: z.array(z.string()).readonly(), link: path }).nullable()
        .meta({ description: 'Of those that failed or found harm, the one with harm, then the most findings, then the latest.' }),
    }),
  })
  .meta({ id: 'WhySince', description: 'What has happened in the deployment since, up to now; alarms also that ended since.' });

export const whySchema = z
  .strictObject({
    model: z.string(),
    deployment: z.string(),
    at: instant.meta({ description: 'The time that the answer is about.' }),
    askedAt: instant.meta({ description: 'When the record was read, all of it at one moment.' }),
    inventory: z.strictObject({ owner: z.string(), tier: z.string(), task: z.string(), purpose: z.string(), registeredBy: z.string(), registeredAt: instant })
      .meta({ description: 'As it was at the time: the spec then in force, and the owner also where somebody had taken the place of one who left.' }),
    version: z.int(),
    role: z.enum(['champion', 'challenger']),
    epoch: z.int(),
    since: instant.meta({ description: 'When the version became champion; of a challenger, when its release began.' }),
    until: instant.nullable().meta({ description: 'When the epoch ended, or the retirement of the model stopped it; null: it answers still.' }),
    replaced: z.int().nullable().meta({ description: 'The champion before; null for the first.' }),
    replacedBy: z.int().nullable(),
    stoppedBy: z.int().nullable().meta({ description: 'The retirement that ended it; null where another version took its place, and while it answers.' }),
    alsoAnswered: z.array(z.strictObject({
      version: z.int(), percent: z.number().meta({ description: 'Of the entities.' }), release: z.int(), step: z.int().meta({ description: "Which of the plan's canary steps, from 0." }),
      since: instant.meta({ description: 'When the step began.' }), link: path,
    })).readonly().meta({ description: 'Challengers that answered a share at the time, in the canary of their release, beside the version; mostly empty.' }),
    cameBy: z.enum(['gate', 'release', 'rollback', 'challenge']).meta({ description: '`gate`: promoted at once when its gate passed; `challenge`: it answers a share in a release.' }),
    change: championChangeSchema.meta({ description: 'The change of champion that began the epoch.' }),
    promotion: championChangeSchema.nullable().meta({ description: 'The change by which this version was promoted; an earlier one where a rollback brought it back, null for a challenger.' }),
    rollback: rollbackSchema.nullable(),
    release: course.nullable().meta({ description: 'Null where the gate alone promoted it.' }),
    retraining,
    spec: z.strictObject({ digest: z.string(), appliedBy: z.string(), appliedAt: instant, link: path }),
    approval: approvalSchema.omit({ links: true, workflowId: true }).nullable().meta({ description: 'By which the use case of that spec was approved when the retrain was asked for; null where it states none.' }),
    validation: validationSchema.omit({ links: true, workflowId: true }).nullable().meta({ description: 'Of the version: what was checked and who decided; null where the spec states no use case.' }),
    versionApproval: approvalSchema.omit({ links: true, workflowId: true }).nullable().meta({ description: 'By which the version was approved after its validation; null where its tier asks for none.' }),
    goLive: goLiveSchema.extend({ setUp: setUpSchema.nullable().meta({ description: 'What it had to have for that; null where a release brought it, which looks at every step.' }) }).meta({ id: 'WhyGoneLive' }).nullable()
      .meta({ description: 'That the version went live, and who confirmed it; null where the spec in force stated no use case, and of a challenger.' }),
    lineage: versionDetailSchema,
    findings: z.array(findingSchema).readonly().meta({ description: 'Those of the model that were open at the time, with what became of them since.' }),
    entries: z
      .array(z.strictObject({ id: z.int(), at: instant, actor: z.string(), action: z.string(), subject: z.string() }))
      .readonly()
      .meta({ description: 'The audit entries that tell it, in their order.' }),
    sinceThen: since,
  })
  .meta({ id: 'Why', description: 'Why a version answers: how it came there, on which evidence, from which data, and what has happened since.' });
export type WhyAnswer = z.output<typeof whySchema>;

export function whyAnswer(explanation: Explanation, at: Date | null, now: Date): WhyAnswer {
  const { model, facts, change, next, stopped, role, alsoAnswered, origins, promotion, course: release, rollback, goLive, setUp, findings, entries } = explanation;
  return {
    model: model.name, deployment: change.deployment, at: (at ?? now).toISOString(), askedAt: now.toISOString(),
    inventory: { ...facts, registeredBy: model.registeredBy, registeredAt: model.registeredAt.toISOString() },
    version: origins.version.number, role, epoch: change.epoch, since: (role === 'challenger' ? (release?.release.beganAt ?? change.changedAt) : change.changedAt).toISOString(), until: instantOf(next?.changedAt ?? stopped?.at ?? null),
    replaced: role === 'champion' ? change.previousVersion : null, replacedBy: next?.version ?? null, stoppedBy: next ? null : (stopped?.number ?? null),
    alsoAnswered: alsoAnswered.map(({ since, ...canary }) => ({ ...canary, since: since.toISOString(), link: releaseLink(model.name, canary.release) })), cameBy: cameBy(explanation), change: changeAnswer(change), promotion: promotion && changeAnswer(promotion),
    rollback: rollback && rollbackAnswer(rollback), release: release && courseAnswer(release), retraining: retrainingAnswer(origins),
    spec: { digest: origins.spec.digest, appliedBy: origins.spec.appliedBy, appliedAt: origins.spec.appliedAt.toISOString(), link: `/v1/models/${model.name}/spec?digest=${origins.spec.digest}` },
    approval: origins.approval && approvalFacts(origins.approval),
    validation: origins.validation && validationFacts(origins.validation),
    versionApproval: origins.versionApproval && approvalFacts(origins.versionApproval),
    goLive: goLive && { ...goLiveAnswer(goLive), setUp: setUp && setUpAnswer(setUp) },
    lineage: versionDetail(origins),
    findings: findings.map(findingAnswer),
    entries: entries.map((entry) => ({ ...entry, at: entry.at.toISOString() })),
    sinceThen: sinceAnswer(explanation.since),
  };
}

function cameBy({ role, change, course: release }: Explanation): WhyAnswer['cameBy'] {
  if (role === 'challenger') return 'challenge';
  if (change.reason === 'rollback') return 'rollback';
  return release ? 'release' : 'gate';
}

function retrainingAnswer({ retrain, request, decision }: Origins): WhyAnswer['retraining'] {
  const { reason } = JSON.parse(request.body.toString('utf8')) as CommandBodies['retrain'];
  return {
    number: retrain.number, requestedBy: retrain.requestedBy, requestedAt: retrain.requestedAt.toISOString(), reason, trigger: retrain.trigger, outcome: retrain.outcome, outcomeReason: retrain.reason,
    decision: decision && {
      window: { from: decision.fromEvent.toISOString(), revision: decision.revision, link: windowLink(decision) },
      because: decision.because, decidedAt: decision.decidedAt.toISOString(), digest: decision.decisionDigest,
    },
    link: retrainLink(retrain.model, retrain.number),
  };
}

function courseAnswer({ release, steps, analyses }: ReleaseCourse): NonNullable<WhyAnswer['release']> {
  const promoting = steps.find(({ action }) => action === 'promote')?.measurement;
  return {
    number: release.number, requestedBy: release.requestedBy, requestedAt: release.requestedAt.toISOString(), reason: release.requestReason, champion: release.champion,
    outcome: release.outcome, outcomeReason: release.reason, planDigest: release.planDigest,
    steps: steps.map(({ number, action, stage, step: index, reason, actor, takenAt, eventTime, measurementDigest }) =>
      ({ number, action, stage, step: index, reason, actor, takenAt: takenAt.toISOString(), eventTime: instantOf(eventTime), measurementDigest })),
    decidedOn: promoting ? (JSON.parse(promoting.toString('utf8')) as Record<string, unknown>) : null,
    comparisons: analyses.map(({ analysis: { number, phase, kind, revises }, last }) =>
      ({ analysis: number, phase, kind, revises, until: instantOf(last?.untilEvent ?? null), standing: last && { ...last.standing } })),
    link: releaseLink(release.model, release.number),
  };
}

const rollbackAnswer = (one: Rollback): NonNullable<WhyAnswer['rollback']> => ({
  fromEpoch: one.fromEpoch, fromVersion: one.fromVersion, toVersion: one.toVersion, requestedBy: one.requestedBy, requestedAt: one.requestedAt.toISOString(), reason: one.reason,
  outcome: one.outcome, explanation: one.explanation, finishedAt: instantOf(one.finishedAt), link: `/v1/models/${one.model}/rollbacks/${one.deployment}/${one.fromEpoch}`,
});

const answersOf = <T, A>({ total, items }: Listed<T>, answer: (one: T) => A): { total: number; items: (A & { entries: readonly number[] })[] } =>
  ({ total, items: items.map(({ of, entries }) => ({ ...answer(of), entries })) });

const sinceAnswer = ({ changes, rollbacks, releases, retrains, alarms, quarantines, retirements, windows }: Aftermath): WhyAnswer['sinceThen'] => ({
  changes: answersOf(changes, changeAnswer),
  rollbacks: answersOf(rollbacks, rollbackAnswer),
  releases: answersOf(releases, ({ model, number, version, requestedAt, outcome, reason, finishedAt }) =>
    ({ number, version, requestedAt: requestedAt.toISOString(), outcome, reason, finishedAt: instantOf(finishedAt), link: releaseLink(model, number) })),
  retrains: answersOf(retrains, ({ model, number, requestedBy, requestedAt, trigger, outcome, reason, version, finishedAt }) =>
    ({ number, requestedBy, requestedAt: requestedAt.toISOString(), trigger, outcome, reason, version, finishedAt: instantOf(finishedAt), link: retrainLink(model, number) })),
  alarms: answersOf(alarms, ({ alarm: { id, kind, severity, summary, raisedAt }, end }) =>
    ({ id, kind, severity, summary, raisedAt: raisedAt.toISOString(), endedAt: instantOf(end?.endedAt ?? null), endedBecause: end?.reason ?? null, link: alarmLink(id) })),
  quarantines: answersOf(quarantines, ({ decision, released }) =>
    ({ from: decision.fromEvent.toISOString(), because: decision.because, decidedAt: decision.decidedAt.toISOString(), released: released && { by: released.releasedBy, at: released.releasedAt.toISOString(), reason: released.reason } })),
  retirements: answersOf(retirements, ({ retirement: { model, number, trigger, replacement, requestedBy, requestedAt, reason }, steps }) =>
    ({ number, trigger, replacement, requestedBy, requestedAt: requestedAt.toISOString(), reason, state: retirementOutcome(steps), stoppedAt: instantOf(steps.find(({ step }) => step === 'stopped')?.at ?? null), link: retirementLink(model) })),
  windows: { all: windows.all, own: windows.own, worst: windows.worst && worstAnswer(windows.worst) },
});

const worstAnswer = (one: NonNullable<Aftermath['windows']['worst']>): NonNullable<WhyAnswer['sinceThen']['windows']['worst']> => ({
  from: one.fromEvent.toISOString(), until: one.untilEvent.toISOString(), verdict: one.verdict, harm: one.headline.harm?.alarm != null, findings: one.findings.map(({ message }) => message), link: windowLink(one),
});

const retrainLink = (model: string, number: number): string => `/v1/models/${model}/retrains/${number}`;
const windowLink = ({ model, deployment, fromEvent, revision }: { readonly model: string; readonly deployment: string; readonly fromEvent: Date; readonly revision: number }): string =>
  `/v1/models/${model}/windows/${fromEvent.toISOString()}/assessment?deployment=${deployment}&revision=${revision}`;
