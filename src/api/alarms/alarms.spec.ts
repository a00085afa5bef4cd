import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../../test/registry-server.js';
import { type AlarmEvent, alarmEvent } from '../../alarms/cloud-event.js';
import { sign } from '../../alarms/signature.js';
import { deliver } from '../../alarms/webhook.js';
import { readEnvironment } from '../../config/environment.js';
import type { AlarmNotice } from '../../contracts/alarms.js';
import { anyFreePort } from '../../embedded/ports.js';
import { AlarmsRepository } from '../../registry/alarms.repository.js';
import { AuditLedger } from '../../registry/audit-ledger.js';
import { GatewaysRepository } from '../../registry/gateways.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { parseSpec } from '../../spec/parse-spec.js';
import { type RunningApi, startApi } from '../api.js';
import { alarmListSchema } from './alarms.dto.js';

const YAML = readFileSync(join(import.meta.dirname, '../../../models/flight-delay/model.yaml'), 'utf8');
const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const OTHER_SECRET = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const NOBODY = { workflowId: null, runId: null };

let registry: RegistryServer;
let api: RunningApi;
let deaf: RunningApi;
let alarms: AlarmsRepository;
let key: string;

beforeAll(async () => {
  registry = await startRegistryServer();
  key = await registry.apiKey('engineer');
  alarms = new AlarmsRepository(registry.dataSource, new AuditLedger(registry.dataSource));
  await registry.dataSource.transaction((manager) => new ModelsRepository(registry.dataSource).apply(manager, YAML, parseSpec(YAML), 'engineer', new Date()));
  api = await start({ ALARM_WEBHOOK_SECRET: SECRET });
  deaf = await start({});
}, 120_000);

afterAll(async () => {
  await api?.close();
  await deaf?.close();
  await registry?.stop();
}, 60_000);

const start = async (settings: Record<string, string>): Promise<RunningApi> => startApi(readEnvironment({
  DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error', ...settings,
}));

const notice = (dedupKey: string, changes: Partial<AlarmNotice> = {}): AlarmNotice => ({
  kind: 'windowHarmful', severity: 'warning', model: 'flight-delay', deployment: 'default', subject: 'window/2013-03-01', dedupKey, summary: 'speed is missing', details: { rows: 3 }, test: false, ...changes,
});
const event = (id: string): AlarmEvent => alarmEvent({ ...notice(id), id, raisedAt: new Date() });
const receipts = async (): Promise<number> => (await registry.dataSource.query<{ n: number }[]>('SELECT count(*)::int AS n FROM alarm_receipt'))[0]?.n ?? -1;

function post(to: RunningApi, body: string, headers: Record<string, string>): Promise<Response> {
  return fetch(`${to.url}/v1/alarms/receipts`, { method: 'POST', body, headers: { 'content-type': 'application/cloudevents+json', ...headers } });
}

