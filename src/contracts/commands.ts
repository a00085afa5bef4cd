import type { AlarmAction } from './alarms.js';
import type { ApprovalOutcome, VoteChoice } from './approvals.js';
import type { FailureDetails, FailureType } from './failures.js';
import type { FindingRequest } from './findings.js';
import type { AutomaticTrigger } from './retraining-decisions.js';
import type { ReleaseAction, ReleaseStage } from './releases.js';
import type { ReviewOutcome } from './reviews.js';
import type { RetirementAnswers, RetirementTrigger, RetirementWaiver } from './retirements.js';
import type { Stage, StageBefore, StageSteer } from './stages.js';
import type { Condition, SoundnessAnswers, ValidationDecision } from './validations.js';

export const COMMAND_KINDS = ['apply', 'retrain', 'rollback', 'release', 'steer', 'replay', 'alarm', 'releaseWindow', 'vote', 'requestApproval', 'openFinding', 'closeFinding', 'recordReview', 'retire', 'withdrawRetirement', 'confirmRetirement', 'waiveRetirement', 'setLegalHold', 'liftLegalHold', 'decideValidation', 'confirmGoLive', 'steerStage', 'sendBackStage'] as const;
export type CommandKind = (typeof COMMAND_KINDS)[number];

/** `accepted` waits for its workflow; `done` had its effect; `refused` was looked at and turned down. */
export type CommandState = 'accepted' | 'done' | 'refused';

/** What a command asks for, by its kind; stored as canonical JSON. */
export interface CommandBodies {
  /** `source` is the YAML as it was sent. */
  apply: { readonly source: string };
  /** `asOf` in event time, ISO 8601; null: the newest that the data holds. */
  retrain: {
    readonly deployment: string;
    readonly asOf: string | null;
    readonly reason: string | null;
    /** Where monitoring decided on it; a caller's request has none. */
    readonly trigger?: AutomaticTrigger;
  };
  /** `toVersion` null: the champion before. `fromVersion`: it is refused where another version is the champion by then. */
  rollback: { readonly deployment: string; readonly toVersion: number | null; readonly fromVersion?: number; readonly reason: string };
  release: { readonly deployment: string; readonly version: number; readonly reason: string };
  /** `release` is its number. */
  steer: { readonly deployment: string; readonly release: number; readonly action: ReleaseAction; readonly reason: string };
  /** `from` and `until` in event time, ISO 8601. */
  replay: { readonly deployment: string; readonly version: number; readonly from: string; readonly until: string; readonly reason: string };
  /** `alarm` is its id; `until` in wall time, ISO 8601, for `snooze` alone. `test` raises one that only tries the way to the receiver. */
  alarm:
    | { readonly alarm: string; readonly action: AlarmAction; readonly until: string | null; readonly reason: string }
    | { readonly alarm: null; readonly action: 'test'; readonly until: null; readonly reason: string };
  /** `from`: when the window begins, in event time, ISO 8601. */
  releaseWindow: { readonly deployment: string; readonly from: string; readonly reason: string };
  /** `approval` is its number; `digest`: of what the voter has read, refused where something else is to be approved. */
  vote: { readonly approval: number; readonly choice: VoteChoice; readonly digest: string; readonly reason: string };
  requestApproval: { readonly reason: string };
  openFinding: FindingRequest;
  /** `finding` is its number; `artifactDigest`: of something in the artifact store. */
  closeFinding: { readonly finding: number; readonly evidence: string; readonly artifactDigest: string | null };
  recordReview: { readonly outcome: ReviewOutcome; readonly reason: string; readonly findings: readonly FindingRequest[] };
  /** `replacement`: the model to ask instead; `answers` null: as the trigger has it. */
  retire: { readonly trigger: RetirementTrigger; readonly replacement: string | null; readonly answers: RetirementAnswers | null; readonly reason: string };
  withdrawRetirement: { readonly reason: string };
  /** `said`: what the consumer answered. */
  confirmRetirement: { readonly consumer: string; readonly said: string };
  waiveRetirement: { readonly waives: RetirementWaiver; readonly reason: string };
  setLegalHold: { readonly reason: string };
  /** `hold` is its number. */
  liftLegalHold: { readonly hold: number; readonly reason: string };
  /** `reportDigest`: of what the validator has read, refused where another report is to be decided over; `findings`: of a conditional approval. */
  decideValidation: {
    readonly version: number; readonly choice: ValidationDecision; readonly reportDigest: string; readonly reason: string; readonly answers: SoundnessAnswers; readonly findings: readonly Condition[];
  };
  confirmGoLive: { readonly deployment: string; readonly version: number; readonly reason: string };
  /** `version`: of the validation that is meant; null: the only one that is open. */
  steerStage: { readonly stage: Stage; readonly action: StageSteer; readonly version: number | null; readonly reason: string };
  sendBackStage: { readonly stage: Stage; readonly version: number | null; readonly reason: string };
}

