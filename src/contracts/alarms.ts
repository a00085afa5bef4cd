import type { WindowFinding } from './window-summary.js';

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
/** `critical`: somebody must act now. `warning`: somebody must look. `info`: good to know, and tests. */
export type Severity = (typeof SEVERITIES)[number];

/**
 * `windowHarmful`: data or loss beyond the spec. `harmfulShift`: losses have surely risen over the baseline's. `estimatedHarm`: before labels more rows than on the baseline surely have a high estimated error. `upstreamFault`: a window's inputs broke
 * on their way. `fairnessBroken`: groups are treated more differently than the spec allows. `windowUnreadable`: a window cannot be assessed. `sourceUnreadable`: files of the spec's source cannot be observed. `findingOverdue`, `reviewOverdue`: nobody has closed a finding, or reviewed a model, in time. `observationsShed`: a gateway cannot keep its log. `retirementNotice`: a consumer is told that a model retires; `retirementHeld`: its archive cannot be restored. `ledgerDiffers`: the audit ledger and Temporal's histories do not fit; `checkpointUndelivered`: its checkpoints do not reach a place outside. `setUpHeld`: what a version needs to go live is missing; `goLiveUnconfirmed`: the owner has not confirmed that it did; `wentLive`: it did, and nobody has to confirm it. The rest name themselves.
 */
export const ALARM_KINDS = ['windowHarmful', 'harmfulShift', 'estimatedHarm', 'fairnessBroken', 'upstreamFault', 'windowUnreadable', 'sourceUnreadable', 'observationsShed', 'rolledBack', 'noRollbackTarget', 'rollbackFailed', 'releaseHeld', 'approvalWaiting', 'validationWaiting', 'findingOverdue', 'reviewOverdue', 'retirementNotice', 'retirementHeld', 'monitoringTest', 'setUpHeld', 'goLiveUnconfirmed', 'wentLive', 'ledgerDiffers', 'checkpointUndelivered'] as const;
export type AlarmKind = (typeof ALARM_KINDS)[number];

/** Something that a person has to know. */
export interface AlarmNotice {
  readonly kind: AlarmKind;
  readonly severity: Severity;
  /** Null where it concerns no single model. */
  readonly model: string | null;
  readonly deployment: string | null;
  /** What it is about, such as `release/4`, `gateway/a` or `window/2013-03-01`. */
  readonly subject: string;
  /** While an alarm under this key is open, a second one is not raised. 300 characters at most. */
  readonly dedupKey: string;
  /** One sentence: what is wrong and how to mend it. */
  readonly summary: string;
  /** JSON with the figures; never a secret. */
  readonly details: Readonly<Record<string, unknown>>;
  /** True where nothing is wrong and only the path is tried. */
  readonly test: boolean;
}

/** What a person may do about an alarm that is open. `acknowledge`: it is being looked at. `snooze`: nobody wants to hear of it for a while. `resolve`: it is over. */
export const ALARM_ACTIONS = ['acknowledge', 'snooze', 'resolve'] as const;
export type AlarmAction = (typeof ALARM_ACTIONS)[number];

/** The key of an alarm that somebody asked for to see that alarms arrive. */
export const testAlarmKey = (commandId: string): string => `test/${commandId}`;

/** The key of the alarm that a release raises while it waits for a person. */
export const releaseAlarmKey = (model: string, number: number): string => `release/${model}/${number}/held`;

export interface RaisedAlarm {
  readonly id: string;
  /** False where an alarm under the same key was open already. */
  readonly raised: boolean;
}

/** For which step of which release monitoring was proven. */
export interface ProofOccasion {
  readonly release: number | null;
  readonly step: string | null;
}

/** That a bad window really raises an alarm, and that it really arrives. */
export interface MonitoringProof {
  readonly alarmId: string;
  /** ISO 8601. */
  readonly sentAt: string;
  /** ISO 8601: when the receiver had acknowledged it. */
  readonly arrivedAt: string;
  /** Of the synthetic window's Parquet in the artifact store. */
  readonly windowDigest: string;
  /** What the check found in it. */
  readonly findings: readonly WindowFinding[];
}
