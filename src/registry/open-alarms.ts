import type { EntityManager } from 'typeorm';
import type { AlarmKind } from '../contracts/alarms.js';
import { type AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';

/** Which open alarms are over: the one under a key, or all of a kind about a deployment. */
export type AlarmsOver = { readonly dedupKey: string } | { readonly kind: AlarmKind; readonly model: string; readonly deployment: string };

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
