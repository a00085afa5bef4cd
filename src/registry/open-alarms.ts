import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { AlarmKind, AlarmNotice } from '../contracts/alarms.js';
import { canonicalJson } from '../contracts/canonical.js';
import { type AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { AlarmDelivery } from './entities/alarm.entity.js';

/** Which open alarms are over: the one under a key, or all of a kind about a deployment. */
export type AlarmsOver = { readonly dedupKey: string } | { readonly kind: AlarmKind; readonly model: string; readonly deployment: string };

/** Raises an alarm as part of a transaction, unless one is open under its key. @returns its id, if it was raised */
export async function raiseAlarm(manager: EntityManager, audit: AuditLedger, notice: AlarmNotice, at: Date, origin: Origin): Promise<string | undefined> {
  const id = await insertUnlessOpen(manager, notice, at);
  if (id === undefined) return undefined;
  await manager.insert(AlarmDelivery, { alarmId: id, attempts: 0 });
  await audit.append(manager, {
    at, actor: SYSTEM_ACTOR, action: 'alarm.raised', model: notice.model, subject: `alarm/${id}`, origin,
    details: { kind: notice.kind, severity: notice.severity, about: notice.subject, summary: notice.summary, test: notice.test },
  });
  return id;
}

async function insertUnlessOpen(manager: EntityManager, notice: AlarmNotice, at: Date): Promise<string | undefined> {
  const { dedupKey, kind, severity, model, deployment, subject, summary, details, test } = notice;
  const inserted: { id: string }[] = await manager.query(
    `INSERT INTO alarm (id, dedup_key, occurrence, kind, severity, model, deployment, subject, summary, details, test, raised_at)
     SELECT $1, $2::text, coalesce((SELECT max(occurrence) FROM alarm WHERE dedup_key = $2), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11
     WHERE NOT EXISTS (SELECT FROM alarm LEFT JOIN alarm_end ON alarm_id = id WHERE dedup_key = $2 AND alarm_id IS NULL)
     ON CONFLICT (dedup_key, occurrence) DO NOTHING RETURNING id`,
    [randomUUID(), dedupKey.slice(0, 300), kind, severity, model, deployment, subject, summary, canonicalJson(details), test, at],
  );
  return inserted[0]?.id;
}

/** Ends open alarms as part of the transaction that changes what they were about. */
export async function endOpenAlarms(manager: EntityManager, audit: AuditLedger, over: AlarmsOver, reason: string, at: Date, origin: Origin): Promise<void> {
  const [condition, values] = 'dedupKey' in over ? ['dedup_key = $4', [over.dedupKey]] : ['kind = $4 AND model = $5 AND deployment = $6', [over.kind, over.model, over.deployment]];
  const ended: { id: string; model: string | null }[] = await manager.query(
    `WITH over AS (
       INSERT INTO alarm_end (alarm_id, reason, ended_by, ended_at)
       SELECT id, $1, $2, $3 FROM alarm WHERE ${condition} AND NOT EXISTS (SELECT FROM alarm_end WHERE alarm_id = id)
       ON CONFLICT DO NOTHING RETURNING alarm_id)
     SELECT id, model FROM alarm JOIN over ON alarm_id = id`,
    [reason, SYSTEM_ACTOR, at, ...values],
  );
  for (const { id, model } of ended) {
    await audit.append(manager, { at, actor: SYSTEM_ACTOR, action: 'alarm.ended', model, subject: `alarm/${id}`, origin, details: { reason } });
  }
}
