import type { ApprovalStanding } from './approvals.js';
import type { StagePause } from './stages.js';

/** Why a model leaves: another took its place, it does harm, nobody asks it, or a rule demands it. */
export const RETIREMENT_TRIGGERS = ['replaced', 'harmful', 'unused', 'regulation'] as const;
export type RetirementTrigger = (typeof RETIREMENT_TRIGGERS)[number];

/** When a model whose retirement is approved begins to retire, and answers no more: when its consumers have moved and it is quiet, or at once. */
export const RETIREMENT_ANSWERS = ['untilDrained', 'untilApproved'] as const;
export type RetirementAnswers = (typeof RETIREMENT_ANSWERS)[number];

/** Kinds of evidence that are kept for a time of their own. The record itself is kept for ten years, and nothing here deletes of it. */
export const EVIDENCE_CLASSES = ['predictions', 'labels', 'snapshots', 'artifacts', 'reports'] as const;
export type EvidenceClass = (typeof EVIDENCE_CLASSES)[number];

/**
 * What is on record of a retirement's course, each at most once. It ends with `rejected`, `expired` or `withdrawn`, and the model goes on, or with `deleted`. `told`: its
 * consumers; `waived`: the owner goes on without their word; `forced`: without waiting for quiet; `stopped`: no prediction begins any more; `drained`: every
 * gateway has followed, and answers 410.
 */
export const RETIREMENT_STEPS = ['approved', 'rejected', 'expired', 'withdrawn', 'told', 'waived', 'confirmed', 'forced', 'stopped', 'drained', 'archived', 'drilled', 'deleted'] as const;
export type RetirementStepName = (typeof RETIREMENT_STEPS)[number];
/** A class of evidence was gone through. */
export type EvidenceStepName = `deleted/${EvidenceClass}`;
export const RETIREMENT_CALLED_OFF = ['rejected', 'expired', 'withdrawn'] as const satisfies readonly RetirementStepName[];

/** What an owner may go on without, with a reason on record: the word of consumers, once its time is over, or the end of the traffic. */
export const RETIREMENT_WAIVERS = ['confirmations', 'drain'] as const;
export type RetirementWaiver = (typeof RETIREMENT_WAIVERS)[number];

export interface RetirementId {
  readonly model: string;
  /** Of the model, from 1. */
  readonly number: number;
}

/** Who uses the answers, and how they are told. */
export interface Consumer {
  readonly name: string;
  readonly contact: string;
}

/** What the spec in force said when the retirement was asked for. Durations in milliseconds of wall time. */
export interface RetirementTerms {
  readonly answers: RetirementAnswers;
  readonly consumers: readonly Consumer[];
  /** For so long nobody has to have asked before it retires; 0: its consumers' word is enough. */
  readonly quietMs: number;
  /** Bytes that were put again so shortly before are not deleted. What earlier releases stored lacks it: `quietMs` was meant. */
  readonly graceMs?: number;
  readonly confirmWithinMs: number;
  readonly remindEveryMs: number;
  /** How long each class is kept after the model stopped answering. */
  readonly keepMs: Readonly<Record<EvidenceClass, number>>;
}

/**
 * Where a retirement that was not called off stands. `requested`: its approval is open; `deprecated`: approved, the model still answers, until its consumers have moved; `retiring`:
 * no prediction begins, gateways drain; `retired`: all of them answer 410. No retrain begins in any.
 */
export const RETIREMENT_STATES = ['requested', 'deprecated', 'retiring', 'retired'] as const;
export type RetirementState = (typeof RETIREMENT_STATES)[number];

/** @param taken steps on record */
export function retirementState(taken: ReadonlySet<string>): RetirementState {
  if (taken.has('stopped')) return taken.has('drained') || taken.has('archived') ? 'retired' : 'retiring';
  return taken.has('approved') ? 'deprecated' : 'requested';
}

/** What a deployment does whose model leaves: it still answers, or not any more. */
export interface RetirementService {
  readonly state: 'deprecated' | 'retired';
  /** The model to ask instead. */
  readonly replacement: string | null;
}

/** What comes next, by the record. Times in milliseconds since 1970. */
export type RetirementMove =
  | { readonly action: 'awaitApproval' }
  | { readonly action: 'callOff'; readonly step: 'rejected' | 'expired' }
  | { readonly action: 'record'; readonly step: 'approved' | 'told' | 'confirmed' | 'drained' | 'stopped' | 'deleted' }
  | { readonly action: 'awaitConfirmations'; readonly missing: readonly string[]; readonly deadlineMs: number; readonly overdue: boolean }
  /** `atMs`: when it will have been quiet for long enough, if nobody asks. */
  | { readonly action: 'awaitQuiet'; readonly atMs: number }
  | { readonly action: 'archive' }
  | { readonly action: 'drill' }
  | { readonly action: 'certify' }
  | { readonly action: 'delete'; readonly evidence: EvidenceClass }
  /** `atMs` null: a legal hold has to be lifted first. */
  | { readonly action: 'awaitDeletion'; readonly atMs: number | null }
  | { readonly action: 'over'; readonly outcome: 'rejected' | 'expired' | 'withdrawn' | 'retired' };

/** Where a retirement stands. */
export interface RetirementStanding extends RetirementId {
  readonly tier: string;
  readonly owner: string;
  readonly trigger: RetirementTrigger;
  readonly replacement: string | null;
  readonly terms: RetirementTerms;
  readonly confirmed: readonly string[];
  /** When each step was taken, milliseconds since 1970. */
  readonly steps: Readonly<Partial<Record<RetirementStepName, number>>>;
  readonly approval: ApprovalStanding;
  readonly move: RetirementMove;
  /** No step is taken while it is paused. What earlier releases read lacks it. */
  readonly paused?: StagePause | null;
  /** Workflows that look at the record again when it is approved or called off. What earlier releases read lacks them. */
  readonly tells?: readonly string[];
  /** As gateways have to follow them. What earlier releases read lacks them. */
  readonly routings?: readonly StoppedRouting[];
}

/** A routing that a step changed, which gateways have to follow. */
export interface StoppedRouting {
  readonly deployment: string;
  readonly revision: number;
}

/** What the drill found: the archive, restored into an empty folder and held against its manifest, digest by digest. */
export interface DrillOutcome {
  readonly verdict: 'pass' | 'fail';
  readonly files: number;
  readonly bytes: number;
  /** Versions that were scored on the rows that their trainers had answered. */
  readonly scored: readonly { readonly version: number; readonly rows: number; readonly worstDifference: number }[];
  /** Versions that could not be scored, and why: their rows are not kept any more. */
  readonly unscored: readonly { readonly version: number; readonly reason: string }[];
  readonly reason: string;
}

/** The key of the word to one consumer. */
export const retirementNoticeKey = ({ model, number }: RetirementId, consumer: string): string => `retirement/${model}/${number}/${consumer}`;
export const retirementHeldKey = ({ model, number }: RetirementId): string => `retirement/${model}/${number}/held`;
