import { z } from 'zod';
import { APPROVAL_OUTCOMES } from '../../contracts/approvals.js';
import { EVIDENCE_CLASSES, RETIREMENT_ANSWERS, RETIREMENT_CALLED_OFF, RETIREMENT_STATES, RETIREMENT_TRIGGERS, RETIREMENT_WAIVERS, retirementState } from '../../contracts/retirements.js';
import { retirementWorkflowId } from '../../contracts/motion.js';
import type { RetirementDeletion } from '../../registry/entities/retirement.entity.js';
import type { HoldStory } from '../../registry/legal-holds.repository.js';
import type { RetirementStory } from '../../registry/retirements.repository.js';
import { approvalLink } from '../approvals/approvals.dto.js';
import { instant, itemsOf, path, type TemporalLinks, temporalUrl, workflowId } from '../documentation/answer-fields.js';
import { integer, MAX_INTEGER, modelName, numberInUrl, text } from '../requests/fields.js';

export const RETIREMENT_OUTCOMES = [...RETIREMENT_STATES, ...RETIREMENT_CALLED_OFF] as const;

const reason = text(2_000).meta({ description: 'Why, for the record.' });

export const retireRequest = z
  .strictObject({
    trigger: z.enum(RETIREMENT_TRIGGERS).meta({ description: 'Another model took its place, it does harm, nobody asks it, or a rule demands it.' }),
    replacement: modelName.nullable().default(null).meta({ description: 'The registered model to ask instead; answers and the 410 name it.' }),
    answers: z.enum(RETIREMENT_ANSWERS).nullable().default(null).meta({
      description: 'How long it answers: until its consumers have confirmed (and nobody has asked for `retirement.quiet`, where the spec states it), or until its approval. Left out: `untilApproved` for `harmful` and `regulation`, `untilDrained` otherwise.',
    }),
    reason,
  })
  .meta({ id: 'RetireRequest' });
export type RetireRequest = z.output<typeof retireRequest>;

export const reasonRequest = z.strictObject({ reason }).meta({ id: 'ReasonForRetirement' });
export type ReasonRequest = z.output<typeof reasonRequest>;

export const confirmationRequest = z
  .strictObject({ consumer: text(200).meta({ description: "The consumer's name, as the spec has it." }), said: text(2_000).meta({ description: 'What they answered.' }) })
  .meta({ id: 'RetirementConfirmation' });
export type ConfirmationRequest = z.output<typeof confirmationRequest>;

export const waiverRequest = z
  .strictObject({
    waives: z.enum(RETIREMENT_WAIVERS).meta({ description: '`confirmations`: goes on without consumers whose time is over. `drain`: goes on before the traffic has ended.' }),
    reason,
  })
  .meta({ id: 'RetirementWaiver' });
export type WaiverRequest = z.output<typeof waiverRequest>;

export const holdPath = z.strictObject({ model: modelName, hold: numberInUrl(1, MAX_INTEGER).meta({ description: 'The number of the legal hold.' }) });
export type HoldPath = z.output<typeof holdPath>;

export const retirementChangedSchema = z
  .strictObject({
    model: z.string(),
    number: integer(1, MAX_INTEGER),
    approval: z.strictObject({ number: z.int(), outcome: z.enum(APPROVAL_OUTCOMES).nullable() }).nullable().meta({ description: 'The approval that was opened; null where none was.' }),
    missing: z.array(z.string()).readonly().nullable().meta({ description: 'Consumers that have not confirmed, after a confirmation.' }),
    workflowId,
    temporalUrl,
    commandId: z.uuid(),
    status: path,
  })
  .meta({ id: 'RetirementChanged' });
export type RetirementChanged = z.output<typeof retirementChangedSchema>;

export const retirementSchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    state: z.enum(RETIREMENT_OUTCOMES).meta({ description: '`requested`: its approval is open; `deprecated`: approved, the model answers until its consumers have moved; `retiring`: no prediction begins; `retired`: every gateway answers 410. One that was called off has no effect any more.' }),
    trigger: z.enum(RETIREMENT_TRIGGERS),
    replacement: z.string().nullable(),
    reason: z.string(),
    digest: z.string().meta({ description: 'Of what is approved.' }),
    requestedBy: z.string(),
    requestedAt: instant,
    answers: z.enum(RETIREMENT_ANSWERS),
    consumers: z.array(z.strictObject({ name: z.string(), contact: z.string(), confirmedAt: instant.nullable(), said: z.string().nullable(), recordedBy: z.string().nullable() })),
    steps: z.array(z.strictObject({ step: z.string(), actor: z.string(), at: instant, details: z.record(z.string(), z.unknown()) })).meta({ description: 'In the order in which they were taken.' }),
    evidence: z.array(z.strictObject({ class: z.enum(EVIDENCE_CLASSES), keptUntil: instant.nullable().meta({ description: 'Null before it has stopped.' }), gone: z.boolean(), deleted: z.int(), kept: z.int() })),
    heldBy: z.array(z.int()).meta({ description: 'Numbers of the legal holds in force.' }),
    certificate: z.strictObject({ edition: z.int(), at: instant, json: z.string(), html: z.string() }).nullable().meta({ description: 'The newest edition, with the digests of both files.' }),
    workflowId,
    links: z.strictObject({ self: path, model: path, approval: path, certificate: path.nullable(), temporal: temporalUrl }),
  })
  .meta({ id: 'Retirement' });
