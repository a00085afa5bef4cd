import type { EntityManager } from 'typeorm';
import { AlarmActionRecord } from './entities/alarm.entity.js';

/** What people did last about an alarm. */
export interface AlarmActions {
  readonly acknowledgement: AlarmActionRecord | null;
  readonly snooze: AlarmActionRecord | null;
}

/** Until when nobody wants to hear of an alarm; null where it is heard of. */
export const snoozedUntil = ({ snooze, end }: { readonly snooze: AlarmActionRecord | null; readonly end: object | null }, at: Date): Date | null =>
  end === null && snooze?.until && snooze.until > at ? snooze.until : null;

/**
 * SQL that selects the ids of the alarms that are to be sent at a time, tests left out: those that nobody has acknowledged, and those that are open
 * and were not sent since their snooze has passed. None is while it is snoozed.
 * @param at a placeholder of the time
 */
export const dueAlarms = (at: string): string => `
  SELECT due.id FROM alarm due
  JOIN alarm_delivery sent ON sent.alarm_id = due.id
  LEFT JOIN alarm_end over ON over.alarm_id = due.id
  LEFT JOIN LATERAL (SELECT until FROM alarm_action WHERE alarm_id = due.id AND action = 'snooze' ORDER BY number DESC LIMIT 1) snooze ON true
  WHERE due.id IN (SELECT alarm_id FROM alarm_delivery WHERE delivered_at IS NULL UNION SELECT alarm_id FROM alarm_action WHERE action = 'snooze')
    AND NOT due.test
    AND (over.alarm_id IS NOT NULL OR snooze.until IS NULL OR snooze.until <= ${at})
    AND (sent.delivered_at IS NULL OR (over.alarm_id IS NULL AND (sent.last_attempt_at < snooze.until OR sent.last_reason IS NOT NULL)))`;

/** Keeps what a person did about an alarm. The caller sees to it that one at a time acts on the alarm. */
export async function addAlarmAction(manager: EntityManager, action: Omit<AlarmActionRecord, 'number'>): Promise<void> {
  const before = await manager.maximum(AlarmActionRecord, 'number', { alarmId: action.alarmId });
  await manager.insert(AlarmActionRecord, { ...action, number: (before ?? 0) + 1 });
}

/** What was done last about each alarm, by its id. */
export async function lastActions(manager: EntityManager, ids: readonly string[]): Promise<ReadonlyMap<string, AlarmActions>> {
  const last = await manager.createQueryBuilder(AlarmActionRecord, 'last').distinctOn(['last.alarmId', 'last.action'])
    .where('last.alarmId = ANY(:ids)', { ids }).orderBy('last.alarmId').addOrderBy('last.action').addOrderBy('last.number', 'DESC').getMany();
  const of = (id: string, action: AlarmActionRecord['action']): AlarmActionRecord | null => last.find((one) => one.alarmId === id && one.action === action) ?? null;
  return new Map(ids.map((id) => [id, { acknowledgement: of(id, 'acknowledge'), snooze: of(id, 'snooze') }]));
}