export type CommandOutcome =
  /** `owner`: whom the spec names, where they have left, and whose the model is instead. `approval`: the one that it opened, where the spec has a use case. `voided`: workflows of the validations that it voided. */
  | { readonly kind: 'apply'; readonly specDigest: string; readonly changed: boolean; readonly owner?: SucceededOwner; readonly approval?: OpenedApproval; readonly voided?: readonly string[] }
  | { readonly kind: 'retrain'; readonly number: number; readonly workflowId: string; readonly joined: boolean }
  | { readonly kind: 'rollback'; readonly deployment: string; readonly fromEpoch: number; readonly toVersion: number; readonly workflowId: string; readonly joined: boolean }
  /** `superseded`: workflows of the releases whose place it took. */
  | { readonly kind: 'release'; readonly number: number; readonly version: number; readonly workflowId: string; readonly joined: boolean; readonly superseded?: readonly string[] }
  | { readonly kind: 'steer'; readonly number: number; readonly action: ReleaseAction; readonly stage: ReleaseStage; readonly workflowId: string; readonly joined: boolean }
  | { readonly kind: 'replay'; readonly number: number; readonly version: number; readonly deployment: string; readonly workflowId: string }
  | { readonly kind: 'alarm'; readonly alarm: string; readonly action: AlarmAction | 'test'; readonly until: string | null }
  /** `endedAlarm`: the id of the alarm that told of the quarantine, where it was open. */
  | { readonly kind: 'releaseWindow'; readonly deployment: string; readonly from: string; readonly endedAlarm: string | null }
  /** `outcome`: what the approval came to by this vote; null: it is still open. */
  | { readonly kind: 'vote'; readonly approval: number; readonly choice: VoteChoice; readonly outcome: ApprovalOutcome | null; readonly reason: string | null; readonly workflowId: string }
  | ({ readonly kind: 'requestApproval' } & OpenedApproval)
  | { readonly kind: 'openFinding'; readonly finding: number }
  | { readonly kind: 'closeFinding'; readonly finding: number }
  /** `findings`: the numbers of those that it opened; `nextDueAt`: ISO 8601. */
  | { readonly kind: 'recordReview'; readonly review: number; readonly outcome: ReviewOutcome; readonly findings: readonly number[]; readonly nextDueAt: string }
  /** `approval`: that of the retirement; `ended`: workflows that look at the record again, of releases that ended with it and of validations that it holds; `cancels`: the retrain that is to end. */
  | { readonly kind: 'retire'; readonly number: number; readonly approval: OpenedApproval; readonly workflowId: string; readonly ended: readonly string[]; readonly cancels: string | null }
  | { readonly kind: 'withdrawRetirement'; readonly number: number; readonly workflowId: string }
  | { readonly kind: 'confirmRetirement'; readonly number: number; readonly consumer: string; readonly missing: readonly string[]; readonly workflowId: string }
  | { readonly kind: 'waiveRetirement'; readonly number: number; readonly waives: RetirementWaiver; readonly workflowId: string }
  | { readonly kind: 'setLegalHold'; readonly hold: number; readonly workflowId: string }
  | { readonly kind: 'liftLegalHold'; readonly hold: number; readonly workflowId: string }
  /** `approval`: the number of the one that approvers vote on now; `findings`: numbers of those that were opened. */
  | { readonly kind: 'decideValidation'; readonly version: number; readonly choice: ValidationDecision; readonly approval: number | null; readonly findings: readonly number[]; readonly workflowId: string }
  /** `specDigest`: of the spec under which it went live. */
  | { readonly kind: 'confirmGoLive'; readonly deployment: string; readonly version: number; readonly epoch: number; readonly specDigest: string }
  | ({ readonly kind: 'steerStage'; readonly action: StageSteer } & MovedStage)
  /** `approval`: the one of the use case that it opened anew. */
  | ({ readonly kind: 'sendBackStage'; readonly to: StageBefore; readonly approval: OpenedApproval | null } & MovedStage)
  | { readonly kind: 'refused'; readonly type: FailureType; readonly message: string; readonly details: FailureDetails };

export interface MovedStage {
  readonly stage: Stage;
  /** The number of what was moved; null: of the model's development or production. */
  readonly subject: number | null;
  /** Workflows that have to be told. */
  readonly tells: readonly string[];
  /** The workflow of a retrain that is to end. */
  readonly cancels: string | null;
}

export interface SucceededOwner {
  readonly named: string;
  readonly successor: string;
}

export interface OpenedApproval {
  readonly number: number;
  /** Null while it waits for votes. */
  readonly outcome: ApprovalOutcome | null;
  readonly workflowId: string;
}
