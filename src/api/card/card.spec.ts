import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../../test/registry-server.js';
import { readEnvironment } from '../../config/environment.js';
import { sha256 } from '../../contracts/canonical.js';
import { anyFreePort } from '../../embedded/ports.js';
import { ModelCourse } from '../../registry/testing/model-course.js';
import { type RunningApi, startApi } from '../api.js';
import { cardSchema, type ModelCard } from './card.dto.js';

const MODEL = 'carded';
const PATH = `/v1/models/${MODEL}/card`;

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

const ask = (path: string, accept = '*/*') => fetch(api.url + path, { headers: { authorization: `Bearer ${key}`, accept } });

async function read(): Promise<ModelCard> {
  const answer = await ask(PATH);
  expect(answer.headers.get('content-type')).toContain('application/json');
  return cardSchema.parse(await answer.json());
}

/** Every source that the card names, with its place in the card. */
function sourcesOf(value: unknown, at = ''): { at: string; path: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => (name === 'from' && typeof one === 'object' ? [{ at, path: (one as { path: string }).path }] : sourcesOf(one, `${at}.${name}`)));
}

describe('the card of a model', () => {
  it('says before the first version what the spec says, and that the rest is not there', async () => {
    const card = await read();
    expect(card).toMatchObject({
      details: { inventory: { tier: 'low', registeredBy: 'ann' }, version: null, service: null, training: null }, evaluationData: null, trainingData: null, quantitativeAnalyses: null,
      intendedUse: { businessCase: null, outOfScope: null }, ethicalConsiderations: { risk: null, approvals: { items: [] } }, production: { windows: { last: null }, retrains: { items: [] } },
    });
    expect(card.caveats.features.length).toBeGreaterThan(5);
    expect(await (await ask(`${PATH}?format=html`)).text()).toContain('No version yet');
  });

  it('is of the newest version until one is in service, then of the champion', async () => {
    const first = await course.trained('ann', 'the first one');
    expect((await read()).details).toMatchObject({ version: { number: 1, status: 'candidate' }, service: null });
    await course.promote(first, 'ann');
    await course.trained('ann', 'another one');
    expect((await read()).details).toMatchObject({ version: { number: 1, status: 'champion', artifactDigest: sha256('model 1'), requestedBy: 'ann' }, service: { epoch: 1, by: 'ann', reason: 'promotion', challengers: [] } });
  });

  it('tells training, data and figures with their digests, and how it does in production', async () => {
    await course.assessed('pass');
    await course.assessed('fail');
    await course.alarmed('<script>alert(1)</script> & the loss has doubled');
    const card = await read();
    expect(card).toMatchObject({
      details: { training: { trainer: 'xgboost', seed: 7, parameters: { rounds: 1 }, codeDigest: sha256('code'), environment: { requirementsDigest: sha256('requirements') }, seconds: 60 } },
      trainingData: { rows: 10, artifactDigest: sha256('rows 1'), source: { files: [{ digest: sha256('a') }] }, from: { digest: sha256(`${MODEL} 1`) } },
      quantitativeAnalyses: { evaluation: { verdict: 'pass', metrics: { auc: { value: 0.7, low: 0.69, high: 0.71 } }, fairness: null } },
      production: { windows: { pass: 1, fail: 1, inconclusive: 0, last: { verdict: 'fail', findings: ['half of the temperatures are missing'] } }, alarms: { open: [{ kind: 'windowHarmful' }] } },
    });
    expect(card.production.retrains.items.map(({ number }) => number)).toEqual([2, 1]);
  });

  it('names for each part a source that can be read', async () => {
    const sources = sourcesOf(await read());
    expect(sources.map(({ at }) => at)).toEqual(expect.arrayContaining(['.details.inventory', '.details.training', '.intendedUse', '.trainingData', '.quantitativeAnalyses', '.production.windows', '.caveats']));
    for (const { at, path } of sources) expect((await ask(path)).status, `${at}: ${path}`).toBe(200);
  });

  it('is a page for a browser and where that is asked for, in which nothing of a text becomes markup', async () => {
    for (const answer of [await ask(`${PATH}?format=html`), await ask(PATH, 'text/html,application/xhtml+xml,*/*;q=0.8')]) {
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
      const page = await answer.text();
      expect(page).toMatch(/^<!DOCTYPE html>/);
      expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; the loss has doubled');
      expect(page).not.toMatch(/<script|undefined|NaN|\[object/);
      for (const title of ['Model details', 'Intended use', 'Factors', 'Metrics', 'Evaluation data', 'Training data', 'Quantitative analyses', 'Ethical considerations', 'Caveats and recommendations']) expect(page).toContain(`<h2>${title}</h2>`);
      expect(page).toContain(sha256('model 1'));
    }
    expect((await ask(`${PATH}?format=json`, 'text/html')).headers.get('content-type')).toContain('application/json');
  });

  it('is documented as both', async () => {
    const { paths } = (await (await fetch(`${api.url}/openapi.json`)).json()) as { paths: Record<string, any> };
    const { content } = paths['/v1/models/{model}/card'].get.responses['200'];
    expect(content).toMatchObject({ 'text/html': { schema: { type: 'string' } } });
    expect(JSON.stringify(content['application/json'].schema)).toContain('ModelCard');
  });

  it('is refused for what there is not', async () => {
    expect((await ask('/v1/models/nobody/card')).status).toBe(404);
    expect((await ask(`${PATH}?deployment=mars`)).status).toBe(404);
    expect((await ask(`${PATH}?format=pdf`)).status).toBe(400);
  });
});
