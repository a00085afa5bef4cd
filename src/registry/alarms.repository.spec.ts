import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import type { AlarmAction, AlarmNotice } from '../contracts/alarms.js';
import { parseSpec } from '../spec/parse-spec.js';
import { snoozedUntil } from './alarm-actions.js';
import { AlarmsRepository } from './alarms.repository.js';
import { AuditLedger } from './audit-ledger.js';
import { CommandsRepository } from './commands.repository.js';
import { ModelsRepository } from './models.repository.js';

const YAML = readFileSync(join(import.meta.dirname, '../../models/flight-delay/model.yaml'), 'utf8');
const AT = new Date('2026-01-01T00:00:00.000Z');
const later = (seconds: number): Date => new Date(AT.getTime() + seconds * 1_000);
const ORIGIN = { workflowId: 'deployment/flight-delay/default', runId: 'run' };

let server: RegistryServer;
let alarms: AlarmsRepository;
let audit: AuditLedger;

beforeAll(async () => {
  server = await startRegistryServer();
  audit = new AuditLedger(server.dataSource);
  alarms = new AlarmsRepository(server.dataSource, audit);
  await server.dataSource.transaction((manager) => new ModelsRepository(server.dataSource).apply(manager, YAML, parseSpec(YAML), 'ann', AT));
});

afterAll(() => server?.stop());

const notice = (dedupKey: string, changes: Partial<AlarmNotice> = {}): AlarmNotice => ({
  kind: 'windowHarmful', severity: 'warning', model: 'flight-delay', deployment: 'default', subject: 'window/2013-03-01', dedupKey,
  summary: 'speed: 20 % of rows have no value', details: { rows: 3 }, test: false, ...changes,
});

describe('an alarm', () => {
  it('is raised once while it is open, by however many at once, and audited once', async () => {
    const raised = await Promise.all(Array.from({ length: 12 }, () => alarms.raise(notice('many'), AT, ORIGIN)));
    expect(new Set(raised.map(({ id }) => id)).size).toBe(1);
    expect(raised.filter((one) => one.raised)).toHaveLength(1);
    const entries = (await audit.list('flight-delay', 0, 500)).filter(({ subject }) => subject === `alarm/${raised[0]?.id}`);
    expect(entries.map(({ action, workflowId }) => [action, workflowId])).toEqual([['alarm.raised', ORIGIN.workflowId]]);
  });

  it('is raised anew once it has ended', async () => {
    const first = await alarms.raise(notice('again'), AT, ORIGIN);
    expect(await alarms.findOpen('again')).toMatchObject({ id: first.id, occurrence: 1 });
    expect(await alarms.end(first.id, 'the next window is good', later(5), ORIGIN)).toBe(true);
    expect(await alarms.end(first.id, 'again', later(6), ORIGIN)).toBe(false);
    expect(await alarms.findOpen('again')).toBeNull();
    const second = await alarms.raise(notice('again'), later(7), ORIGIN);
    expect(second).toMatchObject({ raised: true });
    expect(await alarms.get(second.id)).toMatchObject({ alarm: { occurrence: 2 }, end: null });
    expect(await alarms.get(first.id)).toMatchObject({ end: { reason: 'the next window is good', endedBy: 'perennial' } });
  });

  it('that only informs ends in the transaction in which it is raised, is delivered all the same, and is not raised where it does not hold any more', async () => {
    const inform = (key: string, holds: boolean): Promise<string | null> => alarms.raiseWhile(notice(key, { severity: 'info' }), AT, ORIGIN, () => Promise.resolve(holds), 'it only informs');
    expect(await inform('stale', false)).toBeNull();
    expect(await alarms.newest('stale')).toBeNull();
    const id = (await inform('informs', true)) as string;
    expect(await alarms.get(id)).toMatchObject({ end: { reason: 'it only informs', endedBy: 'perennial', endedAt: AT }, delivery: { deliveredAt: null } });
    expect((await alarms.undelivered(500, later(1))).map((alarm) => alarm.id)).toContain(id);
    const written: { action: string; moment: string }[] = await server.dataSource.query('SELECT action, xmin::text AS moment FROM audit_entry WHERE subject = $1 ORDER BY id', [`alarm/${id}`]);
    expect(written.map(({ action }) => action)).toEqual(['alarm.raised', 'alarm.ended']);
    expect(new Set(written.map(({ moment }) => moment)).size).toBe(1);
  });

  it('keeps its attempts, and the time of the first that was acknowledged', async () => {
    const { id } = await alarms.raise(notice('attempts'), AT, ORIGIN);
    await alarms.recordAttempt(id, { delivered: false, status: 500, reason: 'the receiver answered 500' }, later(1));
    expect((await alarms.get(id)).delivery).toMatchObject({ attempts: 1, lastStatus: 500, deliveredAt: null });
    expect((await alarms.undelivered(100, later(10))).map((alarm) => alarm.id)).toContain(id);
    await alarms.recordAttempt(id, { delivered: true, status: 204, reason: null }, later(2));
    await alarms.recordAttempt(id, { delivered: true, status: 200, reason: null }, later(3));
    expect((await alarms.get(id)).delivery).toMatchObject({ attempts: 3, lastStatus: 200, lastReason: null, deliveredAt: later(2) });
    expect((await alarms.undelivered(100, later(10))).map((alarm) => alarm.id)).not.toContain(id);
  });

  it('that is only a test is not sent later than it was asked for', async () => {
    const { id } = await alarms.raise(notice('test', { test: true }), AT, ORIGIN);
    expect((await alarms.undelivered(100, later(10))).map((alarm) => alarm.id)).not.toContain(id);
  });

  it('may concern no model, but none that is not registered', async () => {
    expect(await alarms.raise(notice('gateway', { model: null, deployment: null, subject: 'gateway/a' }), AT, ORIGIN)).toMatchObject({ raised: true });
    await expect(alarms.raise(notice('unknown', { model: 'nobody' }), AT, ORIGIN)).rejects.toThrow(/alarm_model/);
    expect((await alarms.list(500, { model: 'flight-delay' })).every(({ alarm }) => alarm.model === 'flight-delay')).toBe(true);
  });

  it('is listed newest first', async () => {
    const { id } = await alarms.raise(notice('newest'), later(1_000), ORIGIN);
    expect((await alarms.list(1)).map(({ alarm, delivery }) => [alarm.id, delivery.attempts])).toEqual([[id, 0]]);
  });
});

