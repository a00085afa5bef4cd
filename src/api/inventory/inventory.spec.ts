import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../../test/registry-server.js';
import { readEnvironment } from '../../config/environment.js';
import { anyFreePort } from '../../embedded/ports.js';
import { ModelCourse } from '../../registry/testing/model-course.js';
import { type RunningApi, startApi } from '../api.js';
import { MAX_INVENTORY_BYTES } from './inventory-upload.js';
import { importAnswerSchema, inventoryItemSchema, inventoryListSchema } from './inventory.dto.js';
import { portfolioSchema } from './portfolio.dto.js';

let registry: RegistryServer;
let api: RunningApi;
let [administrator, reader, narrow] = ['', '', ''];

beforeAll(async () => {
  registry = await startRegistryServer();
  administrator = await registry.apiKey('ada', ['administrator']);
  reader = await registry.apiKey('aud', ['auditor']);
  await registry.apiKey('course', ['owner'], 'person');
  const served = new ModelCourse(registry.dataSource, 'served');
  await served.register('course');
  await served.promote(await served.trained('course', 'the first'), 'perennial');
  await new ModelCourse(registry.dataSource, 'planned').register('course');
  narrow = await narrowKey();
  api = await startApi(readEnvironment({
    DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error',
  }));
}, 120_000);

afterAll(async () => {
  await api?.close();
  await registry?.stop();
}, 60_000);

/** Of a developer of two models, one of which nobody has registered. */
async function narrowKey(): Promise<string> {
  const key = await registry.apiKey('nina', ['developer']);
  await registry.asOwner(async (owner) => {
    await owner.query("INSERT INTO role_revocation (grant_id, revoked_by, revoked_at) SELECT id, 'test', now() FROM role_grant WHERE principal = 'nina'");
    for (const model of ['served', 'shadow-scores']) await owner.query("INSERT INTO role_grant (id, principal, role, model, granted_by, granted_at) VALUES ($1, 'nina', 'developer', $2, 'test', now())", [randomUUID(), model]);
  });
  return key;
}

