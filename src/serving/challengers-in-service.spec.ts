import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { smallUseCase } from '../../test/small-model.js';
import type { VersionTally } from '../contracts/serving-tallies.js';
import { type Gateway, startGateway } from './gateway.js';
import { expectedPositive, ServedRegistry, specOf } from './testing/served-registry.js';
import { assign } from './traffic-split.js';

const PATIENCE = { timeout: 30_000, interval: 50 };
const ROW = [1.5, 1, -2];
const folder = mkdtempSync(join(tmpdir(), 'perennial-challengers-'));

let registry: ServedRegistry;
let gateways: Gateway[];

const start = (name: string): Promise<Gateway> => startGateway({
  databaseUrl: registry.databaseUrl, databasePool: 3, artifactUrl: registry.artifactsDir, host: '127.0.0.1', port: 0, name,
  logLevel: 'error', observations: { folder: join(folder, name), sealAfterMs: 60_000, sealBytes: 1e8, maxBytes: 1e9, sync: 'second' },
});

interface Reply {
  readonly status: number;
  readonly type?: string;
  readonly version?: string;
  readonly positive?: number;
}

async function infer(model: string, parameters: object = {}, gateway = gateways[0]!, version = ''): Promise<Reply> {
  const response = await fetch(`${gateway.url}/v2/models/${model}${version}/infer`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ parameters, inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 3], data: ROW }] }),
  });
  const body = (await response.json()) as { type?: string; model_version?: string; outputs?: { data: number[] }[] };
  return { status: response.status, type: body.type, version: body.model_version, positive: body.outputs?.[0]?.data[1] };
}

const served = (model: string, revision: number): Promise<void> =>
  vi.waitFor(async () => expect(await registry.behind(model, revision)).toEqual([]), PATIENCE);
/** Processes of challengers that have this one as parent. */
const challengerPids = async (): Promise<number[]> => {
  const { stdout } = await promisify(execFile)('pgrep', ['-P', String(process.pid), '-f', 'challenger-process']).catch(() => ({ stdout: '' }));
  return stdout.trim().split('\n').filter(Boolean).map(Number);
};
const tallyOf = async (model: string, version: number, since?: readonly VersionTally[]): Promise<VersionTally | undefined> =>
  (await registry.serving.tallies(model, 'default', since)).find((tally) => tally.version === version);

beforeAll(async () => {
  registry = await ServedRegistry.start();
  for (const model of ['flights', 'killed', 'gone']) {
    await registry.register(model);
    await registry.addVersionFrom(model, 1, 'rising.onnx');
    await registry.addVersionFrom(model, 2, 'falling.onnx');
    await registry.promote(model, 1);
  }
  await registry.register('strict', specOf('strict').replace('tier: low', `tier: critical\nuseCase: ${JSON.stringify(smallUseCase())}\nserving: { maxStale: PT1S }`));
  await registry.addVersionFrom('strict', 1, 'rising.onnx');
  await registry.promote('strict', 1);
  gateways = [await start('first'), await start('second')];
  await Promise.all(gateways.map(({ ready }) => ready));
}, 120_000);

afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()));
  expect(await challengerPids()).toEqual([]);
  await registry.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

