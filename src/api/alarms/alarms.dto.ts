import { z } from 'zod';
import { ALARM_ACTIONS, ALARM_KINDS, SEVERITIES } from '../../contracts/alarms.js';
import { snoozedUntil } from '../../registry/alarm-actions.js';
import type { AlarmStory } from '../../registry/alarms.repository.js';
import { instant, instantOf, itemsOf, path } from '../documentation/answer-fields.js';
import { limit, modelName, text, time } from '../requests/fields.js';

export const alarmsQuery = z.strictObject({
  limit,
  model: modelName.optional().meta({ description: 'Only alarms of this model.' }),
  open: z.literal('true', "must be 'true', or left out").optional().meta({ description: 'Only alarms that have not ended, tests left out.' }),
});
export type AlarmsQuery = z.output<typeof alarmsQuery>;

export const alarmPath = z.strictObject({ id: z.uuid('must be the id of an alarm') });

const reason = text(2_000).meta({ description: 'Why, for the record.' });
export const alarmActionRequest = z.strictObject({ reason }).meta({ id: 'AlarmActionRequest' });
export type AlarmActionRequest = z.output<typeof alarmActionRequest>;
export const snoozeRequest = z.strictObject({ until: time.meta({ description: 'Wall time, to come, 30 days ahead at most.' }), reason }).meta({ id: 'AlarmSnoozeRequest' });
export type SnoozeRequest = z.output<typeof snoozeRequest>;

export const alarmActedSchema = z
  .strictObject({
    id: z.uuid(),
    model: z.string(),
    action: z.enum([...ALARM_ACTIONS, 'test']),
    until: instant.nullable().meta({ description: 'Of a snooze: when it passes.' }),
    commandId: z.uuid(),
    status: path.meta({ description: 'The alarm.' }),
  })
  .meta({ id: 'AlarmActed' });
export type AlarmActed = z.output<typeof alarmActedSchema>;

export const alarmLink = (id: string): string => `/v1/alarms/${id}`;

export const alarmSchema = z
  .strictObject({
    id: z.uuid(),
    kind: z.enum(ALARM_KINDS),
    severity: z.enum(SEVERITIES),
    model: z.string().nullable(),
    deployment: z.string().nullable(),
    subject: z.string().meta({ description: 'What it is about.', examples: ['window/2013-03-01'] }),
    summary: z.string().meta({ description: 'What is wrong and how to mend it.' }),
    details: z.unknown(),
    test: z.boolean().meta({ description: 'True where nothing is wrong and only the path was tried.' }),
    raisedAt: instant,
    delivery: z.strictObject({
      deliveredAt: instant.nullable().meta({ description: 'When the receiver acknowledged it; null: not yet.' }),
      attempts: z.int(),
      lastAttemptAt: instant.nullable(),
      lastStatus: z.int().nullable().meta({ description: 'HTTP status of the last answer; null: there was none.' }),
      lastReason: z.string().nullable().meta({ description: 'Why the last attempt failed.' }),
    }),
    acknowledged: z.strictObject({ by: z.string(), at: instant, reason: z.string() }).nullable().meta({ description: 'Who said last that they look at it; null: nobody.' }),
    snoozedUntil: instant.nullable().meta({ description: 'Until then it is not sent; null where it is not snoozed.' }),
    ended: z.strictObject({ at: instant, by: z.string(), reason: z.string() }).nullable().meta({ description: 'Null while it is open.' }),
  })
  .meta({ id: 'Alarm' });
export type AlarmAnswer = z.output<typeof alarmSchema>;
export const alarmListSchema = itemsOf(alarmSchema).meta({ id: 'AlarmList' });

export function alarmAnswer({ alarm, delivery, end, acknowledgement, snooze }: AlarmStory, now: Date): AlarmAnswer {
  const { id, kind, severity, model, deployment, subject, summary, details, test, raisedAt } = alarm;
  const { attempts, lastStatus, lastReason } = delivery;
  return {
    id, kind, severity, model, deployment, subject, summary, details, test, raisedAt: raisedAt.toISOString(),
    delivery: { deliveredAt: instantOf(delivery.deliveredAt), attempts, lastAttemptAt: instantOf(delivery.lastAttemptAt), lastStatus, lastReason },
    acknowledged: acknowledgement && { by: acknowledgement.actor, at: acknowledgement.at.toISOString(), reason: acknowledgement.reason },
    snoozedUntil: instantOf(snoozedUntil({ snooze, end }, now)),
    ended: end && { at: end.endedAt.toISOString(), by: end.endedBy, reason: end.reason },
  };
}

/** What of a CloudEvent the receiver reads; it keeps the digest of the rest. */
export const receivedEvent = z.looseObject({ specversion: z.literal('1.0'), id: text(300), source: text(2_000), type: text(300), subject: text(2_000), test: z.boolean().default(false) });

export const receiptSchema = z.strictObject({ received: z.string().meta({ description: 'The id of the event.' }), repeated: z.boolean().meta({ description: 'True when it had come before.' }) }).meta({ id: 'AlarmReceipt' });
export type ReceiptAnswer = z.output<typeof receiptSchema>;
