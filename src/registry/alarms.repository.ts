import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, In } from 'typeorm';
import type { AlarmKind, AlarmNotice, MonitoringProof, ProofOccasion, RaisedAlarm } from '../contracts/alarms.js';
import { canonicalJson } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import { addAlarmAction, type AlarmActions, dueAlarms, lastActions } from './alarm-actions.js';
import { AuditLedger, type Origin, spokenReason, SYSTEM_ACTOR } from './audit-ledger.js';
import { Alarm, type AlarmActionRecord, AlarmDelivery, AlarmEnd, AlarmReceipt, MonitoringProofRecord } from './entities/alarm.entity.js';
import { raiseAlarm } from './open-alarms.js';

/** An alarm with what became of it. */
export interface AlarmStory extends AlarmActions {
  readonly alarm: Alarm;
  readonly delivery: AlarmDelivery;
  /** Null while it is open. */
  readonly end: AlarmEnd | null;
}

/** Why, by whom and when an alarm ends. */
export interface Ending {
  readonly reason: string;
  readonly actor: string;
  readonly at: Date;
}

export interface DeliveryAttempt {
  readonly delivered: boolean;
  readonly status: number | null;
  readonly reason: string | null;
}

export interface ProofId {
  readonly model: string;
  readonly deployment: string;
  readonly proofKey: string;
}

