import type { AlarmNotice } from '../contracts/alarms.js';
import type { WindowVerdict } from '../contracts/window-summary.js';

const SHOWN_FINDINGS = 20;

export interface CheckedWindow {
  readonly model: string;
  readonly deployment: string;
  /** Such as `2013-03-01T00:00:00.000Z/2013-03-02T00:00:00.000Z`. */
  readonly name: string;
  /** What was looked at. While an alarm of the deployment is open under it, no second one is raised. */
  readonly occasion: string;
  /** Whether its rows are made up. */
  readonly synthetic: boolean;
}

export const windowAlarmKey = ({ model, deployment, occasion }: Pick<CheckedWindow, 'model' | 'deployment' | 'occasion'>): string => `window/${model}/${deployment}/${occasion}`;

/** The alarm of a window that failed its check. */
export function windowAlarm(window: CheckedWindow, { findings, rows, checks }: WindowVerdict): AlarmNotice {
  const harmful = findings.some(({ check }) => check === 'loss');
  const told = findings.slice(0, 3).map(({ message }) => message).join('. ');
  const more = findings.length > 3 ? `, and ${findings.length - 3} more` : '';
  const test = window.synthetic ? 'This is a test of the alarm path with made-up rows; nothing is wrong. ' : '';
  return {
    kind: 'windowHarmful', severity: harmful ? 'critical' : 'warning', model: window.model, deployment: window.deployment, subject: `window/${window.name}`,
    dedupKey: windowAlarmKey(window),
    summary: `${test}${told}${more}. ${harmful ? 'See what has changed; a rollback brings back the version before.' : 'Look at where these rows come from before the model is trained on them.'}`,
    details: { rows, checks, findings: findings.slice(0, SHOWN_FINDINGS), findingsInAll: findings.length },
    test: window.synthetic,
  };
}
