import type { AlarmNotice } from '../contracts/alarms.js';
import type { StoredFailure } from '../contracts/retrains.js';
import { isoTime } from '../contracts/time.js';
import { type HarmStanding, type WindowId, windowName } from '../contracts/window-assessment.js';
import type { WindowFinding } from '../contracts/window-summary.js';

/** What an alarm of a window is about. */
export const windowAlarmSubject = (window: Pick<WindowId, 'fromMs' | 'untilMs'>): string => `window/${windowName(window)}`;

/** The key of what is told of one sequence of evidence: a sequence alarms once. */
export const harmAlarmKey = ({ model, deployment }: Pick<WindowId, 'model' | 'deployment'>, sequence: string): string => `harm/${model}/${deployment}/${sequence}`;

export interface HarmTold {
  /** Of the sequence. */
  readonly id: string;
  readonly version: number;
  readonly metric: string;
  readonly baselineMean: number | null;
  readonly standing: HarmStanding;
}

/** The version's losses have surely risen over those of its baseline. */
export function harmAlarm(window: WindowId, { id, version, metric, baselineMean, standing }: HarmTold): AlarmNotice {
  const { mean, rows, limit, alarm } = standing;
  const since = alarm ? isoTime(alarm.sinceMs) : windowName(window);
  return {
    kind: 'harmfulShift', severity: 'critical', model: window.model, deployment: window.deployment, subject: windowAlarmSubject(window),
    dedupKey: harmAlarmKey(window, id),
    summary: `The loss of version ${version} has surely risen over that of its baseline, most likely since ${since}: the mean ${metric} is ${figure(mean)} over ${rows} labelled rows, ${figure(baselineMean)} on the baseline, and harm begins above ${figure(limit)}. See what has changed; retrain on rows since then, or roll back.`,
    details: { version, sequence: id, metric, baselineMean, ...standing }, test: false,
  };
}

export const estimatedHarmAlarmKey = ({ model, deployment }: Pick<WindowId, 'model' | 'deployment'>, sequence: string): string => `estimated-harm/${model}/${deployment}/${sequence}`;

/** Before labels: surely more rows than on the baseline have a high estimated error. */
export function estimatedHarmAlarm(window: WindowId, { id, version, standing }: Pick<HarmTold, 'id' | 'version' | 'standing'>): AlarmNotice {
  const { mean, rows, limit, alarm } = standing;
  const since = alarm ? isoTime(alarm.sinceMs) : windowName(window);
  return {
    kind: 'estimatedHarm', severity: 'warning', model: window.model, deployment: window.deployment, subject: windowAlarmSubject(window),
    dedupKey: estimatedHarmAlarmKey(window, id),
    summary: `Before labels: version ${version} surely answers more rows that are hard for it, most likely since ${since}: the share of rows with a high estimated error is ${figure(mean)} over ${rows} rows, and harm begins above ${figure(limit)}. See which inputs moved; labels will tell whether its loss has risen.`,
    details: { version, sequence: id, ...standing }, test: false,
  };
}

export const fairnessAlarmKey = ({ model, deployment }: Pick<WindowId, 'model' | 'deployment'>): string => `fairness/${model}/${deployment}`;

/** Groups are surely treated more differently than the spec allows. @param findings those of fairness, one or more */
export function fairnessAlarm(window: WindowId, findings: readonly WindowFinding[]): AlarmNotice {
  const more = findings.length > 1 ? ` (${findings.length - 1} more limits are broken.)` : '';
  return {
    kind: 'fairnessBroken', severity: 'critical', model: window.model, deployment: window.deployment, subject: windowAlarmSubject(window), dedupKey: fairnessAlarmKey(window),
    summary: `${findings[0]?.message ?? ''}${more} See whom it concerns before more is decided by this version; a rollback brings back the version before.`,
    details: { findings: findings.slice(0, KEPT_FINDINGS), findingsInAll: findings.length }, test: false,
  };
}

const KEPT_FINDINGS = 20;

export const unreadableAlarmKey = ({ model, deployment }: Pick<WindowId, 'model' | 'deployment'>): string => `unreadable/${model}/${deployment}`;

/** Why an {@link unreadableAlarm} ends. */
export const READABLE_AGAIN = 'Windows can be assessed again';

/** A window cannot be assessed, and those after it wait. */
export function unreadableAlarm(window: WindowId, { type, message }: Pick<StoredFailure, 'type' | 'message'>): AlarmNotice {
  return {
    kind: 'windowUnreadable', severity: 'warning', model: window.model, deployment: window.deployment, subject: windowAlarmSubject(window), dedupKey: unreadableAlarmKey(window),
    summary: `The window ${windowName(window)} cannot be assessed, and later ones wait for it: ${message} It is tried again at the next look (monitoring.checkEvery).`,
    details: { type, message }, test: false,
  };
}

export const sourceAlarmKey = ({ model, deployment }: Pick<WindowId, 'model' | 'deployment'>): string => `source/${model}/${deployment}`;

/** Files of `monitoring.source` cannot be read: their rows are in no window. @param failed one or more */
export function sourceAlarm({ model, deployment }: Pick<WindowId, 'model' | 'deployment'>, failed: readonly { readonly file: string; readonly type: string; readonly message: string }[]): AlarmNotice {
  const more = failed.length > 1 ? ` (${failed.length - 1} more files.)` : '';
  return {
    kind: 'sourceUnreadable', severity: 'warning', model, deployment, subject: `source/${failed[0]?.file ?? ''}`.slice(0, SUBJECT_CHARACTERS), dedupKey: sourceAlarmKey({ model, deployment }),
    summary: `Rows of monitoring.source cannot be observed: ${failed[0]?.message ?? ''}${more} It is tried again at the next look (monitoring.checkEvery).`,
    details: { files: failed.slice(0, KEPT_FAULTS), filesInAll: failed.length }, test: false,
  };
}

const SUBJECT_CHARACTERS = 300;

export const faultAlarmKey = ({ model, deployment }: Pick<WindowId, 'model' | 'deployment'>): string => `upstream/${model}/${deployment}`;

/** The window's inputs broke on their way to the model: it neither trains nor judges. */
export function faultAlarm(window: WindowId, faults: readonly { readonly kind: string; readonly features: readonly string[]; readonly because: string }[]): AlarmNotice {
  const told = faults.slice(0, SHOWN_FAULTS).map(({ because }) => because).join(' ');
  const more = faults.length > SHOWN_FAULTS ? ` (${faults.length - SHOWN_FAULTS} more.)` : '';
  return {
    kind: 'upstreamFault', severity: 'critical', model: window.model, deployment: window.deployment, subject: windowAlarmSubject(window), dedupKey: faultAlarmKey(window),
    summary: `${told}${more} The window ${windowName(window)} is in quarantine: it neither trains nor judges a version. Mend what sends these features; the world need not have changed.`,
    details: { faults: faults.slice(0, KEPT_FAULTS), faultsInAll: faults.length }, test: false,
  };
}

const SHOWN_FAULTS = 3;
const KEPT_FAULTS = 20;

const figure = (value: number | null): string => (value === null ? 'not known' : String(Number(value.toPrecision(3))));
