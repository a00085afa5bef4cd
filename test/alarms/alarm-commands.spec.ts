import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusalOf } from '../../src/alarms/signature.js';
import { type AlarmAnswer, alarmActedSchema, alarmListSchema, alarmSchema } from '../../src/api/alarms/alarms.dto.js';
import type { AlarmNotice } from '../../src/contracts/alarms.js';
import { SPEC } from '../../src/data/data-fixture.js';
import type { AlarmsRepository } from '../../src/registry/alarms.repository.js';
import { eventually } from '../installation.js';
import { CommandPath, type HttpAnswer, SECRET } from './command-path.js';

const MODEL = SPEC.model;
const ORIGIN = { workflowId: null, runId: null };
const DAY_MS = 86_400_000;

let path: CommandPath;
let alarms: AlarmsRepository;

beforeAll(async () => {
  path = await CommandPath.start();
  alarms = path.alarms;
}, 120_000);

afterAll(() => path?.stop(), 60_000);

const notice = (dedupKey: string, changes: Partial<AlarmNotice> = {}): AlarmNotice => ({
  kind: 'windowHarmful', severity: 'warning', model: MODEL, deployment: 'default', subject: 'window/2024-01-01', dedupKey, summary: 'speed is missing', details: {}, test: false,
  ...changes,
});
const raise = async (dedupKey: string, changes: Partial<AlarmNotice> = {}): Promise<string> => (await alarms.raise(notice(dedupKey, changes), new Date(), ORIGIN)).id;
const sentIds = (): unknown[] => path.receiver.received.map(({ body }) => (JSON.parse(body) as { id: unknown }).id);
const act = (id: string, action: string, body: object = {}, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  path.post(`/v1/alarms/${id}/${action}`, { reason: 'the supplier knows', ...body }, headers);
const shown = async (id: string): Promise<AlarmAnswer> => alarmSchema.parse((await path.get(`/v1/alarms/${id}`)).body);
/** A test alarm that has arrived, or was tried for the last time. */
const over = (id: string): Promise<AlarmAnswer> => eventually(async () => { const alarm = await shown(id); return alarm.ended ? alarm : undefined; }, () => 'the test alarm to end');
const ahead = (ms: number): string => new Date(Date.now() + ms).toISOString();
const actionsOf = (id: string): Promise<unknown> => path.registry.dataSource.query('SELECT number, action, actor FROM alarm_action WHERE alarm_id = $1', [id]);

describe('a person', () => {
  it('acknowledges an alarm: who and when is on record, and it stays open', async () => {
    const id = await raise('acknowledged');
    const { status, body } = await act(id, 'acknowledge');
    const { commandId } = body;
    expect([status, alarmActedSchema.parse(body)]).toEqual([200, { id, model: MODEL, action: 'acknowledge', until: null, commandId, status: `/v1/alarms/${id}` }]);
    expect(await shown(id)).toMatchObject({ acknowledged: { by: 'engineer', reason: 'the supplier knows', at: expect.any(String) as string }, snoozedUntil: null, ended: null });
    expect(await path.entriesOf(`alarm/${id}`)).toMatchObject([{ action: 'alarm.raised' }, { action: 'alarm.acted', actor: 'engineer', commandId, workflowId: `model/${MODEL}` }]);
    expect(alarmListSchema.parse((await path.get(`/v1/alarms?model=${MODEL}&open=true`)).body).items.find((one) => one.id === id)?.acknowledged?.by).toBe('engineer');
  });

  it('snoozes an alarm, which is sent again when that has passed, as a message of its own', async () => {
    const id = await raise('snoozed');
    await path.reconcile();
    expect(sentIds()).toContain(id);
    path.receiver.answer(200);
    const until = ahead(4_000);
    expect(await act(id, 'snooze', { until })).toMatchObject({ status: 200, body: { action: 'snooze', until } });
    expect(await shown(id)).toMatchObject({ snoozedUntil: until, ended: null });
    expect(await alarms.raise(notice('snoozed'), new Date(), ORIGIN)).toEqual({ id, raised: false });
    await path.reconcile();
    expect(sentIds()).toEqual([]);

    await sleep(Date.parse(until) - Date.now() + 50);
    expect((await shown(id)).snoozedUntil).toBeNull();
    path.receiver.answer(500, 200);
    await path.reconcile();
    expect((await shown(id)).delivery).toMatchObject({ lastStatus: 500, deliveredAt: expect.any(String) as string });
    await path.reconcile();
    await path.reconcile();
    expect(sentIds()).toEqual([`${id}/1`, `${id}/1`]);
    const [{ headers, body }] = path.receiver.received as [{ headers: Record<string, string>; body: string }];
    const signed = { 'webhook-id': headers['webhook-id'], 'webhook-timestamp': headers['webhook-timestamp'], 'webhook-signature': headers['webhook-signature'] };
    expect(refusalOf(SECRET, signed, body, new Date())).toBeUndefined();
    path.receiver.answer(200);
  }, 60_000);

  it('fires a test alarm, which goes to the receiver like any other and ends when it has arrived', async () => {
    path.receiver.answer(500, 200);
    const key = randomUUID();
    const fire = (): Promise<HttpAnswer> => path.post(`/v1/models/${MODEL}/alarms/test`, { reason: 'a new receiver' }, { 'idempotency-key': key });
    const { status, body } = await fire();
    const { id, commandId } = alarmActedSchema.parse(body);
    expect([status, body]).toEqual([200, { id, model: MODEL, action: 'test', until: null, commandId, status: `/v1/alarms/${id}` }]);
    expect(await over(id)).toMatchObject({
      kind: 'monitoringTest', severity: 'info', test: true, delivery: { deliveredAt: expect.any(String) as string, attempts: 2, lastStatus: 200 }, ended: { by: 'perennial', reason: 'The test alarm arrived' },
    });
    expect(sentIds()).toEqual([id, id]);
    const { headers, body: sent } = path.receiver.received.at(-1)!;
    expect(JSON.parse(sent)).toMatchObject({ id, test: true });
    expect(refusalOf(SECRET, headers as Parameters<typeof refusalOf>[1], sent, new Date())).toBeUndefined();
    expect(await path.entriesOf(`alarm/${id}`)).toMatchObject([{ action: 'alarm.raised' }, { action: 'alarm.acted', actor: 'engineer', commandId }, { action: 'alarm.ended' }]);
    expect((await fire()).body).toMatchObject({ id });
    expect(sentIds()).toEqual([id, id]);
    expect(await act(id, 'acknowledge')).toMatchObject({ status: 409, body: { type: 'urn:perennial:AlarmNotActionable' } });
    path.receiver.answer(200);
  }, 60_000);

  it('hears why a test alarm did not arrive', async () => {
    path.receiver.answer(500);
    const { id } = alarmActedSchema.parse((await path.post(`/v1/models/${MODEL}/alarms/test`, { reason: 'a new receiver' })).body);
    expect(await over(id)).toMatchObject({ delivery: { deliveredAt: null, attempts: 3, lastStatus: 500, lastReason: expect.any(String) as string }, ended: { reason: 'The test alarm did not arrive' } });
    expect(alarmListSchema.parse((await path.get(`/v1/alarms?model=${MODEL}&open=true`)).body).items.map((one) => one.id)).not.toContain(id);
    expect(await path.cli('test-alarm', MODEL, '--reason', 'once more')).toMatch(/^1 test alarm [0-9a-f-]{36} of .* did not arrive: not delivered after 3 attempts: .*500/);
    path.receiver.answer(200);
    expect(await path.cli('test-alarm', MODEL, '--reason', 'once more')).toMatch(/^0 test alarm [0-9a-f-]{36} of .* has arrived: delivered /);
    expect(await path.post('/v1/models/nobody/alarms/test', { reason: 'to see' })).toMatchObject({ status: 404, body: { type: 'urn:perennial:ModelNotFound' } });
  }, 60_000);

  it('resolves an alarm, and what goes on is told of anew', async () => {
    const id = await raise('resolved');
    expect(await act(id, 'resolve', { reason: 'mended' })).toMatchObject({ status: 200, body: { action: 'resolve' } });
    expect(await shown(id)).toMatchObject({ ended: { by: 'engineer', reason: 'mended' } });
    const entries = (await path.entriesOf(`alarm/${id}`)).map(({ action, actor }) => [action, actor]);
    expect(entries).toEqual([['alarm.raised', 'perennial'], ['alarm.ended', 'engineer'], ['alarm.acted', 'engineer']]);
    expect((await alarms.raise(notice('resolved'), new Date(), ORIGIN)).raised).toBe(true);
  });

  it('is heard once, however often a command is sent', async () => {
    const id = await raise('repeated');
    const headers = { 'idempotency-key': 'resolve-once' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => act(id, 'resolve', {}, headers)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 200, body: { id, action: 'resolve' } });
    expect(await act(id, 'resolve', {}, headers)).toEqual(answers[0]);
    expect(await actionsOf(id)).toEqual([{ number: 1, action: 'resolve', actor: 'engineer' }]);
    expect((await path.entriesOf(`alarm/${id}`)).filter(({ commandId }) => commandId !== null)).toHaveLength(1);
    expect(await act(id, 'acknowledge', {}, headers)).toMatchObject({ status: 422, body: { type: 'urn:perennial:IdempotencyKeyReused' } });
  });

  it('does it from a terminal too', async () => {
    const id = await raise('terminal');
    expect(await path.cli('acknowledge', id, '--reason', 'looking')).toBe(`0 alarm ${id} of ${MODEL} is acknowledged and stays open\n`);
    expect(await path.cli('snooze', id, '--until', ahead(DAY_MS), '--reason', 'tomorrow')).toMatch(/^0 alarm .* is snoozed until 20\d\d-\d\d-\d\d /);
    expect(await path.cli('alarms', MODEL)).toMatch(new RegExp(`raised .*; not delivered after 0 attempts; acknowledged .*Z by engineer: looking; snoozed until .*Z; id ${id}\\n`));
    expect(await path.cli('resolve', id, '--reason', 'mended')).toBe(`0 alarm ${id} of ${MODEL} has ended\n`);
    expect(await path.cli('alarms', MODEL, '--all')).toMatch(new RegExp(`ended .*Z by engineer: mended; id ${id}\\n`));
    expect(await path.cli('resolve', id, '--reason', 'again')).toMatch(/^1 [^]*has ended; `perennial alarms trial --all`/);
  });
});

