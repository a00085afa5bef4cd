import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../src/serving/gateway.js';
import { expectedPositive, ServedRegistry } from '../../src/serving/testing/served-registry.js';

/** Made by `npm test` from requirements.lock. */
const PYTHON = resolve('var/v2-client/bin/python');
const SCRIPT = join(import.meta.dirname, 'ask.py');

let registry: ServedRegistry;
let gateway: Gateway;

beforeAll(async () => {
  registry = await ServedRegistry.start();
  await registry.register('flights');
  await registry.addVersionFrom('flights', 1, 'rising.onnx');
  await registry.promote('flights', 1);
  gateway = await startGateway({
    databaseUrl: registry.databaseUrl, databasePool: 3, artifactUrl: registry.artifactsDir, host: '127.0.0.1', port: 0, name: 'asked', logLevel: 'error',
    observations: { folder: join(registry.artifactsDir, '..', 'observations'), sealAfterMs: 60_000, sealBytes: 2 ** 20, maxBytes: 2 ** 28, sync: 'second' },
  });
  await gateway.ready;
});

afterAll(async () => {
  await gateway.close();
  await registry.close();
});

it("is understood by Triton's HTTP client", async () => {
  expect(existsSync(PYTHON), 'var/v2-client is made by `npm test`; run that once').toBe(true);
  const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, new URL(gateway.url).host, 'flights']);
  const said = JSON.parse(stdout) as Record<string, unknown> & { probabilities: number[][]; labels: number[]; raw: number[][] };
  expect(said).toMatchObject({
    live: true, ready: true, modelReady: true, versionReady: true, otherVersionReady: false, server: { name: 'perennial' }, byVersion: '1',
    metadata: { name: 'flights', versions: ['1'], inputs: [{ name: 'distance', datatype: 'FP64' }, { name: 'carrier', datatype: 'BYTES' }, { name: 'delay' }], outputs: [{ name: 'probabilities' }, { name: 'label' }] },
    answer: { id: 'mine', model_name: 'flights', model_version: '1', parameters: { version: 1, epoch: 1, deployment: 'default', prediction_id: 'p-1' } },
    wrongShape: expect.stringMatching(/^400: .*\[rows, 3\]/) as string,
    noModel: expect.stringMatching(/^404: .*"nothing"/) as string,
  });
  const expected = [[1.5, 1, -2], [0.25, 0, 4]].map((row) => expectedPositive('rising.onnx', row));
  expect(said.probabilities.map(([negative, positive]) => [negative! + positive!, positive])).toEqual(expected.map((positive) => [expect.closeTo(1, 6), expect.closeTo(positive, 6)]));
  expect(said.labels).toEqual(expected.map((positive) => Number(positive >= 0.5)));
  expect(said.raw).toEqual(said.probabilities);
}, 120_000);