it('an alarm that flaps is one open alarm at a time', async () => {
  const openNow = async (): Promise<number> => (await alarms.list(500, { open: true })).filter(({ alarm }) => alarm.dedupKey === 'flapping').length;
  for (let round = 0; round < 50; round++) {
    const raised = await Promise.all([1, 2, 3].map(() => alarms.raise(notice('flapping'), later(round), ORIGIN)));
    expect(raised.filter((one) => one.raised)).toHaveLength(1);
    expect(await openNow()).toBe(1);
    const ended = await Promise.all([1, 2].map(() => alarms.end(raised[0]?.id as string, 'good again', later(round), ORIGIN)));
    expect(ended.filter(Boolean)).toHaveLength(1);
    expect(await openNow()).toBe(0);
  }
  expect((await alarms.newest('flapping'))?.alarm.occurrence).toBe(50);
});

let commands = 0;
/** What a person does, as its command's transaction would. */
async function act(alarmId: string, action: AlarmAction, at: Date, until: Date | null = null, actor = 'ann'): Promise<boolean> {
  const body = { alarm: alarmId, action, until: until?.toISOString() ?? null, reason: action };
  const { command } = await new CommandsRepository(server.dataSource, audit).accept({ actor, idempotencyKey: `act-${++commands}`, kind: 'alarm', model: 'flight-delay', body }, at);
  return server.dataSource.transaction((manager) => alarms.act(manager, { alarmId, action, until, reason: action, actor, commandId: command.id, at }, ORIGIN));
}