describe('the API as the receiver of alarms', () => {
  it('takes what is signed, without an API key, and keeps it once', async () => {
    const receiver = { url: `${api.url}/v1/alarms/receipts`, secret: SECRET };
    expect(await deliver(receiver, event('one'), new Date())).toEqual({ delivered: true, status: 200 });
    expect(await deliver(receiver, event('one'), new Date())).toEqual({ delivered: true, status: 200 });
    expect(await registry.dataSource.query('SELECT message_id, source, subject, test FROM alarm_receipt')).toEqual([
      { message_id: 'one', source: '/perennial/models/flight-delay/deployments/default', subject: 'window/2013-03-01', test: false },
    ]);
  });

  const body = JSON.stringify(event('two'));
  const good = (): Record<string, string> => ({ ...sign(SECRET, 'two', new Date(), body) });
  it.each<[string, () => Promise<Response>, number]>([
    ['another secret', () => post(api, body, { ...sign(OTHER_SECRET, 'two', new Date(), body) }), 401],
    ['another body', () => post(api, body.replace('warning', 'info'), good()), 401],
    ['no signature', () => post(api, body, {}), 401],
    ['an API key instead', () => post(api, body, { authorization: `Bearer ${key}` }), 401],
    ['a clock an hour off', () => post(api, body, { ...sign(SECRET, 'two', new Date(Date.now() - 3_600_000), body) }), 401],
    ['another id than the event has', () => post(api, body, { ...sign(SECRET, 'three', new Date(), body) }), 400],
    ['no CloudEvent', () => post(api, '{}', { ...sign(SECRET, 'two', new Date(), '{}') }), 400],
    ['no JSON', () => post(api, '{', { ...sign(SECRET, 'two', new Date(), '{') }), 400],
    ['plain JSON', () => post(api, body, { ...good(), 'content-type': 'application/json' }), 415],
    ['300 KiB', () => post(api, 'x'.repeat(300 * 1024), good()), 413],
    ['no secret to verify with', () => post(deaf, body, good()), 404],
  ])('refuses %s', async (_, send, status) => {
    const before = await receipts();
    const answer = await send();
    const text = await answer.text();
    expect(answer.status, text).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(text).not.toContain(SECRET.slice(6));
    expect(await receipts()).toBe(before);
  });

  it('takes signed events on no other route', async () => {
    const answer = await fetch(`${api.url}/v1/models/flight-delay/retrains`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(415);
  });
});

describe('GET /v1/alarms', () => {
  const list = async (query = ''): Promise<Response> => fetch(`${api.url}/v1/alarms${query}`, { headers: { authorization: `Bearer ${key}` } });

  it('lists alarms with what became of them, newest first', async () => {
    const { id } = await alarms.raise(notice('first'), new Date('2026-01-01T00:00:00Z'), NOBODY);
    await alarms.recordAttempt(id, { delivered: false, status: 500, reason: 'the receiver answered 500; see its log' }, new Date('2026-01-01T00:00:01Z'));
    await alarms.end(id, 'The next window is good', new Date('2026-01-02T00:00:00Z'), NOBODY);
    await alarms.raise(notice('second', { model: null, deployment: null }), new Date('2026-01-03T00:00:00Z'), NOBODY);
    const { items } = alarmListSchema.parse(await (await list()).json());
    expect(items.map(({ model, ended }) => [model, ended?.reason])).toEqual([[null, undefined], ['flight-delay', 'The next window is good']]);
    expect(items[1]?.delivery).toEqual({ deliveredAt: null, attempts: 1, lastAttemptAt: '2026-01-01T00:00:01.000Z', lastStatus: 500, lastReason: 'the receiver answered 500; see its log' });
    expect(alarmListSchema.parse(await (await list('?model=flight-delay&limit=5')).json()).items).toHaveLength(1);
  });

  it('needs an API key and a query that is known', async () => {
    expect((await fetch(`${api.url}/v1/alarms`)).status).toBe(401);
    expect((await list('?kind=any')).status).toBe(400);
  });
});

describe('GET /metrics', () => {
  const figure = (text: string, name: string): number => Number(new RegExp(`^${name.replaceAll(/[{}"=,/]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);

  it('counts requests by route template and status, whatever paths callers choose', async () => {
    const fresh = await start({});
    for (const name of ['a', 'b', 'c']) await fetch(`${fresh.url}/v1/models/${name}`, { headers: { authorization: `Bearer ${key}` } });
    for (let path = 0; path < 5; path++) await fetch(`${fresh.url}/nowhere/${path}`);
    const answer = await fetch(`${fresh.url}/metrics`);
    const text = await answer.text();
    await fresh.close();
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(figure(text, 'perennial_http_request_duration_seconds_count{method="GET",route="/v1/models/:model",status="4xx"}')).toBe(3);
    expect(figure(text, 'perennial_http_request_duration_seconds_count{method="GET",route="none",status="4xx"}')).toBe(5);
    expect(text).not.toContain('/nowhere');
    expect(figure(text, 'process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(figure(text, 'process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  it('says what waits, what is open and who is behind, and names nobody', async () => {
    const gateways = new GatewaysRepository(registry.dataSource);
    const now = new Date();
    const expires = new Date(now.getTime() + 60_000);
    for (const gateway of ['ahead', 'behind']) await gateways.renew({ gateway, boot: '00000000-0000-4000-8000-000000000001', url: 'http://127.0.0.1:1' }, now, expires);
    await gateways.renew({ gateway: 'gone', boot: '00000000-0000-4000-8000-000000000001', url: 'http://127.0.0.1:1' }, now, now);
    await gateways.acknowledge({ gateway: 'ahead', boot: '00000000-0000-4000-8000-000000000001', url: '' }, 'flight-delay', 'default', 1_000, now);
    await alarms.raise(notice('undelivered test', { test: true }), now, NOBODY);
    const fresh = await start({});
    const text = await (await fetch(`${fresh.url}/metrics`)).text();
    await fresh.close();
    const expected = { record_up: 1, commands_waiting: 0, retrains_open: 0, rollbacks_open: 0, releases_open: 0, gateways_live: 2, gateways_behind: 1, alarms_open: 1, alarms_undelivered: 2 };
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, figure(text, `perennial_${name}`)]))).toEqual(expected);
    expect(text).not.toMatch(/flight-delay|engineer|127\.0\.0\.1/);
  });

  it('goes on without PostgreSQL, and leaves out what it cannot know', async () => {
    await registry.crash();
    const fresh = await fetch(`${deaf.url}/metrics`);
    const text = await fresh.text();
    expect(fresh.status).toBe(200);
    expect(figure(text, 'perennial_record_up')).toBe(0);
    expect(text).not.toMatch(/^perennial_commands_waiting /m);
    expect(figure(text, 'process_resident_memory_bytes')).toBeGreaterThan(0);
  });
});
