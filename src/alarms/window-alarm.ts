import type { AlarmNotice } from '../contracts/alarms.js';
import type { WindowVerdict } from '../contracts/window-summary.js';

const SHOWN_FINDINGS = 20;

export interface CheckedWindow {
  readonly model: string;
  readonly deployment: string;
  /** Such as `2013-03-01T00:00:00.000Z/2013-03-02T00:00:00.000Z`. */
  readonly name: string;
  /** Unlike for another, an alarm is raised beside an open one. Null: one alarm for all windows of the deployment. */
  readonly occasion: string | null;
  /** Whether its rows are made up. */
  readonly synthetic: boolean;
}

/** The alarm of a window that failed its check. */
export function windowAlarm(window: CheckedWindow, { findings, rows, checks }: WindowVerdict): AlarmNotice {
  const harmful = findings.some(({ check }) => check === 'loss');
  const told = findings.slice(0, 3).map(({ message }) => message).join('. ');
  const more = findings.length > 3 ? `, and ${findings.length - 3} more` : '';
  const test = window.synthetic ? 'This is a test of the alarm path with made-up rows; nothing is wrong. ' : '';
  return {
    kind: 'windowHarmful', severity: harmful ? 'critical' : 'warning', model: window.model, deployment: window.deployment, subject: `window/${window.name}`,
    dedupKey: ['window', window.model, window.deployment, ...(window.occasion === null ? [] : [window.occasion])].join('/'),
    summary: `${test}${told}${more}. Look at where these rows come from before the model is trained on them.`,
    details: { rows, checks, findings: findings.slice(0, SHOWN_FINDINGS), findingsInAll: findings.length },
    test: window.synthetic,
  };
}
