import { z } from 'zod';
import { FINDING_SEVERITIES } from '../../contracts/findings.js';
import { validationWorkflowId } from '../../contracts/motion.js';
import { SOUNDNESS_KEYS, SOUNDNESS_QUESTIONS, VALIDATION_CHECKS, VALIDATION_DECISIONS, VALIDATION_OUTCOMES } from '../../contracts/validations.js';
import { decideByChecks } from '../../lifecycle/validation-decision.js';
import { shownEnd } from '../../registry/approvals.repository.js';
import type { ValidationStory } from '../../registry/validations.repository.js';
import { approvalLink } from '../approvals/approvals.dto.js';
import { instant, instantOf, itemsOf, path, paused, pausedAnswer, type TemporalLinks, temporalUrl, workflowId } from '../documentation/answer-fields.js';
import { digest, text, time } from '../requests/fields.js';

const verdict = z.enum(['pass', 'fail', 'inconclusive', 'error']);
const answers = z.partialRecord(z.enum(SOUNDNESS_KEYS as unknown as [keyof typeof SOUNDNESS_QUESTIONS]), text(4_000).min(10, 'must be said in a sentence'));

const condition = z.strictObject({
  title: text(200),
  severity: z.enum(FINDING_SEVERITIES),
  owner: text(200).meta({ description: 'Who has to mend it.' }),
  dueAt: time.meta({ format: 'date-time', description: 'Wall time; to come.' }),
  evidenceNeeded: text(2_000).meta({ description: 'What must be shown for it to be closed.' }),
});

