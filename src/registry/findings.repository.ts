import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, In, type SelectQueryBuilder } from 'typeorm';
import type { AlarmNotice } from '../contracts/alarms.js';
import { PerennialError } from '../contracts/failures.js';
import { findingAlarmKey, type FindingClosing, type FindingId, type NewFinding, stopsModel } from '../contracts/findings.js';
import { AuditLedger, type AuditRecord, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { Finding, FindingEnd, FindingEscalation, FindingHandover } from './entities/finding.entity.js';
import { endOpenAlarms, raiseAlarm } from './open-alarms.js';
import { namedNow } from './successors.js';

/** How often people were told that a finding is overdue, and when last. */
export interface Escalated {
  readonly times: number;
  readonly lastAt: Date;
}

/** A finding with what became of it. */
export interface FindingStory {
  readonly finding: Finding;
  /** Null while it is open. */
  readonly end: FindingEnd | null;
  /** Null where nobody had to be told. */
  readonly escalated: Escalated | null;
}

/** Findings of models, registered or not: rows are only ever added. */
@Injectable()
export class FindingsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** Opens a finding, unless one is open under its key. Of an owner who has left it is the successor's. @returns the number of the one that is open then */
  async open(manager: EntityManager, request: NewFinding, origin: Origin): Promise<number> {
    const { at, key = null, ...asked } = request;
    const { model, version, source, severity, owner: named, dueAt, openedBy, commandId, title, evidenceNeeded } = asked;
    await lockFindings(manager, model);
    const before = key === null ? null : await this.openUnder(manager, model, key);
    if (before) return before.number;
    const number = ((await manager.maximum(Finding, 'number', { model })) ?? 0) + 1;
    const { name: owner } = await namedNow(manager, named);
    await manager.insert(Finding, { ...asked, owner, key, number, openedAt: at });
    await this.audit.append(manager, {
      at, actor: openedBy, action: 'finding.opened', model, subject: `finding/${number}`, origin, commandId: commandId ?? undefined,
      ...written(openedBy, { version, source, severity, owner, ...(owner !== named && { named }), dueAt: dueAt.toISOString(), key }, { title, evidenceNeeded }),
    });
    return number;
  }

  /** Closes a finding, once, and ends the alarm that tells of it. @returns false when it had been closed before */
  async close(manager: EntityManager, { model, number }: FindingId, closing: FindingClosing, origin: Origin): Promise<boolean> {
    const { closedBy, evidence, artifactDigest, commandId, at } = closing;
    await lockFindings(manager, model);
    const inserted: unknown[] = await manager.query(
      `INSERT INTO finding_end (model, finding, evidence, artifact_digest, closed_by, command_id, closed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (model, finding) DO NOTHING RETURNING finding`,
      [model, number, evidence, artifactDigest, closedBy, commandId, at],
    );
    if (inserted.length === 0) return false;
    await this.audit.append(manager, {
      at, actor: closedBy, action: 'finding.closed', model, subject: `finding/${number}`, origin, commandId: commandId ?? undefined, ...written(closedBy, { artifactDigest }, { evidence }),
    });
    await endOpenAlarms(manager, this.audit, { dedupKey: findingAlarmKey({ model, number }) }, `${closedBy} closed the finding.`, at, origin);
    return true;
  }

  /** Tells people that a finding is overdue, unless it was closed, or they were told after `notSince`. @returns whether they are told now */
  async escalate({ model, number }: FindingId, notice: AlarmNotice, { at, notSince }: { readonly at: Date; readonly notSince: Date }, origin: Origin): Promise<boolean> {
    return this.dataSource.transaction(async (manager) => {
      await lockFindings(manager, model);
      const { finding, end, escalated } = await this.get({ model, number }, manager);
      if (end || (escalated && escalated.lastAt > notSince)) return false;
      await endOpenAlarms(manager, this.audit, { dedupKey: notice.dedupKey }, 'Told again.', at, origin);
      const alarmId = (await raiseAlarm(manager, this.audit, notice, at, origin)) ?? null;
      const times = (escalated?.times ?? 0) + 1;
      await manager.insert(FindingEscalation, { model, finding: number, number: times, alarmId, at });
      await this.audit.append(manager, {
        at, actor: SYSTEM_ACTOR, action: 'finding.escalated', model, subject: `finding/${number}`, origin,
        details: { severity: finding.severity, owner: finding.owner, dueAt: finding.dueAt.toISOString(), times, alarm: alarmId },
      });
      return true;
    });
  }

  /** @throws PerennialError `NotFound` */
  async get({ model, number }: FindingId, manager: EntityManager = this.dataSource.manager): Promise<FindingStory> {
    const story = await this.find({ model, number }, manager);
    if (!story) throw new PerennialError('NotFound', noFinding({ model, number }), { model, number });
    return story;
  }

  async find({ model, number }: FindingId, manager: EntityManager = this.dataSource.manager): Promise<FindingStory | null> {
    const finding = await manager.findOneBy(Finding, { model, number });
    return finding && ((await storiesOf(manager, [finding]))[0] as FindingStory);
  }

  /** The finding of a model that is open under a key. */
  async openUnder(manager: EntityManager, model: string, key: string): Promise<Finding | null> {
    return openFindings(manager).andWhere('finding.model = :model AND finding.key = :key', { model, key }).getOne();
  }

  /** Newest first. @param only `open`: those that are not closed */
  async list(model: string, limit: number, only: { readonly open?: boolean } = {}): Promise<FindingStory[]> {
    const { manager } = this.dataSource;
    const found = only.open ? openFindings(manager) : manager.createQueryBuilder(Finding, 'finding');
    return storiesOf(manager, await found.andWhere('finding.model = :model', { model }).orderBy('finding.number', 'DESC').limit(limit).getMany());
  }

  /** Those of all models that are open, the one that is due first at the head. */
  async openOnes(): Promise<FindingStory[]> {
    const { manager } = this.dataSource;
    return storiesOf(manager, await openFindings(manager).orderBy('finding.dueAt').addOrderBy('finding.model').addOrderBy('finding.number').getMany());
  }

  /** How many of a model are open. */
  async countOpen(model: string, manager: EntityManager = this.dataSource.manager): Promise<number> {
    return openFindings(manager).andWhere('finding.model = :model', { model }).getCount();
  }

  /** Those that stop a model: open, of a severity that does, and overdue; the one that was due first at the head. */
  async stopping(model: string, at: Date, manager: EntityManager = this.dataSource.manager): Promise<Finding[]> {
    const overdue = await openFindings(manager).andWhere('finding.model = :model AND finding.dueAt <= :at', { model, at }).orderBy('finding.dueAt').addOrderBy('finding.number').getMany();
    return ownedNow(manager, overdue.filter(({ severity }) => stopsModel(severity)));
  }
}

