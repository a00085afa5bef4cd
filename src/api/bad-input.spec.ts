import { connect } from 'node:net';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryServer, type RegistryServer } from '../../test/registry-server.js';
import { readEnvironment } from '../config/environment.js';
import { FAILURES, type FailureType } from '../contracts/failures.js';
import { anyFreePort } from '../embedded/ports.js';
import { ModelsRepository } from '../registry/models.repository.js';
import { parseSpec } from '../spec/parse-spec.js';
import { type RunningApi, startApi } from './api.js';
import { problemSchema } from './problems/problem-details.js';

const YAML = readFileSync(join(import.meta.dirname, '../../models/flight-delay/model.yaml'), 'utf8');
const MODEL = '/v1/models/flight-delay';

let registry: RegistryServer;
let api: RunningApi;
let key: string;

beforeAll(async () => {
  registry = await startRegistryServer();
  key = await registry.apiKey('engineer');
  await registry.dataSource.transaction((manager) => new ModelsRepository(registry.dataSource).apply(manager, YAML, parseSpec(YAML), 'engineer', new Date()));
  api = await startApi(readEnvironment({
    DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error',
  }), { outcomeTimeoutMs: 100 });
}, 120_000);

afterAll(async () => {
  await api?.close();
  await registry?.stop();
}, 60_000);

interface BadRequest {
  readonly name: string;
  readonly path: string;
  readonly failure: FailureType;
  /** What the answer must speak of. */
  readonly says?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
  readonly method?: string;
}

