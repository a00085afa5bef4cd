import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../../test/registry-server.js';
import { readEnvironment } from '../../config/environment.js';
import { sha256 } from '../../contracts/canonical.js';
import { anyFreePort } from '../../embedded/ports.js';
import { ModelCourse } from '../../registry/testing/model-course.js';
import { type RunningApi, startApi } from '../api.js';
import { experimentListSchema, experimentSchema } from './experiments.dto.js';

const MODEL = 'tried';
const PATH = `/v1/models/${MODEL}/experiments`;
const EXPERIMENT = {
  name: 'deeper trees', parameters: { depth: 9, booster: 'dart', early: true }, dataVersion: 's3://lake/flights@17', codeVersion: '3f1c2aa', metrics: { auc: 0.75, 'val/logLoss': 0.4 },
  artifacts: { model: sha256('model') }, notes: 'slower,\nand no better', startedAt: '2026-01-01T10:00:00.000Z', finishedAt: '2026-01-01T11:00:00.000Z',
};

let registry: RegistryServer;
let api: RunningApi;
const keys: Record<string, string> = {};

beforeAll(async () => {
  registry = await startRegistryServer();
  for (const person of ['ann', 'bob']) keys[person] = await registry.apiKey(person);
  api = await startApi(readEnvironment({
    DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error',
  }), { outcomeTimeoutMs: 100 });
  const course = new ModelCourse(registry.dataSource, MODEL);
  await course.register('ann');
  await course.trained('ann', 'the first one');
  await new ModelCourse(registry.dataSource, 'beside').register('ann');
}, 120_000);

afterAll(async () => {
  await api?.close();
  await registry?.stop();
}, 60_000);

interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function log(body: unknown, headers: Record<string, string> = {}, { person = 'ann', path = PATH } = {}): Promise<Answered> {
  const answer = await fetch(api.url + path, { method: 'POST', headers: { authorization: `Bearer ${keys[person]}`, 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function read(query = ''): Promise<unknown> {
  return (await fetch(api.url + PATH + query, { headers: { authorization: `Bearer ${keys['ann']}` } })).json();
}

const listed = async (query: string) => experimentListSchema.parse(await read(query)).items.map(({ source, number }) => `${source} ${number}`);

describe('an experiment from outside', () => {
  it('is logged once for a key, however often and at once it is sent, with one audit entry', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => log(EXPERIMENT, { 'idempotency-key': 'once' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    for (const { body } of answers) expect(body).toEqual(answers[0]?.body);
    expect(experimentSchema.parse(answers[0]?.body)).toMatchObject({ ...EXPERIMENT, source: 'outside', number: 1, by: 'ann', version: null, verdict: null, links: { self: `${PATH}/1` } });
    expect(experimentSchema.parse(await read('/1'))).toEqual(answers[0]?.body);
    const entries = await registry.dataSource.query<{ subject: string; details: Buffer }[]>("SELECT subject, details FROM audit_entry WHERE action = 'experiment.logged'");
    expect(entries).toMatchObject([{ subject: 'experiment/1' }]);
    const details = JSON.parse(entries[0]!.details.toString('utf8')) as Record<string, unknown>;
    expect(details).toMatchObject({ codeVersion: '3f1c2aa', dataVersion: 's3://lake/flights@17', texts: { notes: expect.stringMatching(/^sha256:/) } });
    expect(JSON.stringify(details)).not.toContain('slower');
  });

  it('is refused where its key stands for another, of this model or of another one', async () => {
    expect(await log({ ...EXPERIMENT, metrics: { auc: 0.9 } }, { 'idempotency-key': 'once' })).toMatchObject({ status: 422, body: { type: 'urn:perennial:IdempotencyKeyReused', firstExperiment: 1 } });
    expect(await log(EXPERIMENT, { 'idempotency-key': 'once' }, { path: '/v1/models/beside/experiments' })).toMatchObject({ status: 422, body: { firstModel: MODEL } });
    expect((await log(EXPERIMENT, { 'idempotency-key': 'once' }, { person: 'bob' })).status).toBe(201);
  });

  it.each<[string, unknown, string]>([
    ['without metrics', { ...EXPERIMENT, metrics: {} }, 'body.metrics'],
    ['with a metric that is no number', { ...EXPERIMENT, metrics: { auc: 'high' } }, 'body.metrics.auc'],
    ['with a metric that is no finite number', { ...EXPERIMENT, metrics: { auc: null } }, 'body.metrics.auc'],
    ['with a parameter that is a list', { ...EXPERIMENT, parameters: { layers: [1] } }, 'body.parameters.layers'],
    ['with more parameters than are kept', { ...EXPERIMENT, parameters: Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`p${index}`, index])) }, 'body.parameters'],
    ['with a name of a metric that begins oddly', { ...EXPERIMENT, metrics: { '$auc': 1 } }, 'body.metrics'],
    ['without the version of its code', { ...EXPERIMENT, codeVersion: undefined }, 'body.codeVersion'],
    ['with an artifact that is no digest', { ...EXPERIMENT, artifacts: { model: 'model.onnx' } }, 'body.artifacts.model'],
    ['that ended before it began', { ...EXPERIMENT, finishedAt: '2025-01-01' }, 'body.finishedAt'],
    ['with a field that is not known', { ...EXPERIMENT, colour: 'red' }, 'colour'],
    ['with a control character', { ...EXPERIMENT, name: 'a\u0000b' }, 'body.name'],
  ])('is not taken %s', async (_, body, says) => {
    const answer = await log(body);
    expect(answer).toMatchObject({ status: 400, body: { type: 'urn:perennial:InvalidRequest' } });
    expect(answer.body['detail']).toContain(says);
  });

  it('is not taken for a model that nobody registered', async () => {
    expect(await log(EXPERIMENT, {}, { path: '/v1/models/nobody/experiments' })).toMatchObject({ status: 404, body: { type: 'urn:perennial:ModelNotFound' } });
  });

  it('cannot be changed afterwards, not by the owner of the tables either', async () => {
    for (const statement of ["UPDATE experiment SET metrics = '{}'", 'DELETE FROM experiment', 'TRUNCATE experiment']) {
      await expect(registry.asOwner((owner) => owner.query(statement)), statement).rejects.toThrow(/append-only/);
    }
  });
});

describe('the experiments of a model', () => {
  it('are those that were logged and its own trainings, each with data, code, parameters and metrics', async () => {
    await log({ ...EXPERIMENT, name: 'shallow', metrics: { auc: 0.65 }, codeVersion: 'another' }, { 'idempotency-key': 'second' }, { person: 'bob' });
    const { items } = experimentListSchema.parse(await read());
    expect(items.map(({ source, number, by }) => [source, number, by])).toEqual([['outside', 3, 'bob'], ['outside', 2, 'bob'], ['outside', 1, 'ann'], ['retrain', 1, 'ann']]);
    expect(items.at(-1)).toMatchObject({
      parameters: { trainer: 'xgboost', seed: 7, rounds: 1 }, dataVersion: sha256(`${MODEL} 1`), codeVersion: sha256('code'), metrics: { auc: 0.7 }, artifacts: { model: sha256('model 1') }, version: 1, verdict: 'pass',
      links: { self: `/v1/models/${MODEL}/retrains/1` },
    });
  });

  it('are ordered by a metric, those without it last, and found by what they are of', async () => {
    expect(await listed('?sort=auc&limit=2')).toEqual(['outside 2', 'outside 1']);
    expect(await listed('?sort=auc&order=asc')).toEqual(['outside 3', 'retrain 1', 'outside 2', 'outside 1']);
    expect((await listed('?sort=val/logLoss')).slice(0, 2)).toEqual(['outside 2', 'outside 1']);
    expect(await listed('?source=retrain')).toEqual(['retrain 1']);
    expect(await listed('?by=bob&codeVersion=another')).toEqual(['outside 3']);
    expect(await listed(`?dataVersion=${sha256(`${MODEL} 1`)}`)).toEqual(['retrain 1']);
    expect(await listed("?by=' OR 1=1 --")).toEqual([]);
  });
});