const OVER = 'over.model = finding.model AND over.finding = finding.number';

export const noFinding = ({ model, number }: FindingId): string => `${model} has no finding ${number}; \`perennial findings ${model} --all\` lists them`;

/** Those of a model that were open at a time, with what became of them, in their order. */
export async function findingsOpenAt(manager: EntityManager, model: string, at: Date): Promise<FindingStory[]> {
  return storiesOf(manager, await manager.createQueryBuilder(Finding, 'finding').leftJoin(FindingEnd, 'over', OVER)
    .where('finding.model = :model AND finding.openedAt <= :at AND (over.closedAt IS NULL OR over.closedAt > :at)', { model, at }).orderBy('finding.number').getMany());
}

const openFindings = (manager: EntityManager): SelectQueryBuilder<Finding> => manager.createQueryBuilder(Finding, 'finding').leftJoin(FindingEnd, 'over', OVER).where('over.model IS NULL');

/** Of those who open, close or escalate findings of a model one does at a time: its name may be of no registered model, so that there is no row to lock. */
const lockFindings = (manager: EntityManager, model: string): Promise<unknown> => manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`finding/${model}`]);

/** What a person wrote goes beside the entry, what a step of a workflow found into its details. */
const written = (actor: string, details: Readonly<Record<string, unknown>>, texts: Readonly<Record<string, string>>): Pick<AuditRecord, 'details' | 'texts'> =>
  (actor === SYSTEM_ACTOR ? { details: { ...details, ...texts } } : { details, texts });

/** With whoever owns them since the last handover. */
async function ownedNow<T extends readonly Finding[]>(manager: EntityManager, findings: T): Promise<T> {
  const handovers = await manager.find(FindingHandover, { where: { model: In([...new Set(findings.map(({ model }) => model))]) }, order: { number: 'ASC' } });
  const ownerOf = new Map(handovers.map(({ model, finding, owner }) => [`${model}/${finding}`, owner]));
  for (const finding of findings) finding.owner = ownerOf.get(`${finding.model}/${finding.number}`) ?? finding.owner;
  return findings;
}

/** Gives the open findings of somebody who leaves to somebody else. @returns how many */
export async function handFindingsOver(manager: EntityManager, { from, to, by, at }: { readonly from: string; readonly to: string; readonly by: string; readonly at: Date }, audit: AuditLedger): Promise<number> {
  const owned = (await ownedNow(manager, await openFindings(manager).orderBy('finding.model').addOrderBy('finding.number').getMany())).filter(({ owner }) => owner === from);
  for (const { model, number: finding } of owned) {
    const number = 1 + ((await manager.maximum(FindingHandover, 'number', { model, finding })) ?? 0);
    await manager.insert(FindingHandover, { model, finding, number, owner: to, handedBy: by, at });
    await audit.append(manager, { at, actor: by, action: 'finding.handedOver', model, subject: `finding/${finding}`, details: { from, to } });
  }
  return owned.length;
}

async function storiesOf(manager: EntityManager, findings: readonly Finding[]): Promise<FindingStory[]> {
  const models = [...new Set(findings.map(({ model }) => model))];
  const [ends, escalations] = [await manager.findBy(FindingEnd, { model: In(models) }), await manager.find(FindingEscalation, { where: { model: In(models) }, order: { number: 'ASC' } })];
  const keyOf = (model: string, number: number): string => `${model}/${number}`;
  const endOf = new Map(ends.map((end) => [keyOf(end.model, end.finding), end]));
  const escalatedOf = new Map(escalations.map(({ model, finding, number, at }) => [keyOf(model, finding), { times: number, lastAt: at }]));
  const owned = await ownedNow(manager, findings);
  return owned.map((finding) => ({ finding, end: endOf.get(keyOf(finding.model, finding.number)) ?? null, escalated: escalatedOf.get(keyOf(finding.model, finding.number)) ?? null }));
}