const json = (path: string, body: unknown): Pick<BadRequest, 'path' | 'body' | 'headers'> => ({ path, body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': 'application/json' } });
const yaml = (body: string | Uint8Array): Pick<BadRequest, 'path' | 'body' | 'headers'> => ({ path: '/v1/models', body, headers: { 'content-type': 'application/yaml' } });
const retrain = (body: unknown) => json(`${MODEL}/retrains`, body);
const replay = (body: unknown) => json(`${MODEL}/replays`, body);
const rollback = (body: unknown) => json(`${MODEL}/rollbacks`, body);

const BAD: readonly BadRequest[] = [
  { name: 'a route that does not exist', path: '/nowhere', failure: 'NotFound', says: '/docs' },
  { name: 'a route under /v1 that does not exist', path: '/v1/nowhere', failure: 'NotFound' },
  { name: 'a method that a route does not have', path: MODEL, method: 'DELETE', failure: 'NotFound' },
  { name: 'an unknown model', path: '/v1/models/nobody', failure: 'ModelNotFound', says: 'perennial apply' },
  { name: 'an unknown model, versions', path: '/v1/models/nobody/versions', failure: 'ModelNotFound' },
  { name: 'an unknown model, retrain', ...json('/v1/models/nobody/retrains', {}), failure: 'ModelNotFound' },
  { name: 'a model name with capitals', path: '/v1/models/Flight', failure: 'InvalidRequest', says: 'path.model' },
  { name: 'a model name with NUL', path: '/v1/models/a%00b', failure: 'InvalidRequest' },
  { name: 'a model name that climbs', path: '/v1/models/..%2f..%2fetc', failure: 'InvalidRequest' },
  { name: 'a model name of 200 characters', path: `/v1/models/${'a'.repeat(200)}`, failure: 'InvalidRequest' },
  { name: 'a path part of 5,000 characters', path: `/v1/models/${'a'.repeat(5_000)}`, failure: 'InvalidRequest', says: 'too long' },
  { name: 'a broken percent escape', path: '/v1/models/%zz', failure: 'InvalidRequest', says: 'percent' },
  { name: 'half a UTF-8 sequence in the path', path: '/v1/models/%ed%a0%80', failure: 'InvalidRequest' },
  { name: 'a version in words', path: `${MODEL}/versions/newest`, failure: 'InvalidRequest', says: 'whole number' },
  { name: 'version 0', path: `${MODEL}/versions/0`, failure: 'InvalidRequest' },
  { name: 'version -1', path: `${MODEL}/versions/-1`, failure: 'InvalidRequest' },
  { name: 'version 1e3', path: `${MODEL}/versions/1e3`, failure: 'InvalidRequest' },
  { name: 'a version beyond an integer', path: `${MODEL}/versions/99999999999`, failure: 'InvalidRequest' },
  { name: 'a version that is not there', path: `${MODEL}/versions/2147483647`, failure: 'VersionNotFound' },
  { name: 'a retrain that is not there', path: `${MODEL}/retrains/7`, failure: 'NotFound' },
  { name: 'a rollback of no epoch', path: `${MODEL}/rollbacks/default/9007199254740992`, failure: 'InvalidRequest' },
  { name: 'a rollback that is not there', path: `${MODEL}/rollbacks/default/9007199254740991`, failure: 'NotFound' },
  { name: 'a command id that is none', path: '/v1/commands/7', failure: 'InvalidRequest' },
  { name: 'a command that is not there', path: '/v1/commands/00000000-0000-4000-8000-000000000000', failure: 'CommandUnknown' },
  { name: 'an alarm id that is none', path: '/v1/alarms/7', failure: 'InvalidRequest', says: 'path.id' },
  { name: 'an alarm that is not there', path: '/v1/alarms/00000000-0000-4000-8000-000000000000', failure: 'NotFound' },
  { name: 'a query parameter that is not known', path: '/v1/models?sort=name', failure: 'InvalidRequest', says: 'query.sort' },
  { name: 'a query parameter given twice', path: `${MODEL}/versions?limit=1&limit=2`, failure: 'InvalidRequest', says: 'more than once' },
  { name: 'a limit of 0', path: `${MODEL}/versions?limit=0`, failure: 'InvalidRequest' },
  { name: 'a limit without end', path: `${MODEL}/versions?limit=Infinity`, failure: 'InvalidRequest' },
  { name: 'an absurd audit position', path: `${MODEL}/audit?after=99999999999999999999`, failure: 'InvalidRequest' },
  { name: 'a time in the year 999999', path: `${MODEL}/champion?at=999999-01-01T00:00:00Z`, failure: 'InvalidRequest', says: 'ISO 8601' },
  { name: 'a time in the year +999999', path: `${MODEL}/champion?at=%2B999999-01-01T00:00:00Z`, failure: 'InvalidRequest' },
  { name: 'a time in the year 0', path: `${MODEL}/champion?at=0000-01-01`, failure: 'InvalidRequest' },
  { name: '30 February', path: `${MODEL}/champion?at=2013-02-30`, failure: 'InvalidRequest' },
  { name: 'an offset whose + became a space', path: `${MODEL}/champion?at=2013-02-20T00:00:00+01:00`, failure: 'InvalidRequest', says: '%2B' },
  { name: 'a deployment that is not there', path: `${MODEL}/champion?deployment=mars`, failure: 'NotFound', says: 'mars' },
  { name: 'a digest that is none', path: `${MODEL}/spec?digest=sha256:1`, failure: 'InvalidRequest' },
  { name: 'a digest that is not there', path: `${MODEL}/spec?digest=sha256:${'0'.repeat(64)}`, failure: 'NotFound' },

  { name: 'broken JSON', ...retrain('{"asOf": '), failure: 'InvalidRequest', says: 'not JSON' },
  { name: 'JSON that is a list', ...retrain([]), failure: 'InvalidRequest' },
  { name: 'JSON that is text', ...retrain('"now"'), failure: 'InvalidRequest' },
  { name: 'JSON nested 100,000 deep', ...retrain('['.repeat(100_000)), failure: 'InvalidRequest' },
  { name: 'unknown fields', ...retrain({ asof: '2013-01-01', windows: 1 }), failure: 'InvalidRequest', says: 'body.windows' },
  { name: 'a prototype', ...retrain('{"__proto__": {"deployment": "x"}}'), failure: 'InvalidRequest', says: '__proto__' },
  { name: 'a number for a time', ...retrain({ asOf: 1 }), failure: 'InvalidRequest' },
  { name: 'the year 999999', ...retrain({ asOf: '999999-01-01T00:00:00Z' }), failure: 'InvalidRequest', says: 'body.asOf' },
  { name: 'a time without an offset', ...retrain({ asOf: '2013-01-01T00:00:00' }), failure: 'InvalidRequest' },
  { name: 'NUL in a reason', ...retrain({ reason: 'a\u0000b' }), failure: 'InvalidRequest', says: 'control character' },
  { name: 'half a surrogate pair', ...retrain('{"reason": "\\ud800"}'), failure: 'InvalidRequest', says: 'surrogate' },
  { name: 'a reason that is empty', ...retrain({ reason: '' }), failure: 'InvalidRequest' },
  { name: 'a reason of 3,000 characters', ...retrain({ reason: 'x'.repeat(3_000) }), failure: 'InvalidRequest' },
  { name: 'a deployment with a slash', ...retrain({ deployment: 'a/b' }), failure: 'InvalidRequest' },
  { name: 'a retrain for a deployment that is not there', ...retrain({ deployment: 'mars' }), failure: 'NotFound' },
  { name: 'a replay that is not there', path: `${MODEL}/replays/7`, failure: 'NotFound' },
  { name: 'a replay that ends before it begins', ...replay({ version: 1, from: '2013-02-01', until: '2013-01-01', reason: 'x' }), failure: 'InvalidRequest', says: 'body.until' },
  { name: 'a replay of a period that does not end', ...replay({ version: 1, from: '2013-02-01', reason: 'x' }), failure: 'InvalidRequest', says: 'body.until' },
  { name: 'a replay from no day', ...replay({ version: 1, from: '2013-02-30', until: '2013-03-01', reason: 'x' }), failure: 'InvalidRequest', says: 'body.from' },
  { name: 'a replay of a version that is not there', ...replay({ version: 9, from: '2013-02-01', until: '2013-03-01', reason: 'x' }), failure: 'VersionNotFound' },
  { name: 'a replay in a deployment that is not there', ...replay({ version: 9, deployment: 'mars', from: '2013-02-01', until: '2013-03-01', reason: 'x' }), failure: 'NotFound' },
  { name: 'an alarm that is not there, resolved', ...json('/v1/alarms/00000000-0000-4000-8000-000000000000/resolve', { reason: 'x' }), failure: 'NotFound' },
  { name: 'an alarm acknowledged until a time', ...json('/v1/alarms/00000000-0000-4000-8000-000000000000/acknowledge', { reason: 'x', until: '2030-01-01' }), failure: 'InvalidRequest', says: 'body.until' },
  { name: 'an alarm snoozed for ever', ...json('/v1/alarms/00000000-0000-4000-8000-000000000000/snooze', { reason: 'x' }), failure: 'InvalidRequest', says: 'body.until' },
  { name: 'a window of no day released', ...json(`${MODEL}/windows/2013-02-30/release`, { reason: 'x' }), failure: 'InvalidRequest', says: 'path.from' },
  { name: 'a window released without a reason', ...json(`${MODEL}/windows/2013-02-03/release`, {}), failure: 'InvalidRequest', says: 'body.reason' },
  { name: 'a rollback without a reason', ...rollback({}), failure: 'InvalidRequest', says: 'body.reason' },
  { name: 'a rollback to half a version', ...rollback({ reason: 'x', toVersion: 1.5 }), failure: 'InvalidRequest' },
  { name: 'a rollback to 1e308', ...rollback('{"reason": "x", "toVersion": 1e308}'), failure: 'InvalidRequest' },
  { name: 'a rollback to 1e999', ...rollback('{"reason": "x", "toVersion": 1e999}'), failure: 'InvalidRequest' },
  { name: 'a rollback to a version in text', ...rollback({ reason: 'x', toVersion: '1' }), failure: 'InvalidRequest' },

  { name: 'no body', path: '/v1/models', method: 'POST', failure: 'InvalidRequest' },
  { name: 'an empty YAML body', ...yaml(''), failure: 'SpecInvalid' },
  { name: 'YAML that is a number', ...yaml('7'), failure: 'SpecInvalid' },
  { name: 'broken YAML', ...yaml('a: [1'), failure: 'SpecInvalid' },
  { name: 'a spec with many faults', ...yaml('apiVersion: perennial/v2\nmodel: X\nextra: 1\n'), failure: 'SpecInvalid', says: 'extra' },
  { name: 'YAML that is not UTF-8', ...yaml(new Uint8Array([0x61, 0x3a, 0xff, 0xfe])), failure: 'InvalidRequest', says: 'UTF-8' },
  { name: 'YAML nested 20,000 deep', ...yaml('['.repeat(20_000)), failure: 'SpecInvalid' },
  { name: 'YAML maps nested 20,000 deep', ...yaml(`${'{a: '.repeat(20_000)}1${'}'.repeat(20_000)}`), failure: 'SpecInvalid' },
  { name: 'YAML that multiplies its aliases', ...yaml(`a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'.split('').map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[index]}`).join(',')}]`).join('\n')}\n`), failure: 'SpecInvalid' },
  { name: 'a spec with NUL in it', ...yaml(YAML.replace('owner: operations-planning', 'owner: "a\\0b"')), failure: 'SpecInvalid', says: 'owner' },
  { name: 'a spec with half a surrogate pair', ...yaml(YAML.replace('owner: operations-planning', 'owner: "\\uD800"')), failure: 'SpecInvalid', says: 'owner' },
  { name: 'a NUL byte in the YAML', ...yaml('model: "a\u0000b"'), failure: 'SpecInvalid' },
  { name: 'a spec beside unknown fields', ...json('/v1/models', { spec: YAML, force: true }), failure: 'InvalidRequest', says: 'force' },
  { name: 'JSON without a spec', ...json('/v1/models', {}), failure: 'InvalidRequest', says: 'body.spec' },
  { name: 'a spec that is no text', ...json('/v1/models', { spec: { model: 'x' } }), failure: 'InvalidRequest', says: 'body.spec' },
  { name: 'a body of more than 1 MiB', ...yaml('#'.repeat(1024 * 1024 + 1)), failure: 'BodyTooLarge' },
  { name: 'a spec of more than 256 KiB', ...yaml('#'.repeat(300 * 1024)), failure: 'SpecInvalid' },
  { name: 'a form', path: '/v1/models', body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' }, failure: 'UnsupportedMediaType' },
  { name: 'a media type that is none', path: '/v1/models', body: 'a', headers: { 'content-type': 'nonsense' }, failure: 'UnsupportedMediaType' },
  { name: 'YAML where only JSON is taken', path: `${MODEL}/retrains`, body: 'asOf: 2013-01-01', headers: { 'content-type': 'application/yaml' }, failure: 'UnsupportedMediaType' },
  { name: 'another character set', path: '/v1/models', body: 'a', headers: { 'content-type': 'application/yaml; charset=utf-16' }, failure: 'UnsupportedMediaType' },

  { name: 'an idempotency key with a space', ...retrain({}), headers: { 'content-type': 'application/json', 'idempotency-key': 'a b' }, failure: 'InvalidRequest', says: 'Idempotency-Key' },
  { name: 'an idempotency key of 201 characters', ...retrain({}), headers: { 'content-type': 'application/json', 'idempotency-key': 'x'.repeat(201) }, failure: 'InvalidRequest' },
  { name: 'an empty idempotency key', ...retrain({}), headers: { 'content-type': 'application/json', 'idempotency-key': '' }, failure: 'InvalidRequest' },
  { name: 'a key that is not known', path: '/v1/models', headers: { authorization: 'Bearer nonsense' }, failure: 'Unauthenticated' },
  { name: 'another scheme', path: '/v1/models', headers: { authorization: 'Basic eDp5' }, failure: 'Unauthenticated' },
  { name: 'an empty key', path: '/v1/models', headers: { authorization: '' }, failure: 'Unauthenticated' },
  { name: 'no valid key on a route that does not exist', path: '/v1/nowhere', headers: { authorization: 'Bearer x' }, failure: 'Unauthenticated' },
  { name: 'no valid key, /v1 spelt otherwise', path: '/%761/models', headers: { authorization: 'Bearer x' }, failure: 'Unauthenticated' },
  { name: 'no valid key and an over-long body', ...yaml('#'.repeat(1024 * 1024 + 1)), headers: { 'content-type': 'application/yaml', authorization: 'Bearer x' }, failure: 'Unauthenticated' },
];

