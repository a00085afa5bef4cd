import type { StagePause } from './stages.js';

/** How many have to agree: nobody (`none`), so many of whom nobody objects (`each`), or a committee of which so many have voted and more than half of them agree (`majority`). */
export type ApprovalRule =
  | { readonly kind: 'none' }
  | { readonly kind: 'each'; readonly approvals: number }
  | { readonly kind: 'majority'; readonly quorum: number };

/** What can be approved: a use case by the spec that states it, a version that was validated, and that a model is taken out of service for good. */
export const APPROVAL_KINDS = ['useCase', 'version', 'retirement'] as const;
export type ApprovalKind = (typeof APPROVAL_KINDS)[number];

export const VOTE_CHOICES = ['approve', 'reject', 'abstain'] as const;
export type VoteChoice = (typeof VOTE_CHOICES)[number];

/** `voided`: what it was about has changed. `sentBack`: to be mended or decided anew. `abandoned`: given up. */
export const APPROVAL_OUTCOMES = ['approved', 'rejected', 'expired', 'voided', 'sentBack', 'abandoned'] as const;
export type ApprovalOutcome = (typeof APPROVAL_OUTCOMES)[number];

export interface ApprovalId {
  readonly model: string;
  /** Of the model, from 1. */
  readonly number: number;
}

export interface CastVote {
  readonly actor: string;
  readonly choice: VoteChoice;
}

/** What an approval is about. */
export interface ApprovalSubject {
  readonly kind: ApprovalKind;
  readonly model: string;
  /** Of the kind `version`; null for the others. */
  readonly version: number | null;
}

/** Where an approval stands. Times in milliseconds since 1970. */
export interface ApprovalStanding extends ApprovalId, ApprovalSubject {
  /** Of what is to be approved; a vote names it. */
  readonly digest: string;
  readonly tier: string;
  readonly owner: string;
  /** Who may not vote, and why: `applied the spec`. What earlier releases read lacks it. */
  readonly barred?: Readonly<Record<string, string>>;
  readonly rule: ApprovalRule;
  readonly votes: readonly CastVote[];
  /** Moved on, like its end, by the pauses that are over. */
  readonly openedAtMs: number;
  readonly expiresAtMs: number;
  readonly remindEveryMs: number;
  /** Its time does not run while it is paused. What earlier releases read lacks it. */
  readonly paused?: StagePause | null;
  /** Null while it is open. */
  readonly outcome: ApprovalOutcome | null;
  readonly reason: string | null;
}

export interface ApprovalResult {
  readonly number: number;
  readonly outcome: ApprovalOutcome;
  readonly reason: string;
}

/** What is approved, as the subject of a sentence. */
export function subjectText({ kind, model, version }: ApprovalSubject): string {
  if (kind === 'version') return `Version ${version} of ${model}`;
  return kind === 'useCase' ? `The use case of ${model}` : `The retirement of ${model}`;
}

/** The key of the word to those who have to vote. */
export const approvalAlarmKey = ({ model, number }: ApprovalId): string => `approval/${model}/${number}`;

/** What a rule asks for, as a part of a sentence. */
export function ruleText(rule: ApprovalRule): string {
  if (rule.kind === 'none') return 'nobody has to vote';
  if (rule.kind === 'each') return rule.approvals === 1 ? 'one approver has to agree' : `${rule.approvals} approvers have to agree, and none may object`;
  return `${rule.quorum} members of the committee have to vote, and more than half of the votes, two at least, have to agree`;
}
