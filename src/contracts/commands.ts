import type { FailureDetails, FailureType } from './failures.js';
import type { ReleaseAction, ReleaseStage } from './releases.js';

export type CommandKind = 'apply' | 'retrain' | 'rollback' | 'release' | 'steer' | 'replay';

/** `accepted` waits for its workflow; `done` had its effect; `refused` was looked at and turned down. */
export type CommandState = 'accepted' | 'done' | 'refused';

/** What a command asks for, by its kind; stored as canonical JSON. */
export interface CommandBodies {
  /** `source` is the YAML as it was sent. */
  apply: { readonly source: string };
  /** `asOf` in event time, ISO 8601; null: the newest that the data holds. */
  retrain: { readonly deployment: string; readonly asOf: string | null; readonly reason: string | null };
  /** `toVersion` null: the champion before. */
  rollback: { readonly deployment: string; readonly toVersion: number | null; readonly reason: string };
  release: { readonly deployment: string; readonly version: number; readonly reason: string };
  /** `release` is its number. */
  steer: { readonly deployment: string; readonly release: number; readonly action: ReleaseAction; readonly reason: string };
  /** `from` and `until` in event time, ISO 8601. */
  replay: { readonly deployment: string; readonly version: number; readonly from: string; readonly until: string; readonly reason: string };
}

export type CommandOutcome =
  | { readonly kind: 'apply'; readonly specDigest: string; readonly changed: boolean }
  | { readonly kind: 'retrain'; readonly number: number; readonly workflowId: string; readonly joined: boolean }
  | { readonly kind: 'rollback'; readonly deployment: string; readonly fromEpoch: number; readonly toVersion: number; readonly workflowId: string; readonly joined: boolean }
  /** `superseded`: workflows of the releases whose place it took. */
  | { readonly kind: 'release'; readonly number: number; readonly version: number; readonly workflowId: string; readonly joined: boolean; readonly superseded?: readonly string[] }
  | { readonly kind: 'steer'; readonly number: number; readonly action: ReleaseAction; readonly stage: ReleaseStage; readonly workflowId: string; readonly joined: boolean }
  | { readonly kind: 'replay'; readonly number: number; readonly version: number; readonly deployment: string; readonly workflowId: string }
  | { readonly kind: 'refused'; readonly type: FailureType; readonly message: string; readonly details: FailureDetails };
