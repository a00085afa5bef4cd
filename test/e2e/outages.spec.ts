import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LabelBatchAnswer } from '../../src/api/labels/labels.dto.js';
import type { ReleaseDetail } from '../../src/api/releases/releases.dto.js';
import { GatewayLoad, type LoadAnswer } from '../gateway-load.js';
import { type Answer, eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

/** As long as an outage has to be borne: retries of this length are longer than in one of seconds. */
const OUTAGE_MS = 60_000;
const MODEL = 'outlasts';
const WEAK = { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 1, max_depth: 1 } };
const STRONG = { gates: { comparison: { metric: 'auc' } }, parameters: { rounds: 150, max_depth: 5 } };
const BY_HAND = { checkEvery: 'PT1S', canary: { steps: [20, 50] } };

let perennial: Installation;

beforeAll(async () => {
  perennial = await Installation.start({ OBSERVATION_SEAL_MS: '500' });
  await writeEvents(perennial.dataDir, MODEL);
  await perennial.apply(smallSpec({ model: MODEL, ...WEAK, rollout: BY_HAND }));
  await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(6) }));
  await perennial.apply(smallSpec({ model: MODEL, ...STRONG, rollout: BY_HAND }));
  await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(10) }));
  await awaitRelease(({ stage }) => stage === 'shadow');
}, 180_000);

afterAll(() => perennial?.stop());

async function awaitRelease(until: (release: ReleaseDetail) => boolean): Promise<ReleaseDetail> {
  return eventually(async () => {
    const { status, body } = await perennial.call<ReleaseDetail & Record<string, unknown>>('GET', `/v1/models/${MODEL}/releases/1`).catch(() => ({ status: 0, body: undefined }));
    return status === 200 && body && until(body) ? body : undefined;
  }, () => `the release of ${MODEL}`);
}

const advance = (key: string): Promise<Answer> => perennial.call('POST', `/v1/models/${MODEL}/releases/1/advance`, { reason: 'to see that it goes on' }, { 'idempotency-key': key });
const bring = (answers: readonly LoadAnswer[], headers: Record<string, string>): Promise<Answer<LabelBatchAnswer & Record<string, unknown>>> =>
  perennial.call('POST', `/v1/models/${MODEL}/labels`, `prediction_id,label\n${answers.map(({ predictionId }) => `${predictionId},1\n`).join('')}`, { 'content-type': 'text/csv', ...headers });
const ingested = (path: string): Promise<LabelBatchAnswer> =>
  eventually(async () => {
    const { body } = await perennial.call<LabelBatchAnswer & Record<string, unknown>>('GET', path);
    return body.state === 'waiting' ? undefined : body;
  }, () => `${path} to be ingested`);

/** A caller who asks some twenty times a second. */
const load = (name: string): GatewayLoad => new GatewayLoad({ url: perennial.instance.gatewayUrl, name, model: MODEL, row: [0.5, 0.5, 1], callers: 2, pauseMs: 100 });
const statuses = (answers: readonly LoadAnswer[]): (number | null)[] => [...new Set(answers.map(({ status }) => status))];

/** Every answer has its row in a converted file, whoever named it. */
async function awaitRows(answers: number): Promise<void> {
  await eventually(async () => {
    const [{ rows }] = await perennial.registry.query("SELECT coalesce(sum(rows), 0)::int AS rows FROM observation_file WHERE model = $1 AND kind = 'observation'", [MODEL]);
    if (rows > answers) throw new Error(`${rows} rows for ${answers} answers`);
    return rows === answers ? true : undefined;
  }, () => `${answers} answers in the record`);
}

let answeredBefore = 0;

it('PostgreSQL gone for a minute: no request fails, answers say that they are stale, and then everything catches up', async () => {
  const { servers } = perennial.instance;
  const going = load('without-postgres');
  await eventually(async () => (going.answers.length > 20 ? true : undefined), () => 'load');
  await servers.killPostgres();
  await sleep(OUTAGE_MS);
  // Nobody is told that a command is accepted which nothing holds.
  expect((await advance('while-postgres-is-away')).status).toBe(503);
  const unaware = going.answers.filter(({ stale }) => !stale).length;
  await servers.startPostgres();
  await eventually(async () => (going.answers.at(-1)?.stale === false ? true : undefined), () => 'fresh answers');
  await going.end();
  expect(statuses(going.answers)).toEqual([200]);
  // Ten seconds of silence of the record are not stale yet; the other fifty are.
  expect(going.answers.filter(({ stale }) => stale).length).toBeGreaterThan(2 * unaware);
  answeredBefore = going.answers.length;
  await awaitRows(answeredBefore);
  const labels = await ingested((await bring(going.answers, {})).body.status);
  expect(labels.counts).toMatchObject({ rows: answeredBefore, accepted: answeredBefore, unknown: 0, invalid: 0 });
  expect((await advance('after-postgres')).status).toBe(202);
  expect(await awaitRelease(({ percent }) => percent === 20)).toMatchObject({ outcome: null });
}, 240_000);

it('Temporal gone for a minute: no request fails, what is accepted waits, and then it is done once', async () => {
  const { servers } = perennial.instance;
  const going = load('without-temporal');
  await eventually(async () => (going.answers.length > 20 ? true : undefined), () => 'load');
  await servers.killTemporal();
  const early = going.answers.slice(0, 20);
  const accepted = await advance('while-temporal-is-away');
  expect([accepted.status, accepted.body['state']]).toEqual([202, 'accepted']);
  const batch = await bring(early, { 'idempotency-key': 'labels-while-temporal-is-away' });
  expect([batch.status, batch.body.state]).toEqual([202, 'waiting']);
  await sleep(OUTAGE_MS);
  await servers.startTemporal();
  expect(await awaitRelease(({ percent }) => percent === 50)).toMatchObject({ outcome: null });
  await going.end();
  expect(statuses(going.answers)).toEqual([200]);
  expect(going.answers.filter(({ stale }) => stale)).toEqual([]);
  await awaitRows(answeredBefore + going.answers.length);
  expect((await ingested(batch.body.status)).counts).toMatchObject({ rows: 20, invalid: 0 });
  const again = await bring(early, { 'idempotency-key': 'labels-while-temporal-is-away' });
  expect(again.body.batch).toBe(batch.body.batch);
  expect((await awaitRelease(() => true)).steps.map(({ action }) => action)).toEqual(['request', 'begin', 'ask-advance', 'advance', 'ask-advance', 'advance']);
}, 240_000);