export type RetirementAnswer = z.output<typeof retirementSchema>;

export const certificateSchema = z.looseObject({ format: z.literal('perennial-retirement/1'), model: z.string(), number: z.int(), edition: z.int() }).meta({ id: 'RetirementCertificate', description: 'Who approved, when traffic ended, the archive, its drill, and what was deleted or is kept until when; docs/LIFECYCLE.md describes it.' });
export type CertificateAnswer = z.output<typeof certificateSchema>;

export const holdSchema = z
  .strictObject({
    model: z.string(), number: z.int(), reason: z.string(), setBy: z.string(), setAt: instant,
    lifted: z.strictObject({ by: z.string(), at: instant, reason: z.string() }).nullable().meta({ description: 'Null while it is in force.' }),
  })
  .meta({ id: 'LegalHold' });
export type HoldAnswer = z.output<typeof holdSchema>;
export const holdListSchema = itemsOf(holdSchema).meta({ id: 'LegalHoldList' });

export const holdChangedSchema = z.strictObject({ model: z.string(), hold: z.int(), commandId: z.uuid(), status: path }).meta({ id: 'LegalHoldChanged' });
export type HoldChanged = z.output<typeof holdChangedSchema>;

export const retirementLink = (model: string): string => `/v1/models/${model}/retirement`;
export const holdsLink = (model: string): string => `/v1/models/${model}/legal-holds`;

export function retirementAnswer({ retirement, steps, confirmations, certificates }: RetirementStory, deletions: readonly RetirementDeletion[], heldBy: number[], temporal: TemporalLinks): RetirementAnswer {
  const { model, number, trigger, replacement, reason: why, digest, requestedBy, requestedAt, terms, approval } = retirement;
  const at = (wanted: string): Date | undefined => steps.find(({ step }) => step === wanted)?.at;
  const stopped = at('stopped');
  const [certificate] = certificates;
  return {
    model, number, state: retirementOutcome(steps), trigger, replacement, reason: why, digest, requestedBy, requestedAt: requestedAt.toISOString(), answers: terms.answers,
    consumers: terms.consumers.map(({ name, contact }) => {
      const said = confirmations.find(({ consumer }) => consumer === name);
      return { name, contact, confirmedAt: said?.at.toISOString() ?? null, said: said?.said ?? null, recordedBy: said?.actor ?? null };
    }),
    steps: steps.map((step) => ({ step: step.step, actor: step.actor, at: step.at.toISOString(), details: { ...step.details } })),
    evidence: EVIDENCE_CLASSES.map((evidence) => {
      const own = deletions.filter((one) => one.evidence === evidence);
      const count = (outcome: RetirementDeletion['outcome']): number => own.filter((one) => one.outcome === outcome).length;
      return { class: evidence, keptUntil: stopped ? new Date(stopped.getTime() + terms.keepMs[evidence]).toISOString() : null, gone: at(`deleted/${evidence}`) !== undefined, deleted: count('deleted'), kept: count('kept') };
    }),
    heldBy, certificate: certificate ? { edition: certificate.edition, at: certificate.at.toISOString(), json: certificate.jsonDigest, html: certificate.htmlDigest } : null, workflowId: retirementWorkflowId(model),
    links: {
      self: retirementLink(model), model: `/v1/models/${model}`, approval: approvalLink(model, approval), certificate: certificate ? `${retirementLink(model)}/certificate` : null, temporal: temporal.of(retirementWorkflowId(model)),
    },
  };
}

export function retirementOutcome(steps: RetirementStory['steps']): (typeof RETIREMENT_OUTCOMES)[number] {
  const taken = new Set<string>(steps.map(({ step }) => step));
  return RETIREMENT_CALLED_OFF.find((step) => taken.has(step)) ?? retirementState(taken);
}

export const holdAnswer = ({ hold, lift }: HoldStory): HoldAnswer => ({
  model: hold.model, number: hold.number, reason: hold.reason, setBy: hold.setBy, setAt: hold.setAt.toISOString(), lifted: lift && { by: lift.liftedBy, at: lift.liftedAt.toISOString(), reason: lift.reason },
});
