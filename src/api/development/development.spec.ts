import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../../test/registry-server.js';
import { readEnvironment } from '../../config/environment.js';
import { sha256 } from '../../contracts/canonical.js';
import { anyFreePort } from '../../embedded/ports.js';
import { ModelCourse } from '../../registry/testing/model-course.js';
import { type RunningApi, startApi } from '../api.js';
import { modelDetailSchema } from '../models/models.dto.js';
import { developmentSchema } from './development.dto.js';

const MODEL = 'growing';

let registry: RegistryServer;
let api: RunningApi;
let key: string;
let course: ModelCourse;

beforeAll(async () => {
  registry = await startRegistryServer();
  key = await registry.apiKey('ann');
  api = await startApi(readEnvironment({
    DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error',
  }), { outcomeTimeoutMs: 100 });
  course = new ModelCourse(registry.dataSource, MODEL);
  await course.register('ann');
}, 120_000);

afterAll(async () => {
  await api?.close();
  await registry?.stop();
}, 60_000);

const read = async (path: string): Promise<unknown> => (await fetch(`${api.url}/v1/models/${MODEL}${path}`, { headers: { authorization: `Bearer ${key}` } })).json();

it('development has not begun before the first version', async () => {
  expect(developmentSchema.parse(await read('/development'))).toMatchObject({ model: MODEL, version: null, verdict: 'inconclusive', criteria: [{ name: 'plan' }], links: { version: null } });
  expect(modelDetailSchema.parse(await read('')).development).toEqual({ version: null, verdict: 'inconclusive', unmet: ['plan'], link: `/v1/models/${MODEL}/development` });
});

it('the newest version is held against the plan in force, from the record', async () => {
  await course.trained('ann', 'the first one');
  const first = developmentSchema.parse(await read('/development'));
  expect(first).toMatchObject({ version: 1, verdict: 'pass', links: { version: `/v1/models/${MODEL}/versions/1` } });
  expect(first.criteria).toEqual(expect.arrayContaining([
    { name: 'thresholds:auc', verdict: 'pass', explanation: 'It is.' },
    { name: 'environment', verdict: 'pass', explanation: `The locked environment of version 1 is on record: ${sha256('requirements')}.` },
  ]));
  await registry.asOwner((owner) => owner.query("UPDATE training_run SET environment = NULL WHERE model = $1", [MODEL]));
  expect(modelDetailSchema.parse(await read('')).development).toMatchObject({ version: 1, verdict: 'fail', unmet: ['environment'] });
});
