import { Brackets, type EntityManager, MoreThan, MoreThanOrEqual } from 'typeorm';
import { Alarm, AlarmEnd } from './entities/alarm.entity.js';
import type { AuditEntry } from './entities/audit-entry.entity.js';
import { Release } from './entities/release.entity.js';
import { Retirement, RetirementStep } from './entities/retirement.entity.js';
import { Retrain } from './entities/retrain.entity.js';
import { QuarantineRelease, RetrainingDecisionRecord } from './entities/retraining-decision.entity.js';
import { ChampionChange, Rollback } from './entities/routing.entity.js';
import { WindowAssessment } from './entities/window-assessment.entity.js';
import { entriesOn, retirementSubject, tellsChange, windowSubject } from './telling-entries.js';

/** How many of each kind are listed, the first ones; all are counted. */
const MOST_LISTED = 100;

export interface Listed<T> {
  readonly total: number;
  /** In their order, with the ids of the audit entries about each. */
  readonly items: readonly { readonly of: T; readonly entries: readonly number[] }[];
}

/** The newest assessments of windows, by their verdict. */
export interface WindowCounts {
  readonly pass: number;
  readonly fail: number;
  readonly inconclusive: number;
}

/** What has happened in a deployment since a champion came, up to now. */
export interface Aftermath {
  readonly changes: Listed<ChampionChange>;
  readonly rollbacks: Listed<Rollback>;
  readonly releases: Listed<Release>;
  readonly retrains: Listed<Retrain>;
  /** Raised or ended since, tests left out. */
  readonly alarms: Listed<{ readonly alarm: Alarm; readonly end: AlarmEnd | null }>;
  readonly quarantines: Listed<{ readonly decision: RetrainingDecisionRecord; readonly released: QuarantineRelease | null }>;
  /** Of the model, asked for since or taken a step further. */
  readonly retirements: Listed<{ readonly retirement: Retirement; readonly steps: readonly RetirementStep[] }>;
  /** Windows that were assessed since: of whichever version, and those in which the version answered most rows. */
  readonly windows: { readonly all: WindowCounts; readonly own: WindowCounts; readonly worst: WindowAssessment | null };
}

/** @param version whose windows are counted apart */
export async function aftermathOf(manager: EntityManager, change: ChampionChange, version: number): Promise<Aftermath> {
  const { model, deployment, epoch, changedAt } = change;
  const here = { model, deployment };
  const first = { take: MOST_LISTED };
  const changes = await manager.findAndCount(ChampionChange, { where: { ...here, epoch: MoreThan(epoch) }, order: { epoch: 'ASC' }, ...first });
  const rollbacks = await manager.findAndCount(Rollback, { where: { ...here, fromEpoch: MoreThanOrEqual(epoch) }, order: { fromEpoch: 'ASC' }, ...first });
  const releases = await manager.findAndCount(Release, { where: { ...here, requestedAt: MoreThan(changedAt) }, order: { number: 'ASC' }, ...first });
  const retrains = await manager.findAndCount(Retrain, { where: { ...here, requestedAt: MoreThan(changedAt) }, order: { number: 'ASC' }, ...first });
  const alarms = await alarmsSince(manager, change);
  const quarantines = await quarantinesSince(manager, change);
  const retirements = await retirementsSince(manager, change);
  const about = [
    ...(changes[1] + rollbacks[1] > 0 ? [`deployment/${deployment}`] : []), ...releases[0].map(({ number }) => `release/${number}`), ...retrains[0].map(({ number }) => `retrain/${number}`),
    ...alarms[0].map(({ alarm }) => `alarm/${alarm.id}`), ...quarantines[0].map(({ decision }) => windowSubject(decision)), ...quarantines[0].flatMap(({ released }) => (released ? [releaseSubject(released)] : [])),
    ...retirements[0].map(({ retirement }) => retirementSubject(retirement)),
  ];
  const entries = await entriesOn(manager, model, about);
  const on = (...subjects: string[]) => (entry: AuditEntry): boolean => subjects.includes(entry.subject);
  return {
    changes: listed(changes, entries, (one) => (entry) => tellsChange(entry, one)),
    rollbacks: listed(rollbacks, entries, (one) => (entry) => entry.action.startsWith('rollback.') && ((one.commandId !== null && entry.commandId === one.commandId) || entry.at.getTime() === one.finishedAt?.getTime())),
    releases: listed(releases, entries, ({ number }) => on(`release/${number}`)),
    retrains: listed(retrains, entries, ({ number }) => on(`retrain/${number}`)),
    alarms: listed(alarms, entries, ({ alarm }) => on(`alarm/${alarm.id}`)),
    quarantines: listed(quarantines, entries, ({ decision, released }) => on(windowSubject(decision), ...(released ? [releaseSubject(released)] : []))),
    retirements: listed(retirements, entries, ({ retirement }) => on(retirementSubject(retirement))),
    windows: await windowsSince(manager, change, version),
  };
}

