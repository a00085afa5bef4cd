import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import type { AlarmNotice } from '../contracts/alarms.js';
import { parseSpec } from '../spec/parse-spec.js';
import { AlarmsRepository } from './alarms.repository.js';
import { AuditLedger } from './audit-ledger.js';
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

  it('keeps its attempts, and the time of the first that was acknowledged', async () => {
    const { id } = await alarms.raise(notice('attempts'), AT, ORIGIN);
    await alarms.recordAttempt(id, { delivered: false, status: 500, reason: 'the receiver answered 500' }, later(1));
    expect((await alarms.get(id)).delivery).toMatchObject({ attempts: 1, lastStatus: 500, deliveredAt: null });
    expect((await alarms.undelivered(100)).map((alarm) => alarm.id)).toContain(id);
    await alarms.recordAttempt(id, { delivered: true, status: 204, reason: null }, later(2));
    await alarms.recordAttempt(id, { delivered: true, status: 200, reason: null }, later(3));
    expect((await alarms.get(id)).delivery).toMatchObject({ attempts: 3, lastStatus: 200, lastReason: null, deliveredAt: later(2) });
    expect((await alarms.undelivered(100)).map((alarm) => alarm.id)).not.toContain(id);
  });

  it('that is only a test is not sent later than it was asked for', async () => {
    const { id } = await alarms.raise(notice('test', { test: true }), AT, ORIGIN);
    expect((await alarms.undelivered(100)).map((alarm) => alarm.id)).not.toContain(id);
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

describe('the record of alarms', () => {
  it('is not changed, even by the owner of the tables', async () => {
    await server.asOwner(async (owner) => {
      for (const statement of ["UPDATE alarm SET severity = 'info'", 'DELETE FROM alarm_end', 'TRUNCATE monitoring_proof CASCADE', "UPDATE alarm_receipt SET subject = ''"]) {
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
