import { join } from 'node:path';
import { generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningApi, startApi } from '../../src/api/api.js';
import { SIGNED_ROUTE } from '../../src/api/authentication/access.hook.js';
import { readEnvironment } from '../../src/config/environment.js';
import { anyFreePort } from '../../src/embedded/ports.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { PeopleRepository } from '../../src/registry/people.repository.js';
import { eventually } from '../installation.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { AUDIENCE, TokenIssuer } from '../token-issuer.js';

let registry: RegistryServer;
let issuer: TokenIssuer;
let api: RunningApi;
let people: PeopleRepository;
/** Everything that the API printed. */
const printed: string[] = [];

const start = async (settings: Readonly<Record<string, string>> = { OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: AUDIENCE }): Promise<RunningApi> =>
  startApi(readEnvironment({
    DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'debug', ...settings,
  }), { outcomeTimeoutMs: 100 });

beforeAll(async () => {
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      printed.push(String(text));
      return true;
    });
  }
  [registry, issuer] = [await startRegistryServer(), await TokenIssuer.start({ pipeline: 'RS256', nightly: 'ES256', stranger: 'RS256' })];
  await registry.apiKey('boss', ['administrator']);
  people = new PeopleRepository(registry.dataSource, new AuditLedger(registry.dataSource));
  for (const name of ['pipeline', 'nightly']) {
    await change({ kind: 'register', name: `the ${name}`, as: 'service', identity: { issuer: issuer.url, subject: name } });
    await change({ kind: 'grant', name: `the ${name}`, role: 'auditor', model: '*' });
  }
  api = await start();
});

afterAll(async () => {
  vi.restoreAllMocks();
  await api?.close();
  await issuer?.stop();
  await registry?.stop();
});

let changes = 0;
const change = (wanted: Parameters<PeopleRepository['change']>[0]['change']) => people.change({ actor: 'boss', idempotencyKey: `change-${++changes}`, change: wanted }, new Date());
const call = async (token: string, { url } = api, path = '/v1/models') => {
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
  const text = await answer.text();
  return { status: answer.status, text, body: JSON.parse(text) as Record<string, unknown> };
};

describe("a token of the issuer's own", () => {
  it.each([['pipeline', 'RS256'], ['nightly', 'ES256']])('opens the API to %s, signed by %s', async (client) => {
    expect(await call(await issuer.tokenOf(client))).toMatchObject({ status: 200, body: { items: [] } });
  });

  it('is refused while nobody is registered as its subject, who is named', async () => {
    const { status, body } = await call(await issuer.tokenOf('stranger'));
    expect(status).toBe(403);
    expect(body).toMatchObject({ type: 'urn:perennial:Forbidden', subject: 'stranger', issuer: issuer.url, detail: expect.stringMatching(/"stranger".*administrator must register them/) as string });
  });

  it('permits what the roles of its principal do, and no more', async () => {
    const token = await issuer.tokenOf('pipeline');
    expect((await call(token, api, '/v1/people')).status).toBe(200);
    const answer = await fetch(`${api.url}/v1/people`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: '{"name":"x","kind":"person"}' });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ permission: 'people.manage', roles: ['administrator'], detail: expect.stringMatching(/^the pipeline may not/) as string });
  });

  it('is refused once its principal is deactivated', async () => {
    const token = await issuer.tokenOf('nightly');
    await change({ kind: 'deactivate', name: 'the nightly', reason: 'for the test' });
    expect(await call(token)).toMatchObject({ status: 403, body: { detail: expect.stringMatching(/^the nightly is deactivated/) as string } });
    await change({ kind: 'activate', name: 'the nightly', reason: 'for the test' });
    expect((await call(token)).status).toBe(200);
  });

  it('is no API key', async () => {
    const answer = await fetch(`${api.url}/v1/models`, { headers: { 'x-api-key': await issuer.tokenOf('pipeline') } });
    expect(answer.status).toBe(401);
  });
});

