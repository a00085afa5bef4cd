import { z } from 'zod';
import { APPROVAL_KINDS, APPROVAL_OUTCOMES, ruleText, VOTE_CHOICES } from '../../contracts/approvals.js';
import { approvalWorkflowId } from '../../contracts/motion.js';
import { type ApprovalStory, shownEnd } from '../../registry/approvals.repository.js';
import { instant, itemsOf, path, paused, pausedAnswer, type TemporalLinks, temporalUrl, workflowId } from '../documentation/answer-fields.js';
import { digest, MAX_INTEGER, modelName, numberInUrl, text } from '../requests/fields.js';

export const approvalPath = z.strictObject({ model: modelName, number: numberInUrl(1, MAX_INTEGER).meta({ description: 'The number of the approval.' }) });
export type ApprovalPath = z.output<typeof approvalPath>;

const reason = text(2_000).meta({ description: 'Why, for the record.' });

export const approvalRequest = z.strictObject({ reason }).meta({ id: 'ApprovalRequest' });
export type ApprovalRequest = z.output<typeof approvalRequest>;

export const voteRequest = z
  .strictObject({
    choice: z.enum(VOTE_CHOICES).meta({ description: 'Of a committee, who abstains counts for the quorum and among the votes of which more than half have to agree.' }),
    digest: digest.meta({ description: 'Of what was read: the vote is refused where something else is to be approved.' }),
    reason,
  })
  .meta({ id: 'VoteRequest' });
export type VoteRequest = z.output<typeof voteRequest>;

const outcome = z.enum(APPROVAL_OUTCOMES).nullable().meta({ description: 'Null while it waits for votes; `voided` where what it was about has changed, `sentBack` to be mended or decided anew, `abandoned` where it was given up.' });

export const approvalSchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    kind: z.enum(APPROVAL_KINDS).meta({ description: 'What is approved: a use case, a version that was validated, a retirement.' }),
    version: z.int().nullable().meta({ description: 'Of the kind `version`.' }),
    digest: z.string().meta({ description: 'Of what is approved; of a use case that of its spec.' }),
    evidence: z.record(z.string(), z.string()).meta({ description: 'Digests of what it rests on.' }),
    specDigest: z.string().meta({ description: 'The spec in force when it was opened.' }),
    tier: z.string(),
    rule: z.string().meta({ description: 'How many have to agree.', examples: ['one approver has to agree'] }),
    barred: z.record(z.string(), z.string()).meta({ description: 'Who may not vote, and what they did.', examples: [{ ann: 'applied the spec' }] }),
    openedAt: instant,
    expiresAt: instant.meta({ description: 'Moved on by the pauses that are over.' }),
    paused: paused.nullable().meta({ description: 'Null while its time runs.' }),
    votes: z.array(z.strictObject({ actor: z.string(), choice: z.enum(VOTE_CHOICES), reason: z.string(), at: instant })),
    outcome,
    reason: z.string().nullable(),
    decidedAt: instant.nullable(),
    workflowId,
    links: z.strictObject({ self: path, model: path, spec: path, temporal: temporalUrl }),
  })
  .meta({ id: 'Approval' });
export type ApprovalAnswer = z.output<typeof approvalSchema>;

export const approvalListSchema = itemsOf(approvalSchema).meta({ id: 'ApprovalList' });

export const approvalOpenedSchema = z
  .strictObject({ model: z.string(), number: z.int(), outcome, workflowId, temporalUrl, commandId: z.uuid(), status: path })
  .meta({ id: 'ApprovalOpened' });
export type ApprovalOpened = z.output<typeof approvalOpenedSchema>;

export const votedSchema = z
  .strictObject({
    model: z.string(),
    number: z.int(),
    choice: z.enum(VOTE_CHOICES),
    outcome: outcome.meta({ description: 'What the approval came to by this vote; null where it still waits.' }),
    reason: z.string().nullable(),
    commandId: z.uuid(),
    status: path,
  })
  .meta({ id: 'Voted' });
export type Voted = z.output<typeof votedSchema>;

export const approvalLink = (model: string, number: number): string => `/v1/models/${model}/approvals/${number}`;

export function approvalAnswer(story: ApprovalStory, temporal: TemporalLinks): ApprovalAnswer {
  const { model, number, specDigest } = story.approval;
  const id = approvalWorkflowId(story.approval);
  return {
    ...approvalFacts(story), workflowId: id,
    links: { self: approvalLink(model, number), model: `/v1/models/${model}`, spec: `/v1/models/${model}/spec?digest=${specDigest}`, temporal: temporal.of(id) },
  };
}

/** What is on record of an approval. */
export function approvalFacts(story: ApprovalStory): Omit<ApprovalAnswer, 'links' | 'workflowId'> {
  const { approval, votes, end, term } = story;
  const { kind, version, digest: approved, evidence, barred, model, number, specDigest, tier, rule, openedAt } = approval;
  return {
    model, number, kind, version, digest: approved, evidence, specDigest, tier, rule: ruleText(rule), barred, openedAt: openedAt.toISOString(), expiresAt: term.expiresAt.toISOString(), paused: end ? null : pausedAnswer(term.paused),
    votes: votes.map((vote) => ({ actor: vote.actor, choice: vote.choice, reason: vote.reason, at: vote.at.toISOString() })),
    outcome: end?.outcome ?? null, reason: shownEnd(story), decidedAt: end?.at.toISOString() ?? null,
  };
}
