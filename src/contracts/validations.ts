import type { ApprovalStanding } from './approvals.js';
import type { FindingRequest } from './findings.js';
import type { StagePause } from './stages.js';
import type { MetricName, Verdict } from './verdict.js';

/** What a version is examined for before it may serve, in this order; docs/LIFECYCLE.md says what each looks at. */
export const VALIDATION_CHECKS = ['outOfTime', 'admission', 'provenance', 'dependencies', 'documents', 'slices', 'fairness', 'sensitivity', 'stability'] as const;
export type ValidationCheckName = (typeof VALIDATION_CHECKS)[number];

/** What one check found. */
export interface CheckOutcome {
  readonly verdict: Verdict;
  /** One sentence, or a few, with the figures that decided. */
  readonly explanation: string;
  /** All that was measured; JSON, no value of a row. */
  readonly figures: Readonly<Record<string, unknown>>;
}

export interface ValidationCheck extends CheckOutcome {
  readonly name: ValidationCheckName;
}

/** What a validator can say: `conditional` lets it serve and opens findings. */
export const VALIDATION_DECISIONS = ['approve', 'conditional', 'reject'] as const;
export type ValidationDecision = (typeof VALIDATION_DECISIONS)[number];

/**
 * `promoted`, `releasing`: it was approved and is the champion, or a release brings it into service. `rejected`: by its checks, its validator or its approvers. `voided`: another spec was put in
 * force. `aborted`: the champion moved meanwhile. `failed`: it was approved and cannot be promoted. `sentBack`: to development, for rework. `abandoned`: given up.
 */
export const VALIDATION_OUTCOMES = ['promoted', 'releasing', 'rejected', 'expired', 'voided', 'aborted', 'failed', 'sentBack', 'abandoned'] as const;
export type ValidationOutcome = (typeof VALIDATION_OUTCOMES)[number];

/** The conceptual soundness questionnaire: a validator of a high or critical model answers each in words. */
export const SOUNDNESS_QUESTIONS = {
  method: 'Why does this method fit the purpose, and which simpler one was it held against?',
  assumptions: 'Which assumptions does it rest on, and where do they fail?',
  data: 'Do the training data stand for those whom it will judge, and what do they leave out?',
  features: 'Is each input sound: known at the time of the prediction, lawful to use, and related to the outcome for a reason?',
  limitations: 'What must it not be used for, and how would that be noticed?',
} as const;
export type SoundnessQuestion = keyof typeof SOUNDNESS_QUESTIONS;
export const SOUNDNESS_KEYS = Object.keys(SOUNDNESS_QUESTIONS) as readonly SoundnessQuestion[];
export type SoundnessAnswers = Readonly<Partial<Record<SoundnessQuestion, string>>>;

/** What a conditional approval asks to be mended. */
export type Condition = Omit<FindingRequest, 'version'>;

/** Of each version there is one at most. */
export interface ValidationId {
  readonly model: string;
  readonly version: number;
}

/** What a validation has to do next; decided from the record alone, so that its workflow can be started anew at any point. */
export type ValidationStep =
  | { readonly kind: 'check'; readonly check: ValidationCheckName }
  | { readonly kind: 'report' }
  /** The checks decide by themselves. */
  | { readonly kind: 'decide' }
  | { readonly kind: 'awaitValidator' }
  | { readonly kind: 'awaitApprovers' }
  | { readonly kind: 'promote' }
  | { readonly kind: 'end'; readonly outcome: ValidationOutcome; readonly reason: string }
  | { readonly kind: 'ended'; readonly outcome: ValidationOutcome; readonly reason: string };

/** Where a validation stands. Times in milliseconds since 1970. */
export interface ValidationStanding extends ValidationId {
  readonly tier: string;
  readonly owner: string;
  readonly deployment: string;
  /** That made the version. */
  readonly retrain: number;
  /** Who had a part in the version and may not validate it, and what they did. */
  readonly developers: Readonly<Record<string, string>>;
  /** Of the trainer, for the check of stability. */
  readonly trainingTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly step: ValidationStep;
  readonly checks: readonly Omit<ValidationCheck, 'figures'>[];
  /** Those that its tier asks for and that are not done. */
  readonly checksLeft: readonly ValidationCheckName[];
  readonly reportDigest: string | null;
  readonly decision: { readonly choice: ValidationDecision; readonly actor: string } | null;
  /** Of the version, once a validator has passed it on. */
  readonly approval: ApprovalStanding | null;
  /** Moved on, like its end, by the pauses that are over. */
  readonly openedAtMs: number;
  readonly expiresAtMs: number;
  readonly remindEveryMs: number;
  /** Nothing that moves it on is done while it is paused, or the production that it would promote into. What earlier releases read lacks both. */
  readonly paused?: StagePause | null;
  readonly pausedText?: string | null;
}

export interface ValidationResult extends ValidationId {
  readonly outcome: ValidationOutcome;
  readonly reason: string;
}

/** What moving one feature did to what the model says of the same rows. */
export interface FeatureResponse {
  readonly feature: string;
  /** `up`, `down`: by the step; `exchanged`: each category by the next one in the spec's list. */
  readonly move: 'up' | 'down' | 'exchanged';
  /** In the feature's own unit; null for categories. */
  readonly step: number | null;
  /** Mean of |f(x′) − f(x)| over the rows. */
  readonly outputMoved: number;
  /** The largest of it. */
  readonly outputMovedMost: number;
  /** m(x′) for each metric that a threshold of the spec or its comparison names; null where it is not defined. */
  readonly metrics: Readonly<Partial<Record<MetricName, number | null>>>;
  /** m(x′) − m(x) */
  readonly metricsMoved: Readonly<Partial<Record<MetricName, number | null>>>;
}

/** By how many standard deviations of the rows a number is moved, up and down. */
export const SENSITIVITY_STEP = 0.5;

/** What an approval of a version is bound to; its digest is that of the canonical JSON. */
export interface BoundEvidence {
  readonly artifact: string;
  readonly snapshot: string;
  readonly spec: string;
  readonly report: string;
}

/** What a report's digest is of (canonical JSON): generated from the evidence alone. */
export interface ValidationReport extends ValidationId {
  readonly report: 'perennial.validation/v1';
  readonly tier: string;
  readonly purpose: string;
  readonly owner: string;
  readonly retrain: number;
  readonly requestedBy: string;
  readonly artifact: string;
  readonly snapshot: string;
  readonly spec: string;
  readonly trainer: { readonly name: string; readonly code: string; readonly seed: number; readonly requirements: string | null };
  /** ISO 8601. */
  readonly openedAt: string;
  readonly checks: readonly ValidationCheck[];
  /** Of the check with the gravest verdict. */
  readonly verdict: Verdict;
  /** What decides after it, in a sentence. */
  readonly decidedBy: string;
  /** Asked of the validator where the tier asks for it; empty otherwise. */
  readonly questions: Readonly<Partial<Record<SoundnessQuestion, string>>>;
}

/** The key of the word to those who have to validate. */
export const validationAlarmKey = ({ model, version }: ValidationId): string => `validation/${model}/${version}`;