describe('what people do about an alarm', () => {
  const isDue = async (id: string, at: Date): Promise<boolean> => (await alarms.undelivered(500, at)).some((alarm) => alarm.id === id);
  const delivered = { delivered: true, status: 200, reason: null };
  const failed = { delivered: false, status: 500, reason: 'the receiver answered 500' };

  it('is on record, the last of its kind first of all, and counted without a gap by however many at once', async () => {
    const { id } = await alarms.raise(notice('many people'), AT, ORIGIN);
    await Promise.all(Array.from({ length: 8 }, (_, person) => act(id, 'acknowledge', later(1), null, `person-${person}`)));
    await act(id, 'acknowledge', later(2), null, 'the last');
    await act(id, 'snooze', later(3), later(100));
    const story = await alarms.get(id);
    expect(story).toMatchObject({ end: null, acknowledgement: { number: 9, actor: 'the last', at: later(2) }, snooze: { number: 10, until: later(100) } });
    expect([snoozedUntil(story, later(99)), snoozedUntil(story, later(100))]).toEqual([later(100), null]);
    const numbers = await server.dataSource.query<{ number: number }[]>('SELECT number FROM alarm_action WHERE alarm_id = $1 ORDER BY number', [id]);
    expect(numbers.map(({ number }) => number)).toEqual(Array.from({ length: 10 }, (_, index) => index + 1));
  });

  it('ends it, in the name of who resolved it, and nothing more is done then', async () => {
    const { id } = await alarms.raise(notice('resolved'), AT, ORIGIN);
    const answers = await Promise.all(['ann', 'bob'].map((actor) => act(id, 'resolve', later(1), null, actor)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    const { end } = await alarms.get(id);
    expect(end).toMatchObject({ endedBy: answers[0] ? 'ann' : 'bob', reason: 'resolve' });
    expect([await act(id, 'acknowledge', later(2)), await act(id, 'snooze', later(2), later(9))]).toEqual([false, false]);
    expect(await alarms.get(id)).toMatchObject({ acknowledgement: null, snooze: null });
    const entries = (await audit.list('flight-delay', 0, 500)).filter(({ subject, action }) => subject === `alarm/${id}` && action === 'alarm.ended');
    expect(entries).toMatchObject([{ actor: end?.endedBy }]);
  });

  it('keeps it from being sent, and once the snooze has passed it is sent until it arrives again', async () => {
    const { id } = await alarms.raise(notice('snoozed'), AT, ORIGIN);
    await alarms.recordAttempt(id, delivered, later(1));
    await act(id, 'snooze', later(2), later(60));
    expect([await isDue(id, later(3)), await isDue(id, later(59)), await isDue(id, later(60))]).toEqual([false, false, true]);
    await alarms.recordAttempt(id, failed, later(61));
    expect(await isDue(id, later(62))).toBe(true);
    await alarms.recordAttempt(id, delivered, later(63));
    expect(await isDue(id, later(64))).toBe(false);
    await act(id, 'snooze', later(70), later(90));
    expect([await isDue(id, later(80)), await isDue(id, later(90))]).toEqual([false, true]);
    // The last word counts, a shorter snooze too.
    await act(id, 'snooze', later(91), later(200));
    await act(id, 'snooze', later(92), later(95));
    expect([await isDue(id, later(94)), await isDue(id, later(95))]).toEqual([false, true]);
    await alarms.end(id, 'good again', later(96), ORIGIN);
    expect(await isDue(id, later(97))).toBe(false);
  });

  it('counts for one that never arrived too, and ends with it: the next one is sent at once', async () => {
    const { id } = await alarms.raise(notice('unheard'), AT, ORIGIN);
    await act(id, 'snooze', later(1), later(60));
    expect([await isDue(id, later(59)), await isDue(id, later(60))]).toEqual([false, true]);
    await alarms.end(id, 'good again', later(2), ORIGIN);
    const next = await alarms.raise(notice('unheard'), later(3), ORIGIN);
    expect([await isDue(next.id, later(4)), snoozedUntil(await alarms.get(id), later(4))]).toEqual([true, null]);
  });
});

describe('the record of alarms', () => {
  it('is not changed, even by the owner of the tables', async () => {
    await server.asOwner(async (owner) => {
      const statements = [
        "UPDATE alarm SET severity = 'info'", 'DELETE FROM alarm_end', 'TRUNCATE monitoring_proof CASCADE', "UPDATE alarm_receipt SET subject = ''",
        "UPDATE alarm_action SET actor = 'bob'", 'DELETE FROM quarantine_release',
      ];
      for (const statement of statements) {
        await expect(owner.query(statement)).rejects.toThrow(/append-only/);
      }
    });
    await expect(server.dataSource.query("UPDATE alarm_delivery SET alarm_id = gen_random_uuid()")).rejects.toThrow(/permission denied/);
  });

  it('keeps a receipt once', async () => {
    const receipt = { messageId: 'one', source: '/perennial', subject: 'gateway/a', test: true, bodyDigest: 'sha256:0', sentAt: AT, receivedAt: AT };
    expect([await alarms.recordReceipt(receipt), await alarms.recordReceipt(receipt)]).toEqual([true, false]);
  });

  it('keeps the first proof of an occasion', async () => {
    const id = { model: 'flight-delay', deployment: 'default', proofKey: 'release/1/canary/5' };
    const { id: alarmId } = await alarms.raise(notice('proof', { test: true }), AT, ORIGIN);
    const proof = { alarmId, sentAt: AT.toISOString(), arrivedAt: later(1).toISOString(), windowDigest: 'sha256:1', findings: [] };
    expect(await alarms.findProof(id)).toBeNull();
    await alarms.recordProof(id, { release: 1, step: 'canary/5' }, proof);
    await alarms.recordProof(id, { release: 1, step: 'canary/5' }, { ...proof, windowDigest: 'sha256:2' });
    expect(await alarms.findProof(id)).toEqual(proof);
  });
});
