import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { AUDIENCE, TokenIssuer } from '../../test/token-issuer.js';
import type { Role } from '../contracts/roles.js';
import { type Gateway, startGateway } from './gateway.js';
import { ServedRegistry } from './testing/served-registry.js';

const PATIENCE = { timeout: 30_000, interval: 100 };
const ROW = { inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 3], data: [1, 0, 2] }] };

let registry: ServedRegistry;
let issuer: TokenIssuer;
let gateway: Gateway;

beforeAll(async () => {
  [registry, issuer] = [await ServedRegistry.start(), await TokenIssuer.start({ pipeline: 'RS256', stranger: 'ES256' })];
  for (const model of ['open', 'other']) {
    await registry.register(model);
    await registry.addVersionFrom(model, 1, 'rising.onnx');
    await registry.promote(model, 1);
  }
  gateway = await startGateway({
    databaseUrl: registry.databaseUrl, databasePool: 3, artifactUrl: registry.artifactsDir, host: '127.0.0.1', port: 0, name: 'guarded', logLevel: 'error', staleAfterMs: 60_000,
    authentication: { issuer: { url: issuer.url, audience: AUDIENCE, algorithms: ['RS256', 'ES256'] } },
    observations: { folder: join(registry.artifactsDir, '..', 'observations'), sealAfterMs: 1_000, sealBytes: 2 ** 20, maxBytes: 2 ** 28, sync: 'second' },
  });
  await gateway.ready;
}, 120_000);

afterAll(async () => {
  await gateway?.close();
  await issuer?.stop();
  await registry?.close();
}, 60_000);

interface Reply {
  readonly status: number;
  readonly body: { readonly type?: string; readonly error?: string };
  readonly challenge: string | null;
}

async function ask(path: string, headers: Record<string, string> = {}, body?: object): Promise<Reply> {
  const response = await fetch(gateway.url + path, { method: body ? 'POST' : 'GET', headers: { ...(body && { 'content-type': 'application/json' }), ...headers }, ...(body && { body: JSON.stringify(body) }) });
  return { status: response.status, body: (await response.json()) as Reply['body'], challenge: response.headers.get('www-authenticate') };
}
const infer = (headers: Record<string, string> = {}, model = 'open'): Promise<Reply> => ask(`/v2/models/${model}/infer`, headers, ROW);
const bearer = (value: string): Record<string, string> => ({ authorization: `Bearer ${value}` });

/** Somebody new with a key and a role for one model, or for all. */
const equipped = (name: string, role: Role, model = '*'): Promise<{ key: string; keyId: string }> => registry.people(async (turn) => {
  await turn.register({ name, as: 'service', identity: null });
  await turn.grant(name, { role, model });
  return turn.issueKey(name);
});

it('nobody asks a model without a key or token that opens it', async () => {
  for (const headers of [{}, bearer('per_unknown'), { authorization: 'Basic b3BlbjpzZXNhbWU=' }, { 'x-api-key': "' OR 1=1 --" }, bearer('a.b.c')]) {
    expect(await infer(headers), JSON.stringify(headers)).toMatchObject({ status: 401, body: { type: 'Unauthenticated' }, challenge: 'Bearer realm="perennial"' });
  }
  expect(await ask('/v2/models/open')).toMatchObject({ status: 401 });
  expect(await ask('/v2/models/nothing/ready')).toMatchObject({ status: 401 });
  for (const path of ['/healthz', '/readyz', '/v2/health/ready', '/v2']) expect((await ask(path)).status).toBe(200);
});

it('who has a role that permits it is answered, by key and by token, and for the model alone that the role is for', async () => {
  const { key } = await equipped('caller', 'service', 'open');
  for (const headers of [bearer(key), { 'x-api-key': key }]) for (let times = 0; times < 3; times++) expect((await infer(headers)).status).toBe(200);
  expect((await ask('/v2/models/open', bearer(key))).status).toBe(200);
  expect(await infer(bearer(key), 'other')).toMatchObject({ status: 403, body: { type: 'Forbidden', error: expect.stringContaining('prediction.request') as string } });
  expect(await infer(bearer((await equipped('watcher', 'auditor')).key))).toMatchObject({ status: 403 });

  const [token, strange] = [await issuer.tokenOf('pipeline'), await issuer.tokenOf('stranger')];
  await registry.people(async (turn) => {
    await turn.register({ name: 'pipeline', as: 'service', identity: { issuer: issuer.url, subject: 'pipeline' } });
    await turn.grant('pipeline', { role: 'service', model: '*' });
  });
  for (const model of ['open', 'other']) expect((await infer(bearer(token), model)).status).toBe(200);
  expect(await infer(bearer(strange))).toMatchObject({ status: 403, body: { error: expect.stringContaining('nobody is registered here as the subject "stranger"') as string } });
  expect(await infer(bearer(`${token.slice(0, -8)}AAAAAAAA`))).toMatchObject({ status: 401 });
});

it('whoever lost their key is let in for seconds only', async () => {
  const { key, keyId } = await equipped('leaver', 'service');
  expect((await infer(bearer(key))).status).toBe(200);
  await registry.people((turn) => turn.revokeKey('leaver', keyId, 'they left'));
  await vi.waitFor(async () => expect(await infer(bearer(key))).toMatchObject({ status: 401 }), PATIENCE);
});

it('while the record is away, who was known goes on and nobody new comes in', async () => {
  const { key } = await equipped('steady', 'service');
  expect((await infer(bearer(key))).status).toBe(200);
  await registry.stopPostgres();
  // Longer than somebody is believed without asking.
  const until = Date.now() + 8_000;
  while (Date.now() < until) {
    expect((await infer(bearer(key))).status).toBe(200);
    await sleep(200);
  }
  expect(await infer(bearer('per_new'))).toMatchObject({ status: 503, body: { type: 'DependencyUnavailable' } });
  await registry.restartPostgres();
  await vi.waitFor(async () => expect(await infer(bearer('per_new'))).toMatchObject({ status: 401 }), PATIENCE);
});