const get = (path: string, headers: Record<string, string> = {}, key = reader): Promise<Response> => fetch(api.url + path, { headers: { authorization: `Bearer ${key}`, ...headers } });
const json = async (path: string, key = reader): Promise<any> => (await get(path, {}, key)).json();
const bring = (body: string | Uint8Array, headers: Record<string, string> = {}, key = administrator): Promise<Response> =>
  fetch(`${api.url}/v1/inventory/imports`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv', ...headers }, body: body as string });

const FOUND = 'name,owner,tier,endpoint,description\nshadow-scores,"sales, north",high,https://scores.example.com,"=HYPERLINK(""https://evil"")"\nplanned,planning,,,\n';

describe('an import', () => {
  it('is taken, and once more changes nothing', async () => {
    const first = await bring(FOUND, { 'idempotency-key': 'found' });
    expect(importAnswerSchema.parse(await first.json())).toMatchObject({ import: 1, added: 2, changed: 0, unchanged: 0, registered: 1, importedBy: 'ada' });
    expect(await (await bring(FOUND, { 'idempotency-key': 'found' })).json()).toMatchObject({ import: 1, added: 2 });
    expect(await (await bring(FOUND)).json()).toMatchObject({ import: 2, added: 0, changed: 0, unchanged: 2 });
  });

  it.each<[string, () => Promise<Response>, number, string]>([
    ['faults', () => bring('name,tier\nX,huge\n'), 400, 'line 2, tier: must be one of'],
    ['another key for what was asked', () => bring('name\nother\n', { 'idempotency-key': 'found' }), 422, 'key of its own'],
    ['no body', () => bring(''), 400, 'holds no models'],
    ['JSON', () => bring('{}', { 'content-type': 'application/json' }), 415, 'takes text/csv'],
    ['lines of JSON', () => bring('{}', { 'content-type': 'application/x-ndjson' }), 415, 'application/json'],
    ['other bytes than UTF-8', () => bring(Buffer.from('name\nm\xfcller\n', 'latin1')), 400, 'not UTF-8'],
    ['too many bytes', () => bring(`name,description\na,${'x'.repeat(MAX_INVENTORY_BYTES)}\n`), 413, 'send it in parts'],
    ['no right to it', () => bring(FOUND, {}, reader), 403, 'inventory.import'],
  ])('with %s is refused, and says why', async (_, ask, status, says) => {
    const answer = await ask();
    expect(answer.status).toBe(status);
    expect(JSON.stringify(await answer.json())).toContain(says);
    expect(await json('/v1/inventory?registered=no')).toMatchObject({ items: [{ model: 'shadow-scores' }] });
  });

  it('is not taken by a route for something else', async () => {
    const key = await registry.apiKey('course', []);
    for (const path of ['/v1/models', '/v1/models/served/retrains']) {
      const answer = await fetch(api.url + path, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv' }, body: FOUND });
      expect(answer.status, path).toBe(415);
    }
  });
});

describe('the inventory', () => {
  it('keeps to its schema, and goes on where a page ends', async () => {
    const first = inventoryListSchema.parse(await json('/v1/inventory?limit=2'));
    expect(first.items.map(({ model, stage }) => [model, stage])).toEqual([['planned', 'development'], ['served', 'production']]);
    expect(first.next).toBe('/v1/inventory?limit=2&after=served');
    const second = inventoryListSchema.parse(await json(first.next as string));
    expect(second).toMatchObject({ items: [{ model: 'shadow-scores', stage: 'unregistered', registered: false, owner: 'sales, north', tier: 'high', reports: null, imported: { endpoint: 'https://scores.example.com', state: 'active' } }], next: null });
  });

  it('carries its filters on', async () => {
    const first = inventoryListSchema.parse(await json('/v1/inventory?registered=yes&tier=low&limit=1'));
    expect(first).toMatchObject({ items: [{ model: 'planned' }], next: '/v1/inventory?tier=low&registered=yes&limit=1&after=planned' });
    expect(await json(first.next as string)).toMatchObject({ items: [{ model: 'served' }], next: null });
    expect(await json(`/v1/inventory?owner=${encodeURIComponent('sales, north')}`)).toMatchObject({ items: [{ model: 'shadow-scores' }] });
    expect((await get('/v1/inventory?stage=asleep')).status).toBe(400);
  });

  it('answers for one model, where it serves and what it came from', async () => {
    expect(inventoryItemSchema.parse(await json('/v1/inventory/served'))).toMatchObject({
      deployments: [{ deployment: 'default', endpoint: null, verdict: 'pass', validation: null, champion: { version: 1, origins: '/v1/models/served/versions/1' }, monitoring: '/v1/models/served/windows/assessments?deployment=default' }], reports: '/v1/models/served/evaluations', validations: '/v1/models/served/validations',
    });
    await registry.dataSource.query("INSERT INTO gateway_lease (gateway, boot, url, renewed_at, expires_at) VALUES ('g', gen_random_uuid(), 'http://gateway:3001', now(), now() + interval '1 hour')");
    expect(await json('/v1/inventory/served')).toMatchObject({ deployments: [{ endpoint: 'http://gateway:3001/v2/models/served/infer' }] });
    expect((await get('/v1/inventory/served')).status).toBe(200);
    expect((await get('/v1/models/served/versions/1')).status).toBe(200);
    const unknown = await get('/v1/inventory/nobody');
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ type: 'urn:perennial:NotFound', detail: expect.stringContaining('no import names it') as string });
  });

  it('is a table where one is asked for, with all that match, and no formula in it', async () => {
    for (const answer of [await get('/v1/inventory?limit=1', { accept: 'text/csv' }), await get('/v1/inventory?format=csv', { accept: 'application/json' })]) {
      expect(answer.headers.get('content-type')).toContain('text/csv');
      const [header, ...lines] = (await answer.text()).split('\r\n');
      expect(header).toMatch(/^model,registered,stage,owner,/);
      expect(lines.map((line) => line.split(',')[0])).toEqual(['planned', 'served', 'shadow-scores', '']);
      expect(lines[2]).toContain(`shadow-scores,false,unregistered,"sales, north",,high,"'=HYPERLINK(""https://evil"")"`);
      expect(lines[1]).toContain('default: 1');
    }
    for (const accept of ['application/json, text/csv', '*/*', 'text/html']) expect((await get('/v1/inventory', { accept })).headers.get('content-type')).toContain('application/json');
  });

  it('shows a caller what they may read, registered or not', async () => {
    expect((await json('/v1/inventory', narrow)).items.map(({ model }: { model: string }) => model)).toEqual(['served', 'shadow-scores']);
    expect((await json('/v1/portfolio', narrow)).models.map(({ model }: { model: string }) => model)).toEqual(['served', 'shadow-scores']);
    expect((await get('/v1/inventory/planned', {}, narrow)).status).toBe(403);
    expect(await (await get('/v1/inventory?format=csv', {}, narrow)).text()).not.toMatch(/^planned,/m);
  });
});

describe('the portfolio', () => {
  it('says of each model how mature it is and what comes next, and how fast things went', async () => {
    const portfolio = portfolioSchema.parse(await json('/v1/portfolio'));
    expect(portfolio.models.map(({ model, level, missing }) => [model, level, missing[0]])).toEqual([['planned', 1, 'use case stated'], ['served', 1, 'use case stated'], ['shadow-scores', 0, 'registered']]);
    expect(portfolio.levels.map(({ models }) => models)).toEqual([1, 2, 0, 0, 0]);
    expect(portfolio.timeToProduction).toMatchObject({ of: 1, seconds: expect.any(Number) as number });
    expect(portfolio.timeToProduction.seconds).toBeGreaterThan(60);
    expect(portfolio).toMatchObject({ timeToDetect: { seconds: null, of: 0 }, timeToRestore: { seconds: null, of: 0 } });
  });

  it('leaves out what is taken out of use elsewhere', async () => {
    expect((await bring('name,state\nold-scores,decommissioned\n')).status).toBe(200);
    expect((await json('/v1/portfolio')).models.map(({ model }: { model: string }) => model)).not.toContain('old-scores');
    expect(await json('/v1/inventory/old-scores')).toMatchObject({ stage: 'unregistered', imported: { state: 'decommissioned' } });
  });

  it('is a page too, that needs nothing else and takes no text for markup', async () => {
    await bring('name,owner\nbad-name,<script>alert(1)</script>\n');
    const answer = await get('/v1/portfolio.html');
    const page = await answer.text();
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toMatch(/<script|src=|href="http/);
    for (const said of ['below level 1', 'Add a <code>useCase</code> section', 'to restore', 'A champion serves.']) expect(page).toContain(said);
  });
});
