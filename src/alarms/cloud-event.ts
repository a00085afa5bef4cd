import type { AlarmNotice } from '../contracts/alarms.js';

export const CLOUD_EVENT_MEDIA_TYPE = 'application/cloudevents+json';
export const ALARM_EVENT_TYPE = 'perennial.alarm.raised';

export interface RecordedAlarm extends AlarmNotice {
  readonly id: string;
  readonly raisedAt: Date;
}

/** An alarm as CloudEvents 1.0 has it, in structured mode. `test` is an extension attribute, so that routers can see it. */
export interface AlarmEvent {
  readonly specversion: '1.0';
  /**
   * The alarm's id: the same in every attempt, so that a receiver can tell a repetition. What is sent again after a snooze is no repetition: it has
   * the alarm's id, a slash and the number of the snooze.
   */
  readonly id: string;
  readonly source: string;
  readonly type: typeof ALARM_EVENT_TYPE;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly test: boolean;
  readonly data: Omit<AlarmNotice, 'subject' | 'dedupKey' | 'test'>;
}

/** @param snooze the number of the snooze that has passed, where there was one */
export function alarmEvent(alarm: RecordedAlarm, snooze?: number): AlarmEvent {
  const { id, raisedAt, kind, severity, model, deployment, subject, summary, details, test } = alarm;
  return {
    specversion: '1.0', id: snooze === undefined ? id : `${id}/${snooze}`, source: sourceOf(model, deployment), type: ALARM_EVENT_TYPE, subject, time: raisedAt.toISOString(),
    datacontenttype: 'application/json', test, data: { kind, severity, model, deployment, summary, details },
  };
}

/** A URI reference: names may be of any characters that a spec allows, and those need no escape. */
const sourceOf = (model: string | null, deployment: string | null): string =>
  model === null ? '/perennial' : `/perennial/models/${model}${deployment === null ? '' : `/deployments/${deployment}`}`;
