import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Gateway, startGateway } from './gateway.js';
import type { ObservationLogFigures } from './observation-log.js';
import { ObservationLogReport } from './observation-log-report.js';
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

const figuresOf = (changes: Partial<ObservationLogFigures>): ObservationLogFigures =>
  ({ bytesOnDisk: 0, openBytes: 0, sealedWaiting: 0, shedObservations: 0, shedMirrored: 0, shedding: false, lastError: null, oldestUnsentMs: Infinity, ...changes });
const reportOf = (log: () => ObservationLogFigures | null, oldestInFlightMs = () => Infinity): ObservationLogReport => new ObservationLogReport({ log, oldestInFlightMs });

describe('what was shed between two renewals', () => {
  it('is told, also where nothing is shed any more, until the record has it', () => {
    let now: Partial<ObservationLogFigures> = {};
    const report = reportOf(() => figuresOf(now));
    expect(report.state(0)?.shedding).toBe(false);
    report.told();
    now = { shedMirrored: 3 };
    expect(report.state(0)?.shedding).toBe(true);
    expect(report.state(0)?.shedding).toBe(true);
    report.told();
    expect(report.state(0)?.shedding).toBe(false);
  });

  it('is not known before the log is open, nor where its folder cannot be read', () => {
    expect(reportOf(() => null).state(0)).toBeNull();
    expect(reportOf(() => { throw new Error('ENOENT'); }).state(0)).toBeNull();
  });
});

describe('up to when everything is on the record', () => {
  const at = (second: number): number => Date.UTC(2024, 3, 1, 0, 0, second);

  it.each<[string, string | null, number, number]>([
    ['now, where nothing waits', '2024-04-01T00:00:09.000Z', Infinity, Infinity],
    ['what waits to be sealed or uploaded', '2024-04-01T00:00:05.000Z', at(5), at(7)],
    ['a request that is not answered yet', '2024-04-01T00:00:04.000Z', at(5), at(4)],
    ['no time at all, where an earlier start left something', null, -Infinity, at(4)],
  ])('%s', (_, keptUntil, oldestUnsentMs, inFlightMs) => {
    expect(reportOf(() => figuresOf({ oldestUnsentMs }), () => inFlightMs).state(at(9))?.keptUntil).toBe(keptUntil);
  });

  it('follows what a gateway answers, within its seals and renewals', async () => {
    const state = async () => (await registry.gateways.leasesSince(new Date(0))).find(({ gateway: name }) => name === 'prompt')?.observationLog?.keptUntil ?? null;
    const prompt = await startGateway({
      databaseUrl: registry.databaseUrl, databasePool: 3, artifactUrl: registry.artifactsDir, host: '127.0.0.1', port: 0, name: 'prompt', logLevel: 'error',
      observations: { folder, sealAfterMs: 6_000, sealBytes: 2 ** 20, maxBytes: 2 ** 20, sync: 'second' },
    });
    try {
      await prompt.ready;
      await vi.waitFor(async () => expect(Date.parse((await state()) ?? '')).toBeGreaterThan(Date.now() - 5_000), { timeout: 10_000 });
      const askedMs = Date.now();
      const response = await fetch(`${prompt.url}/v2/models/flights/infer`, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 3], data: [1, 1, 1] }] }),
      });
      expect(response.status).toBe(200);
      const answeredMs = Date.now();
      await vi.waitFor(async () => {
        const keptMs = Date.parse((await state()) ?? '');
        expect(keptMs).toBeGreaterThanOrEqual(askedMs);
        expect(keptMs).toBeLessThanOrEqual(answeredMs);
      }, { timeout: 5_000, interval: 50 });
      expect(await registry.registeredSegments('prompt')).toBe(0);
      await vi.waitFor(async () => expect(Date.parse((await state()) ?? '')).toBeGreaterThan(answeredMs), { timeout: 20_000 });
      expect(await registry.registeredSegments('prompt')).toBe(1);
    } finally {
      await prompt.close();
    }
    const closed = (await registry.gateways.leasesSince(new Date(0))).find(({ gateway: name }) => name === 'prompt');
    expect(closed?.expiresAt).toEqual(closed?.renewedAt);
    expect(closed?.observationLog?.keptUntil).toBe(closed?.renewedAt.toISOString());
  }, 60_000);
});