describe('refused is', () => {
  const problem = (type: string, says: RegExp) => ({ type: `urn:perennial:${type}`, detail: expect.stringMatching(says) as string });
  const nothingDone = async (id: string): Promise<void> => { expect(await alarms.get(id)).toMatchObject({ end: null, acknowledgement: null, snooze: null }); };

  it('an alarm that nobody knows, before anything is accepted', async () => {
    expect(await act(randomUUID(), 'resolve', {}, { 'idempotency-key': 'unknown-alarm' })).toMatchObject({ status: 404, body: problem('NotFound', /no alarm/) });
    expect(await path.registry.dataSource.query("SELECT 1 FROM command WHERE idempotency_key = 'unknown-alarm'")).toEqual([]);
    expect((await path.get(`/v1/alarms/${randomUUID()}`)).status).toBe(404);
    expect((await path.post('/v1/alarms/seven/resolve', { reason: 'x' })).status).toBe(400);
  });

  it('one without a model, which ends by itself', async () => {
    const id = await raise('gateway', { model: null, deployment: null, kind: 'observationsShed', subject: 'gateway/a' });
    expect(await act(id, 'acknowledge')).toMatchObject({ status: 409, body: problem('AlarmNotActionable', /about gateway\/a and no model: it ends by itself/) });
    await nothingDone(id);
  });

  it('a test', async () => {
    const id = await raise('test', { test: true });
    expect(await act(id, 'resolve')).toMatchObject({ status: 409, body: problem('AlarmNotActionable', /is a test/) });
    await nothingDone(id);
  });

  it.each(['acknowledge', 'snooze', 'resolve'])('%s of one that has ended', async (action) => {
    const id = await raise(`ended before ${action}`);
    await alarms.end(id, 'good again', new Date(), ORIGIN);
    const answer = await act(id, action, action === 'snooze' ? { until: ahead(DAY_MS) } : {});
    expect(answer).toMatchObject({ status: 409, body: problem('AlarmNotActionable', /has ended; `perennial alarms trial --all`/) });
    expect(await actionsOf(id)).toEqual([]);
    expect((await path.audit.list(MODEL, 0, 500)).find(({ commandId }) => commandId === answer.body['commandId'])).toMatchObject({ action: 'alarm.refused', actor: 'engineer' });
  });

  it.each<[string, object, RegExp]>([
    ['a time that has passed', { until: '2020-01-01' }, /has passed/],
    ['more than 30 days', { until: ahead(31 * DAY_MS) }, /30 days at most/],
    ['no time', {}, /until/],
    ['a day that is none', { until: '2026-02-30' }, /until/],
    ['no reason', { until: ahead(DAY_MS), reason: '' }, /reason/],
  ])('a snooze for %s', async (name, body, says) => {
    const id = await raise(`snoozed for ${name}`);
    const { status, body: refusal } = await act(id, 'snooze', body);
    expect([status, refusal['type'], JSON.stringify(refusal)]).toEqual([400, 'urn:perennial:InvalidRequest', expect.stringMatching(says)]);
    await nothingDone(id);
  });

  it('whoever has no key', async () => {
    const id = await raise('no key');
    expect((await act(id, 'resolve', {}, { authorization: 'Bearer nobody' })).status).toBe(401);
    await nothingDone(id);
  });
});