describe('a token that was tampered with or is not for us', () => {
  const minute = (minutes: number): number => Math.floor(Date.now() / 1_000) + minutes * 60;
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const tampered = async (change: (parts: string[]) => string[]): Promise<string> => change((await issuer.tokenOf('pipeline')).split('.')).join('.');

  const cases: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
    ['has expired', () => issuer.sign({ exp: minute(-1) }), /has expired/],
    ['is not valid yet', () => issuer.sign({ nbf: minute(5) }), /not valid yet/],
    ['never expires', () => issuer.sign({ exp: undefined }), /does not say when it expires/],
    ['is for another audience', () => issuer.tokenOf('pipeline', 'urn:another:api'), /another audience/],
    ['has no audience', () => issuer.sign({ aud: undefined }), /another audience/],
    ['comes from another issuer', () => issuer.sign({ iss: 'https://login.example.com' }), /another issuer/],
    ['has no subject', () => issuer.sign({ sub: undefined }), /no subject/],
    ['is signed by nobody', async () => `${encoded({ alg: 'none' })}.${encoded({ iss: issuer.url, aud: AUDIENCE, sub: 'pipeline', exp: minute(5) })}.`, /algorithm that is taken here/],
    ['says NONE', async () => `${encoded({ alg: 'NONE' })}.${encoded({ sub: 'pipeline' })}.`, /algorithm that is taken here/],
    ['is signed by the public key as a secret', () => issuer.signByPublicKey(), /algorithm that is taken here/],
    ['is signed by another key', async () => issuer.sign({}, (await generateKeyPair('RS256')).privateKey), /not signed by one of the issuer's keys/],
    ['has another subject than was signed', () => tampered(([header, , signature]) => [header!, encoded({ iss: issuer.url, aud: AUDIENCE, sub: 'boss', exp: minute(5) }), signature!]), /not signed by one/],
    ['lost its signature', () => tampered(([header, payload]) => [header!, payload!, '']), /not signed by one|no valid JWT/],
    ['names a key that the issuer has not', async () => tampered(([, payload, signature]) => [encoded({ alg: 'RS256', kid: 'mine' }), payload!, signature!]), /not signed by one/],
    ['brings its own key', async () => tampered(([, payload, signature]) => [encoded({ alg: 'RS256', jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' }, kid: 'RS256' }), payload!, signature!]), /not signed by one/],
    ['is garbage', async () => 'a.b.c', /no JWT/],
    ['is garbage in Base64', async () => `${encoded(['x'])}.${encoded(['y'])}.z`, /no JWT|algorithm/],
    ['is JSON that is no header', async () => `${Buffer.from('null').toString('base64url')}.e30.x`, /no JWT|algorithm/],
  ];

  it.each(cases)('is refused when it %s', async (_, make, says) => {
    const token = await make();
    const { status, body, text } = await call(token);
    expect(body).toMatchObject({ type: 'urn:perennial:Unauthenticated', detail: expect.stringMatching(says) as string });
    expect(status).toBe(401);
    for (const part of token.split('.').filter((one) => one.length > 8)) expect(text).not.toContain(part);
  });

  it.each(['has expired', 'is for another audience', 'is signed by nobody', 'is signed by another key'])('opens no operation when it %s', async (name) => {
    const token = await cases.find(([one]) => one === name)![1]();
    const { paths } = (await (await fetch(`${api.url}/openapi.json`)).json()) as { paths: Record<string, Record<string, unknown>> };
    const guarded = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => ({ path, method: method.toUpperCase() }))).filter(({ path }) => path.startsWith('/v1/') && path !== SIGNED_ROUTE);
    expect(guarded.length).toBeGreaterThan(75);
    const answers = await Promise.all(guarded.map(async ({ path, method }) => {
      const { status } = await fetch(api.url + path.replaceAll(/\{\w+\}/g, '1'), { method, headers: { authorization: `Bearer ${token}` } });
      return `${method} ${path} ${status}`;
    }));
    expect(answers.filter((answer) => !answer.endsWith(' 401'))).toEqual([]);
  });

  it('leaves nothing of itself in what the API prints', async () => {
    const made = await Promise.all(cases.map(([, make]) => make()));
    for (const token of [...made, await issuer.tokenOf('stranger')]) await call(token);
    const parts = new Set(made.flatMap((token) => token.split('.')).filter((part) => part.length > 8));
    expect(parts.size).toBeGreaterThan(20);
    expect(printed.join('')).toContain('The API listens');
    expect([...parts].filter((part) => printed.some((text) => text.includes(part)))).toEqual([]);
  });
});

describe('while the issuer is away', () => {
  it('keys that are known go on, an API that knows none says what is wrong, and goes on once it is back', async () => {
    const token = await issuer.tokenOf('pipeline');
    await issuer.stop();
    expect((await call(token)).status).toBe(200);
    const second = await start();
    try {
      const { status, body } = await call(token, second);
      expect(status).toBe(503);
      expect(body).toMatchObject({ type: 'urn:perennial:DependencyUnavailable', dependency: 'oidc', detail: expect.stringMatching(/the issuer does not answer.*OIDC_ISSUER http/) as string });
      await issuer.open();
      await eventually(async () => ((await call(token, second)).status === 200 ? true : undefined), () => 'the issuer to be asked again');
    } finally {
      await second.close();
    }
  });

  it.each<[string, () => string, RegExp]>([
    ['is no issuer', () => api.url, /answers 404 for its discovery document/],
    ['says to be another', () => issuer.url.replace('127.0.0.1', 'localhost'), /names another issuer/],
  ])('an address that %s is told', async (_, url, says) => {
    const second = await start({ OIDC_ISSUER: url(), OIDC_AUDIENCE: AUDIENCE });
    try {
      expect(await call(await issuer.tokenOf('pipeline'), second)).toMatchObject({ status: 503, body: { detail: expect.stringMatching(says) as string } });
    } finally {
      await second.close();
    }
  });
});

describe('settings', () => {
  it('without an issuer no token is taken', async () => {
    const second = await start({});
    try {
      expect(await call(await issuer.tokenOf('pipeline'), second)).toMatchObject({ status: 401, body: { detail: expect.stringContaining('OIDC_ISSUER is not set') as string } });
    } finally {
      await second.close();
    }
  });

  it('an issuer without an audience stops the start', async () => {
    await expect(start({ OIDC_ISSUER: issuer.url })).rejects.toMatchObject({ type: 'ConfigurationInvalid', message: expect.stringContaining('OIDC_AUDIENCE') as string });
  });

  it.each([['OIDC_ALGORITHMS', 'HS256'], ['OIDC_ALGORITHMS', 'RS256,none'], ['OIDC_ISSUER', 'http://login.example.com'], ['OIDC_ISSUER', 'ftp://login.example.com']])('%s=%s is refused', (name, value) => {
    expect(() => readEnvironment({ [name]: value })).toThrow(new RegExp(name));
  });
});