/** Alarms, how they got to their receiver, and the proofs that this works. */
@Injectable()
export class AlarmsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** Adds an alarm, unless one is open under the same key; then that one is returned. */
  async raise(notice: AlarmNotice, at: Date, origin: Origin): Promise<RaisedAlarm> {
    return this.dataSource.transaction((manager) => this.raiseWithin(manager, notice, at, origin));
  }

  /** The same as part of a transaction. */
  async raiseWithin(manager: EntityManager, notice: AlarmNotice, at: Date, origin: Origin): Promise<RaisedAlarm> {
    const id = await raiseAlarm(manager, this.audit, notice, at, origin);
    return id === undefined ? { id: await this.openId(manager, notice.dedupKey), raised: false } : { id, raised: true };
  }

  /**
   * Adds an alarm as {@link raise} does, while something holds, which is asked in the transaction.
   * @param over why it ends in the same transaction, where it only informs; it is delivered all the same
   * @returns its id, or null where that does not hold any more
   */
  async raiseWhile(notice: AlarmNotice, at: Date, origin: Origin, holds: (manager: EntityManager) => Promise<boolean>, over?: string): Promise<string | null> {
    return this.dataSource.transaction(async (manager) => {
      if (!(await holds(manager))) return null;
      const { id } = await this.raiseWithin(manager, notice, at, origin);
      if (over !== undefined) await this.endWithin(manager, id, { reason: over, actor: SYSTEM_ACTOR, at }, origin);
      return id;
    });
  }

  private async openId(manager: EntityManager, dedupKey: string): Promise<string> {
    const newest = await manager.findOne(Alarm, { where: { dedupKey: dedupKey.slice(0, 300) }, order: { occurrence: 'DESC' } });
    if (!newest) throw new PerennialError('Internal', 'An alarm was neither added nor found open');
    return newest.id;
  }

  /** Ends an alarm, once. @returns false when it had ended before. */
  async end(id: string, reason: string, at: Date, origin: Origin, actor: string = SYSTEM_ACTOR): Promise<boolean> {
    return this.dataSource.transaction((manager) => this.endWithin(manager, id, { reason, actor, at }, origin));
  }

  /** The same as part of a transaction. */
  async endWithin(manager: EntityManager, id: string, { reason, actor, at }: Ending, origin: Origin): Promise<boolean> {
    const inserted: { model: string | null }[] = await manager.query(
      `WITH ended AS (INSERT INTO alarm_end (alarm_id, reason, ended_by, ended_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING alarm_id)
       SELECT model FROM alarm JOIN ended ON alarm_id = id`,
      [id, reason, actor, at],
    );
    if (!inserted[0]) return false;
    await this.audit.append(manager, { at, actor, action: 'alarm.ended', model: inserted[0].model, subject: `alarm/${id}`, origin, ...spokenReason(actor, reason) });
    return true;
  }

  /**
   * What a person does about an open alarm of a model, as part of the transaction that settles the command: it is on record, and `resolve` ends the alarm.
   * Of several people one at a time does. @returns false when the alarm has ended: then nothing is changed
   */
  async act(manager: EntityManager, action: Omit<AlarmActionRecord, 'number'>, origin: Origin): Promise<boolean> {
    const { alarmId, reason, actor, at } = action;
    await manager.query('SELECT FROM model WHERE name = (SELECT model FROM alarm WHERE id = $1) FOR NO KEY UPDATE', [alarmId]);
    const open = action.action === 'resolve' ? await this.endWithin(manager, alarmId, { reason, actor, at }, origin) : !(await manager.existsBy(AlarmEnd, { alarmId }));
    if (open) await addAlarmAction(manager, action);
    return open;
  }

  /** The open alarm under a key. */
  async findOpen(dedupKey: string, manager: EntityManager = this.dataSource.manager): Promise<Alarm | null> {
    return manager.getRepository(Alarm).createQueryBuilder('alarm').leftJoin(AlarmEnd, 'over', 'over.alarm_id = alarm.id')
      .where('alarm.dedup_key = :dedupKey AND over.alarm_id IS NULL', { dedupKey: dedupKey.slice(0, 300) }).getOne();
  }

  /** Ends the alarm that is open under a key, if there is one. @returns whether there was */
  async endOpen(dedupKey: string, reason: string, at: Date, origin: Origin): Promise<boolean> {
    const open = await this.findOpen(dedupKey);
    return open !== null && this.end(open.id, reason, at, origin);
  }

  /** The newest alarm under a key, ended or not. */
  async newest(dedupKey: string): Promise<AlarmStory | null> {
    const alarm = await this.dataSource.manager.findOne(Alarm, { where: { dedupKey: dedupKey.slice(0, 300) }, order: { occurrence: 'DESC' } });
    return alarm && ((await this.storiesOf([alarm]))[0] as AlarmStory);
  }

  /** The alarms under a key in the order in which they were raised, ended or not. */
  async under(dedupKey: string): Promise<AlarmStory[]> {
    return this.storiesOf(await this.dataSource.manager.find(Alarm, { where: { dedupKey: dedupKey.slice(0, 300) }, order: { occurrence: 'ASC' } }));
  }

  /** The open alarms of a kind, tests left out. */
  async openOf(kind: AlarmKind): Promise<Alarm[]> {
    return this.dataSource.getRepository(Alarm).createQueryBuilder('alarm').leftJoin(AlarmEnd, 'over', 'over.alarm_id = alarm.id')
      .where('alarm.kind = :kind AND NOT alarm.test AND over.alarm_id IS NULL', { kind }).orderBy('alarm.raised_at').getMany();
  }

  /** @throws PerennialError `NotFound` */
  async get(id: string): Promise<AlarmStory> {
    const alarm = await this.dataSource.manager.findOneBy(Alarm, { id });
    if (!alarm) throw new PerennialError('NotFound', `There is no alarm ${id}`, { id });
    return (await this.storiesOf([alarm]))[0] as AlarmStory;
  }

  /** Newest first, of one model or of all. @param only `models`: of these, and those about no model; `open`: those that have not ended, tests left out */
  async list(limit: number, only: { readonly model?: string | undefined; readonly models?: readonly string[] | null; readonly open?: boolean } = {}): Promise<AlarmStory[]> {
    const found = this.dataSource.getRepository(Alarm).createQueryBuilder('alarm').orderBy('alarm.raised_at', 'DESC').addOrderBy('alarm.id').limit(limit);
    if (only.model !== undefined) found.andWhere('alarm.model = :model', { model: only.model });
    if (only.models) found.andWhere('(alarm.model IS NULL OR alarm.model = ANY(:models))', { models: only.models });
    if (only.open) found.leftJoin(AlarmEnd, 'over', 'over.alarm_id = alarm.id').andWhere('over.alarm_id IS NULL AND NOT alarm.test');
    return this.storiesOf(await found.getMany());
  }

  /** Alarms that their receiver has not acknowledged, and open ones whose snooze has passed, tests left out, oldest first. */
  async undelivered(limit: number, at: Date): Promise<Alarm[]> {
    return this.dataSource.getRepository(Alarm).createQueryBuilder('alarm').where(`alarm.id IN (${dueAlarms(':at')})`, { at }).orderBy('alarm.raised_at').limit(limit).getMany();
  }

  async recordAttempt(id: string, { delivered, status, reason }: DeliveryAttempt, at: Date): Promise<void> {
    await this.dataSource.query(
      `UPDATE alarm_delivery SET attempts = attempts + 1, last_attempt_at = $2, last_status = $3, last_reason = $4,
         delivered_at = coalesce(delivered_at, CASE WHEN $5 THEN $2::timestamptz END) WHERE alarm_id = $1`,
      [id, at, status, reason, delivered],
    );
  }

  /** Keeps that a signed alarm came here. @returns false for a repetition. */
  async recordReceipt(receipt: AlarmReceipt): Promise<boolean> {
    const inserted: unknown[] = await this.dataSource.query(
      `INSERT INTO alarm_receipt (message_id, source, subject, test, body_digest, sent_at, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (message_id) DO NOTHING RETURNING message_id`,
      [receipt.messageId, receipt.source, receipt.subject, receipt.test, receipt.bodyDigest, receipt.sentAt, receipt.receivedAt],
    );
    return inserted.length > 0;
  }

  async findProof(id: ProofId): Promise<MonitoringProof | null> {
    const found = await this.dataSource.manager.findOneBy(MonitoringProofRecord, { ...id });
    return found && { alarmId: found.alarmId, sentAt: found.sentAt.toISOString(), arrivedAt: found.arrivedAt.toISOString(), windowDigest: found.windowDigest, findings: found.findings };
  }

  /** Keeps a proof, once; the first one stands. */
  async recordProof(id: ProofId, { release, step }: ProofOccasion, proof: MonitoringProof): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO monitoring_proof (model, deployment, proof_key, release, step, alarm_id, window_digest, findings, sent_at, arrived_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
      [id.model, id.deployment, id.proofKey, release, step, proof.alarmId, proof.windowDigest, canonicalJson(proof.findings), proof.sentAt, proof.arrivedAt],
    );
  }

  private async storiesOf(alarms: readonly Alarm[]): Promise<AlarmStory[]> {
    const ids = alarms.map(({ id }) => id);
    const [deliveries, ends, actions] = await Promise.all([
      this.dataSource.manager.findBy(AlarmDelivery, { alarmId: In(ids) }),
      this.dataSource.manager.findBy(AlarmEnd, { alarmId: In(ids) }),
      lastActions(this.dataSource.manager, ids),
    ]);
    const deliveryOf = new Map(deliveries.map((delivery) => [delivery.alarmId, delivery]));
    const endOf = new Map(ends.map((end) => [end.alarmId, end]));
    return alarms.map((alarm) => ({ alarm, delivery: deliveryOf.get(alarm.id) as AlarmDelivery, end: endOf.get(alarm.id) ?? null, ...(actions.get(alarm.id) as AlarmActions) }));
  }
}