const send = (bad: Pick<BadRequest, 'path' | 'body' | 'headers' | 'method'>): Promise<Response> =>
  fetch(api.url + bad.path, {
    method: bad.method ?? (bad.body === undefined ? 'GET' : 'POST'),
    headers: { authorization: `Bearer ${key}`, ...bad.headers },
    ...(bad.body === undefined ? {} : { body: bad.body as RequestInit['body'] & {} }),
  });

describe('bad input', () => {
  it.each(BAD)('$name is answered with $failure', async (bad) => {
    const answer = await send(bad);
    const text = await answer.text();
    expect(answer.headers.get('content-type'), text).toBe('application/problem+json');
    const problem = problemSchema.parse(JSON.parse(text));
    expect(problem).toMatchObject({ type: `urn:perennial:${bad.failure}`, title: FAILURES[bad.failure].title, status: FAILURES[bad.failure].status });
    expect(answer.status).toBe(problem.status);
    if (bad.says) expect(text).toContain(bad.says);
    expect(text).not.toContain(key);
  });

  it('changes nothing', async () => {
    expect(await registry.dataSource.query('SELECT count(*)::int AS n FROM command')).toEqual([{ n: 0 }]);
  });

  it('lists every fault of a spec with its path', async () => {
    const answer = await send(yaml('apiVersion: perennial/v2\nmodel: X\nextra: 1\n'));
    const { faults } = (await answer.json()) as { faults: { path: string }[] };
    expect(faults.map(({ path }) => path)).toEqual(expect.arrayContaining(['apiVersion', 'model', 'purpose', 'data', 'extra']));
  });

  it('is answered even when it is not HTTP', async () => {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
      let text = '';
      socket.on('data', (chunk) => { text += chunk.toString(); }).on('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('urn:perennial:InvalidRequest');
  });
});

describe('keys', () => {
  it('may come in a header of their own', async () => {
    expect((await fetch(`${api.url}/v1/models`, { headers: { 'x-api-key': key } })).status).toBe(200);
    const without = await fetch(`${api.url}/v1/models`);
    expect(without.status).toBe(401);
    expect(without.headers.get('www-authenticate')).toContain('Bearer');
  });
});