describe('a challenger in service', () => {
  it('is given every request, and what it did is on record, of all gateways together', async () => {
    await served('flights', await registry.challenge('flights', [2]));
    const before = await registry.serving.tallies('flights', 'default');
    for (let request = 0; request < 60; request++) {
      const gateway = gateways[request % 2]!;
      expect(await infer('flights', {}, gateway)).toMatchObject({ status: 200, version: '1', positive: expect.closeTo(expectedPositive('rising.onnx', ROW), 6) as number });
    }
    // Those that came before its process was ready are counted as dropped.
    await vi.waitFor(async () => {
      const { executed, dropped, failed } = (await tallyOf('flights', 2, before))!.mirrored;
      expect([executed + dropped, failed]).toEqual([60, 0]);
      expect(executed).toBeGreaterThan(0);
    }, PATIENCE);
    const champion = (await tallyOf('flights', 1, before))!;
    expect(champion).toMatchObject({ requests: 60, rows: 60, errors: {} });
    expect(champion.latency.reduce((sum, count) => sum + count)).toBe(60);
    const { executed, latency } = (await tallyOf('flights', 2, before))!.mirrored;
    expect(latency.reduce((sum, count) => sum + count)).toBe(executed);
    await vi.waitFor(async () => {
      const now = await registry.serving.tallies('flights', 'default');
      await Promise.all(gateways.map((gateway) => infer('flights', {}, gateway)));
      await vi.waitFor(async () => expect((await tallyOf('flights', 2, now))?.mirrored).toMatchObject({ executed: 2, dropped: 0 }), { timeout: 4_000 });
    }, PATIENCE);
  }, 60_000);

  it('answers the entities of its share, always the same ones, in every gateway', async () => {
    await served('flights', await registry.challenge('flights', [2], { 2: 25 }));
    const before = await registry.serving.tallies('flights', 'default');
    const salt = ((await registry.query("SELECT salt FROM routing WHERE model = 'flights' AND deployment = 'default'")) as { rows: { salt: string }[] }).rows[0]!.salt;
    const keys = Array.from({ length: 80 }, (_, index) => `entity-${index}`);
    const expected = keys.map((key) => String(assign(salt, key, new Map([[2, 25]])) ?? 1));
    expect(new Set(expected)).toEqual(new Set(['1', '2']));
    for (const gateway of gateways) {
      const answers = await Promise.all(keys.map((key) => infer('flights', { entity_key: key }, gateway)));
      expect(answers.map(({ version }) => version)).toEqual(expected);
      for (const { version, positive } of answers) expect(positive).toBeCloseTo(expectedPositive(version === '2' ? 'falling.onnx' : 'rising.onnx', ROW), 6);
    }
    const canaries = 2 * expected.filter((version) => version === '2').length;
    await vi.waitFor(async () => expect(await tallyOf('flights', 2, before)).toMatchObject({ requests: canaries, mirrored: { executed: 160 - canaries } }), PATIENCE);
    // The champion scored what the challenger answered.
    expect(await tallyOf('flights', 1, before)).toMatchObject({ requests: 160 - canaries, mirrored: { executed: canaries } });
  }, 60_000);

  it('becomes champion, and the version before is gone', async () => {
    const { revision } = await registry.promote('flights', 2);
    await served('flights', revision);
    expect(await infer('flights')).toMatchObject({ status: 200, version: '2', positive: expect.closeTo(expectedPositive('falling.onnx', ROW), 6) as number });
    await vi.waitFor(async () => expect(await infer('flights', {}, gateways[0], '/versions/1')).toMatchObject({ status: 410, type: 'VersionWithdrawn' }), PATIENCE);
    expect(await infer('flights', {}, gateways[0], '/versions/7')).toMatchObject({ status: 404, type: 'VersionNotFound' });
  }, 60_000);

  it('may be killed at any time: every request is answered', async () => {
    await served('killed', await registry.challenge('killed', [2], { 2: 50 }));
    const own = await challengerPids();
    expect(own.length).toBeGreaterThanOrEqual(2);
    let loading = true;
    const answers: Reply[] = [];
    const load = Promise.all(Array.from({ length: 8 }, async (_, caller) => {
      for (let at = 0; loading; at++) answers.push(await infer('killed', { entity_key: `${caller}-${at}` }, gateways[caller % 2]));
    }));
    for (let kill = 0; kill < 3; kill++) {
      await vi.waitFor(async () => expect((await challengerPids()).length).toBeGreaterThanOrEqual(2), PATIENCE);
      for (const pid of await challengerPids()) process.kill(pid, 'SIGKILL');
      const from = answers.length;
      await vi.waitFor(() => expect(answers.slice(from).some(({ version }) => version === '2')).toBe(true), PATIENCE);
    }
    loading = false;
    await load;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(answers.every(({ version, positive }) => Math.abs(positive! - expectedPositive(version === '2' ? 'falling.onnx' : 'rising.onnx', ROW)) < 1e-6)).toBe(true);
  }, 90_000);
});

it('a deployment without a champion that had one is gone', async () => {
  await registry.query("UPDATE routing SET revision = revision + 1, epoch = epoch + 1, champion = NULL WHERE model = 'gone'");
  await vi.waitFor(async () => expect(await infer('gone')).toMatchObject({ status: 410, type: 'VersionWithdrawn' }), PATIENCE);
});

it('a tally never falls, and a start of its own adds to those before', async () => {
  const [identity, at] = [{ gateway: 'third', boot: '00000000-0000-4000-8000-000000000001' }, new Date()];
  const tally = (requests: number) => ({
    model: 'gone', deployment: 'default', version: 1, requests, rows: requests, errors: { InferenceFailed: 2 }, latency: [requests, 1],
    mirrored: { executed: 0, dropped: 0, failed: 0, latency: [0] }, sinceMs: at.getTime(),
  });
  const before = await tallyOf('gone', 1);
  await registry.serving.record(identity, [tally(10)], at);
  await registry.serving.record(identity, [tally(7)], at);
  await registry.serving.record({ ...identity, boot: '00000000-0000-4000-8000-000000000002' }, [tally(5)], at);
  const after = (await tallyOf('gone', 1))!;
  expect(after).toMatchObject({ requests: (before?.requests ?? 0) + 15, errors: { InferenceFailed: 4 } });
  expect(after.latency[0]).toBe((before?.latency[0] ?? 0) + 15);
  expect(await tallyOf('gone', 1, [after])).toMatchObject({ requests: 0, rows: 0, errors: { InferenceFailed: 0 } });
});

it('without the record, a critical model stops when its routing is too old, and others go on', async () => {
  expect(await infer('strict')).toMatchObject({ status: 200 });
  await registry.stopPostgres();
  await vi.waitFor(async () => expect(await infer('strict')).toMatchObject({ status: 503, type: 'RoutingStale' }), PATIENCE);
  expect(await infer('flights')).toMatchObject({ status: 200 });
  await registry.restartPostgres();
  await vi.waitFor(async () => expect(await infer('strict')).toMatchObject({ status: 200 }), PATIENCE);
}, 90_000);