const listed = <T>([items, total]: [T[], number], entries: readonly AuditEntry[], about: (item: T) => (entry: AuditEntry) => boolean): Listed<T> =>
  ({ total, items: items.map((of) => ({ of, entries: entries.filter(about(of)).map(({ id }) => id) })) });

const releaseSubject = ({ model, deployment, fromEvent }: QuarantineRelease): string => `window/${model}/${deployment}/${fromEvent.toISOString()}`;

async function alarmsSince(manager: EntityManager, { model, deployment, changedAt }: ChampionChange): Promise<[Aftermath['alarms']['items'][number]['of'][], number]> {
  const [alarms, total] = await manager.getRepository(Alarm).createQueryBuilder('alarm').leftJoin(AlarmEnd, 'over', 'over.alarm_id = alarm.id')
    .where('alarm.model = :model AND (alarm.deployment = :deployment OR alarm.deployment IS NULL) AND NOT alarm.test', { model, deployment })
    .andWhere(new Brackets((since) => since.where('alarm.raised_at >= :changedAt', { changedAt }).orWhere('over.ended_at >= :changedAt', { changedAt })))
    .orderBy('alarm.raisedAt').addOrderBy('alarm.id').take(MOST_LISTED).getManyAndCount();
  const ends = alarms.length === 0 ? [] : await manager.getRepository(AlarmEnd).createQueryBuilder('over').where('over.alarm_id IN (:...ids)', { ids: alarms.map(({ id }) => id) }).getMany();
  return [alarms.map((alarm) => ({ alarm, end: ends.find(({ alarmId }) => alarmId === alarm.id) ?? null })), total];
}

async function quarantinesSince(manager: EntityManager, { model, deployment, changedAt }: ChampionChange): Promise<[Aftermath['quarantines']['items'][number]['of'][], number]> {
  const [decisions, total] = await manager.findAndCount(RetrainingDecisionRecord, { where: { model, deployment, outcome: 'quarantine', decidedAt: MoreThanOrEqual(changedAt) }, order: { decidedAt: 'ASC' }, take: MOST_LISTED });
  const released = decisions.length === 0 ? [] : await manager.findBy(QuarantineRelease, { model, deployment });
  return [decisions.map((decision) => ({ decision, released: released.find(({ fromEvent }) => fromEvent.getTime() === decision.fromEvent.getTime()) ?? null })), total];
}

async function retirementsSince(manager: EntityManager, { model, changedAt }: ChampionChange): Promise<[Aftermath['retirements']['items'][number]['of'][], number]> {
  const [all, steps] = [await manager.find(Retirement, { where: { model }, order: { number: 'ASC' } }), await manager.find(RetirementStep, { where: { model }, order: { at: 'ASC', step: 'ASC' } })];
  const found = all.map((retirement) => ({ retirement, steps: steps.filter(({ number }) => number === retirement.number) }))
    .filter(({ retirement, steps: taken }) => retirement.requestedAt > changedAt || taken.some(({ at }) => at > changedAt));
  return [found.slice(0, MOST_LISTED), found.length];
}

/** The newest assessment of each window counts. */
const NEWEST = `SELECT DISTINCT ON (from_event) from_event, revision, verdict, headline, findings FROM window_assessment
  WHERE model = $1 AND deployment = $2 AND assessed_at >= $3 ORDER BY from_event, revision DESC`;
/** Of those that failed or found harm: harm before limits, many findings before few, late before early. */
const WORST = `SELECT from_event AS "fromEvent", revision FROM (${NEWEST}) newest WHERE verdict = 'fail' OR headline #> '{harm,alarm}' NOT IN ('null'::jsonb)
  ORDER BY coalesce(headline #> '{harm,alarm}' NOT IN ('null'::jsonb), false) DESC, jsonb_array_length(findings) DESC, from_event DESC LIMIT 1`;

async function windowsSince(manager: EntityManager, { model, deployment, changedAt }: ChampionChange, version: number): Promise<Aftermath['windows']> {
  const counts: { verdict: keyof WindowCounts; own: boolean; count: number }[] = await manager.query(
    `SELECT verdict, coalesce((headline ->> 'version')::int = $4, false) AS own, count(*)::int AS count FROM (${NEWEST}) newest GROUP BY 1, 2`, [model, deployment, changedAt, version],
  );
  const [worst]: { fromEvent: Date; revision: number }[] = await manager.query(WORST, [model, deployment, changedAt]);
  const sum = (rows: typeof counts): WindowCounts => ({ pass: countOf(rows, 'pass'), fail: countOf(rows, 'fail'), inconclusive: countOf(rows, 'inconclusive') });
  return { all: sum(counts), own: sum(counts.filter(({ own }) => own)), worst: worst ? await manager.findOneBy(WindowAssessment, { model, deployment, ...worst }) : null };
}

const countOf = (rows: readonly { verdict: string; count: number }[], verdict: keyof WindowCounts): number => rows.filter((row) => row.verdict === verdict).reduce((sum, { count }) => sum + count, 0);
