import type { Severity } from './alarms.js';
import { isoTime } from './time.js';

/** `validation`: of a version. `sweep`: of the inventory, also of models that are not registered. `review`: of a periodic review, or that it is long overdue. `request`: a person opened it. */
export const FINDING_SOURCES = ['validation', 'sweep', 'review', 'request'] as const;
export type FindingSource = (typeof FINDING_SOURCES)[number];

export const FINDING_SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type FindingSeverity = (typeof FINDING_SEVERITIES)[number];

export interface FindingId {
  readonly model: string;
  /** Of the model, from 1. */
  readonly number: number;
}

/** What a person says of a finding that is to be opened. */
export interface FindingRequest {
  /** Null: the model, not one version of it. */
  readonly version: number | null;
  readonly severity: FindingSeverity;
  readonly title: string;
  /** What must be shown for it to be closed. */
  readonly evidenceNeeded: string;
  /** Who has to mend it; may not close it. */
  readonly owner: string;
  /** ISO 8601; wall time. */
  readonly dueAt: string;
}

/** What is asked for of a finding that is to be opened, within a transaction. */
export interface NewFinding extends Omit<FindingRequest, 'dueAt'> {
  readonly model: string;
  readonly source: FindingSource;
  readonly dueAt: Date;
  readonly openedBy: string;
  /** Null where no command asked for it. */
  readonly commandId: string | null;
  readonly at: Date;
  /** While a finding of the model under this key is open, a second one is not opened. */
  readonly key?: string | undefined;
}

/** What closes a finding. */
export interface FindingClosing {
  readonly closedBy: string;
  readonly evidence: string;
  /** Of something in the artifact store. */
  readonly artifactDigest: string | null;
  readonly commandId: string | null;
  readonly at: Date;
}

/** The key of the alarm that tells of a finding that is overdue. */
export const findingAlarmKey = ({ model, number }: FindingId): string => `finding/${model}/${number}`;

/** How loud an overdue finding is. */
export const findingAlarmSeverity = (severity: FindingSeverity): Severity => (severity === 'high' || severity === 'critical' ? 'critical' : severity === 'medium' ? 'warning' : 'info');

/** Whether a finding stops its model once it is overdue. */
export const stopsModel = (severity: FindingSeverity): boolean => severity === 'high' || severity === 'critical';

/** A finding as the subject of a sentence that goes where no word can be erased: the title of one that a person asked for is left out. */
export const findingText = ({ model, number, severity, title, owner, dueAt, commandId }: FindingId & Pick<NewFinding, 'severity' | 'title' | 'owner' | 'dueAt' | 'commandId'>): string =>
  `Finding ${number} of ${model} (${severity}, owner ${owner}, due ${isoTime(dueAt.getTime())})${commandId === null ? `: ${title}` : ''}`;
