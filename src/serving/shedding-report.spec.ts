import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Gateway, startGateway } from './gateway.js';
import type { ObservationLogFigures } from './observation-log.js';
import { SheddingReport } from './shedding-report.js';
import { ServedRegistry } from './testing/served-registry.js';

let registry: ServedRegistry;
let gateway: Gateway;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-shedding-'));
  registry = await ServedRegistry.start();
  await registry.register('flights');
  await registry.addVersionFrom('flights', 1, 'rising.onnx');
  await registry.promote('flights', 1);
  // So little that an answer of a hundred rows does not fit.
  gateway = await startGateway({
    databaseUrl: registry.databaseUrl, databasePool: 3, artifactUrl: registry.artifactsDir, host: '127.0.0.1', port: 0, name: 'small', logLevel: 'error',
    observations: { folder, sealAfterMs: 60_000, sealBytes: 2 ** 20, maxBytes: 2_000, sync: 'second' },
  });
  await gateway.ready;
}, 120_000);

afterAll(async () => {
  await gateway?.close();
  await registry?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

describe('a gateway that cannot keep what it answers', () => {
  it('answers, and tells the record with its lease', async () => {
    const state = async () => (await registry.gateways.live(new Date()))[0]?.observationLog;
    await vi.waitFor(async () => expect(await state()).toMatchObject({ shedding: false, shedObservations: 0, lastError: null }), { timeout: 10_000 });
    const response = await fetch(`${gateway.url}/v2/models/flights/infer`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: [{ name: 'features', datatype: 'FP32', shape: [100, 3], data: Array.from({ length: 300 }, () => 1) }] }),
    });
    expect(response.status).toBe(200);
    await vi.waitFor(async () => expect(await state()).toMatchObject({ shedding: true, shedObservations: 1, lastError: expect.stringContaining('OBSERVATION_MAX_BYTES') }), { timeout: 10_000 });
  });
});

describe('what was shed between two renewals', () => {
  const figures = (changes: Partial<ObservationLogFigures>): ObservationLogFigures =>
    ({ bytesOnDisk: 0, openBytes: 0, sealedWaiting: 0, shedObservations: 0, shedMirrored: 0, shedding: false, lastError: null, ...changes });

  it('is told, also where nothing is shed any more, until the record has it', () => {
    let now: Partial<ObservationLogFigures> = {};
    const report = new SheddingReport(() => figures(now));
    expect(report.state()?.shedding).toBe(false);
    report.told();
    now = { shedMirrored: 3 };
    expect(report.state()?.shedding).toBe(true);
    expect(report.state()?.shedding).toBe(true);
    report.told();
    expect(report.state()?.shedding).toBe(false);
  });

  it('is not known before the log is open, nor where its folder cannot be read', () => {
    expect(new SheddingReport(() => null).state()).toBeNull();
    expect(new SheddingReport(() => { throw new Error('ENOENT'); }).state()).toBeNull();
  });
});