export const validationDecisionRequest = z
  .strictObject({
    decision: z.enum(VALIDATION_DECISIONS).meta({ description: '`conditional` lets it serve and opens findings.' }),
    reportDigest: digest.meta({ description: 'Of the report that was read: the decision is refused where there is another.' }),
    reason: text(2_000).meta({ description: 'Why, for the record.' }),
    answers: answers.default({}).meta({ description: `To the conceptual soundness questionnaire, which a high and a critical tier ask for: ${SOUNDNESS_KEYS.map((key) => `\`${key}\` (${SOUNDNESS_QUESTIONS[key]})`).join(' ')}` }),
    findings: z.array(condition).max(50).default([]).meta({ description: 'Of a conditional approval, one at least.' }),
  })
  .meta({ id: 'ValidationDecisionRequest' });
export type ValidationDecisionRequest = z.output<typeof validationDecisionRequest>;

const check = z.strictObject({ name: z.enum(VALIDATION_CHECKS), verdict, explanation: z.string() });

export const validationSchema = z
  .strictObject({
    model: z.string(),
    version: z.int(),
    tier: z.string(),
    deployment: z.string(),
    retrain: z.int(),
    specDigest: z.string(),
    waitsFor: z.enum(['checks', 'validator', 'approvers', 'promotion']).nullable().meta({ description: 'Who or what moves it; null once it has ended.' }),
    checks: z.array(check.extend({ at: instant })).readonly().meta({ description: 'Those that are done.' }),
    reportDigest: z.string().nullable().meta({ description: 'Null while checks are made.' }),
    decision: z
      .strictObject({
        choice: z.enum(VALIDATION_DECISIONS), reportDigest: z.string(), actor: z.string(), reason: z.string(), answers: z.record(z.string(), z.string()),
        findings: z.array(z.int()).readonly().meta({ description: 'Numbers of those that it opened.' }), at: instant,
      })
      .nullable(),
    approval: z.int().nullable().meta({ description: 'The approval of the version that followed; null where the tier asks for none, or before.' }),
    outcome: z.enum(VALIDATION_OUTCOMES).nullable().meta({ description: 'Null while it is open.' }),
    reason: z.string().nullable(),
    openedAt: instant,
    expiresAt: instant.meta({ description: 'Until when a validator has to decide; moved on by the pauses that are over.' }),
    paused: paused.nullable().meta({ description: 'Null while its time runs.' }),
    endedAt: instant.nullable(),
    workflowId,
    links: z.strictObject({ self: path, model: path, version: path, report: path.nullable(), page: path.nullable(), approval: path.nullable(), temporal: temporalUrl }),
  })
  .meta({ id: 'Validation' });
export type ValidationAnswer = z.output<typeof validationSchema>;

export const validationListSchema = itemsOf(validationSchema).meta({ id: 'ValidationList' });

export const validationReportSchema = z
  .strictObject({
    report: z.literal('perennial.validation/v1'),
    model: z.string(),
    version: z.int(),
    tier: z.string(),
    purpose: z.string(),
    owner: z.string(),
    retrain: z.int(),
    requestedBy: z.string(),
    artifact: z.string(),
    snapshot: z.string(),
    spec: z.string(),
    trainer: z.strictObject({ name: z.string(), code: z.string(), seed: z.int(), requirements: z.string().nullable() }),
    openedAt: instant,
    checks: z.array(check.extend({ figures: z.record(z.string(), z.unknown()).meta({ description: 'All that was measured, by the check; no value of a row.' }) })).readonly(),
    verdict: verdict.meta({ description: 'The gravest of the checks.' }),
    decidedBy: z.string(),
    questions: z.record(z.string(), z.string()).meta({ description: 'Asked of the validator; empty where the tier asks for none.' }),
  })
  .meta({ id: 'ValidationReport', description: 'Generated from the evidence; its digest is that of its canonical JSON.' });

export const validationDecidedSchema = z
  .strictObject({
    model: z.string(),
    version: z.int(),
    decision: z.enum(VALIDATION_DECISIONS),
    approval: z.int().nullable().meta({ description: 'The approval that approvers vote on now; null where the tier asks for none.' }),
    findings: z.array(z.int()).readonly(),
    commandId: z.uuid(),
    status: path,
  })
  .meta({ id: 'ValidationDecided' });
export type ValidationDecided = z.output<typeof validationDecidedSchema>;

export const validationLink = (model: string, version: number): string => `/v1/models/${model}/versions/${version}/validation`;

export function validationAnswer(story: ValidationStory, temporal: TemporalLinks): ValidationAnswer {
  const { model, version } = story.validation;
  const facts = validationFacts(story);
  const self = validationLink(model, version);
  const id = validationWorkflowId(model, version);
  return {
    ...facts, workflowId: id,
    links: {
      self, model: `/v1/models/${model}`, version: `/v1/models/${model}/versions/${version}`, report: story.report && `${self}/report`, page: story.report && `${self}/report.html`,
      approval: facts.approval === null ? null : approvalLink(model, facts.approval), temporal: temporal.of(id),
    },
  };
}

/** What is on record of a validation. */
export function validationFacts(story: ValidationStory): Omit<ValidationAnswer, 'links' | 'workflowId'> {
  const { validation, checks, report, decision, approval, end, term } = story;
  const { model, version, tier, deployment, retrain, specDigest, openedAt } = validation;
  return {
    model, version, tier, deployment, retrain, specDigest, waitsFor: end ? null : waitsFor(story),
    checks: checks.map(({ name, verdict: said, explanation, at }) => ({ name, verdict: said, explanation, at: at.toISOString() })), reportDigest: report?.digest ?? null,
    decision: decision && { choice: decision.choice, reportDigest: decision.reportDigest, actor: decision.actor, reason: decision.reason, answers: { ...decision.answers }, findings: decision.findings, at: decision.at.toISOString() },
    approval: approval?.approval.number ?? null, outcome: end?.outcome ?? null, reason: shownEnd(story),
    openedAt: openedAt.toISOString(), expiresAt: term.expiresAt.toISOString(), paused: end ? null : pausedAnswer(term.paused), endedAt: instantOf(end?.at ?? null),
  };
}

function waitsFor({ validation, checks, report, decision, approval }: ValidationStory): ValidationAnswer['waitsFor'] {
  if (decision) return approval && !approval.end ? 'approvers' : 'promotion';
  // Of a low tier the checks decide, a moment after the report.
  return report && !decideByChecks(validation.tier, checks) ? 'validator' : 'checks';
}
