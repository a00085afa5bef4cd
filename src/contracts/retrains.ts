import type { FailureDetails, FailureType } from './failures.js';
import type { AutomaticTrigger } from './retraining-decisions.js';
import type { Verdict } from './verdict.js';

/** A person's or a caller's request, or what monitoring decided on. */
export type RetrainTrigger = 'request' | AutomaticTrigger;

/** The steps of a retrain, in their order. */
export const RETRAIN_STAGES = ['requested', 'snapshot', 'validate', 'train', 'admit', 'score', 'gate', 'promote', 'finished'] as const;
export type RetrainStage = (typeof RETRAIN_STAGES)[number];

/**
 * `promoted`: the candidate answers now. `rejected`, `inconclusive`: the gate did not pass it.
 * `aborted`: the champion moved meanwhile. `failed`: a step could not be done; the failure says why.
 * `releasing`: the gate passed it, and a release brings it into service step by step. `validating`: the gate passed it, and its validation decides.
 */
export type RetrainOutcome = 'promoted' | 'releasing' | 'validating' | 'rejected' | 'inconclusive' | 'aborted' | 'failed' | 'cancelled' | 'terminated' | 'abandoned';

/** `candidate`: not yet deployed; `champion`: answers now; `retired`: has answered; `rejected`: did not pass its gate. */
export type VersionStatus = 'candidate' | 'champion' | 'retired' | 'rejected' | 'sentBack' | 'abandoned';

export type ChampionChangeReason = 'promotion' | 'rollback';

export interface StoredFailure {
  readonly type: FailureType;
  readonly message: string;
  readonly details: FailureDetails;
}

/** What names a retrain everywhere. */
export interface RetrainId {
  readonly model: string;
  readonly number: number;
}

/** What the `retrain` workflow needs to know of the spec. */
export interface RetrainPlan {
  readonly tier: string;
  readonly deployment: string;
  readonly trigger: RetrainTrigger;
  readonly requestedBy: string;
  readonly trainingTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  /** Set when it has ended already, so that a rebuilt workflow has nothing to do. */
  readonly outcome: RetrainOutcome | null;
}

export interface SnapshotSummary {
  readonly digest: string;
  readonly trainRows: number;
  readonly evaluationRows: number;
}

export interface TrainingSummary {
  readonly modelDigest: string;
  readonly device: string;
  readonly attempts: number;
}

export interface ScoreSummary {
  readonly version: number;
  readonly championVersion: number | null;
  readonly epoch: number;
  readonly rows: number;
  /** The measurements (`EvaluationResult`), an artifact. */
  readonly resultDigest: string;
}

export interface GateSummary {
  readonly verdict: Verdict;
  /** One sentence with the numbers that decided. */
  readonly reason: string;
  /** How the candidate stands to the exit of development (lifecycle/development-exit.ts); results of before lack it. */
  readonly development?: DevelopmentStand;
}

/** The exit of development in short: without the explanations, which can name groups of people. */
export interface DevelopmentStand {
  readonly verdict: Verdict;
  readonly criteria: readonly { readonly name: string; readonly verdict: Verdict }[];
}

/** What becomes of a candidate that its gate passed: the champion, or a release of that number; of a governed model first a validation. */
export type CandidateStart =
  | { readonly validating: true }
  | ({ readonly release: null } & PromotionSummary)
  /** `superseded`: workflows of the releases whose place it took. */
  | { readonly release: number; readonly superseded?: readonly string[] };

export interface PromotionSummary {
  readonly epoch: number;
  readonly revision: number;
}

export interface RollbackId {
  readonly model: string;
  readonly deployment: string;
  readonly fromEpoch: number;
}
