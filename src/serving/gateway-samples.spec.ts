import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SampledStretch } from '../contracts/gateway-samples.js';
import { type Gateway, startGateway } from './gateway.js';
import { ServedRegistry } from './testing/served-registry.js';

const PATIENCE = { timeout: 30_000, interval: 50 };

let registry: ServedRegistry;
let startedMs: number;

beforeAll(async () => {
  startedMs = Date.now();
  registry = await ServedRegistry.start();
  await registry.register('flights');
  await registry.addVersionFrom('flights', 1, 'rising.onnx');
  await registry.promote('flights', 1);
}, 120_000);
afterAll(() => registry?.close(), 60_000);

const start = async (name: string, sampleMs?: number): Promise<Gateway> => {
  const gateway = await startGateway({
    databaseUrl: registry.databaseUrl, databasePool: 3, artifactUrl: registry.artifactsDir, host: '127.0.0.1', port: 0, name, logLevel: 'error', sampleMs,
    observations: { folder: join(registry.artifactsDir, '..', name), sealAfterMs: 60_000, sealBytes: 2 ** 20, maxBytes: 2 ** 28, sync: 'second' },
  });
  await gateway.ready;
  return gateway;
};

const ask = async ({ url }: Gateway, body: unknown, model = 'flights'): Promise<number> =>
  (await fetch(`${url}/v2/models/${model}/infer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body) })).status;
const rows = (count: number) => ({ inputs: [{ name: 'features', datatype: 'FP32', shape: [count, 3], data: Array.from({ length: 3 * count }, () => 1) }] });

const stretch = (): Promise<SampledStretch> => registry.samples.stretch('flights', 'default', startedMs, Date.now() + 60_000);
const sumOf = ({ minutes }: SampledStretch, figure: 'requests' | 'rows' | 'seconds' | 'cpuSeconds'): number => minutes.reduce((sum, minute) => sum + minute[figure], 0);

describe('a gateway', () => {
  it('tells the record of the minute that runs within seconds, and of its last part when it closes', async () => {
    const gateway = await start('watched');
    for (let request = 0; request < 6; request++) expect(await ask(gateway, rows(4))).toBe(200);
    await vi.waitFor(async () => expect(sumOf(await stretch(), 'requests')).toBe(6), { timeout: 10_000 });
    // Of the deployment, whatever is wrong with the rest; the others name none that is known.
    expect(await ask(gateway, { inputs: [{ name: 'nothing', datatype: 'FP32', shape: [1], data: [1] }] })).toBe(400);
    expect(await ask(gateway, { ...rows(1), parameters: { deployment: 'nowhere' } })).toBe(404);
    expect(await ask(gateway, rows(1), 'unknown')).toBe(404);
    expect(await ask(gateway, '{')).toBe(400);
    expect(await ask(gateway, rows(2))).toBe(200);
    await vi.waitFor(async () => expect(sumOf(await stretch(), 'requests')).toBe(7), { timeout: 10_000 });
    // Nothing happens, and nothing is told of it but at the end.
    const sampled = sumOf(await stretch(), 'seconds');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await gateway.close();
    const told = await stretch();
    expect(sumOf(told, 'seconds') - sampled).toBeGreaterThan(0.9);
    expect(told).toMatchObject({ gateways: 1, lostMinutes: 0, errors: { InferenceInvalid: 1 }, unplacedErrors: { NotFound: 1, ModelNotFound: 1 } });
    expect(Object.values(told.unplacedErrors).reduce((sum, count) => sum + count, 0)).toBe(3);
    expect([sumOf(told, 'requests'), sumOf(told, 'rows')]).toEqual([7, 26]);
    for (const { capacityRows, busySeconds, memoryBytes, seconds } of told.minutes) {
      expect(capacityRows).toBeGreaterThan(100 * seconds);
      expect(busySeconds).toBeLessThan(seconds);
      expect(memoryBytes).toBeGreaterThan(10e6);
    }
    expect(sumOf(told, 'cpuSeconds')).toBeGreaterThan(0);
  }, 60_000);

  it('keeps its samples while PostgreSQL is away, and brings them all', async () => {
    const [before, beganMs] = [await stretch(), Date.now()];
    const gateway = await start('cut off', 500);
    await vi.waitFor(async () => expect((await stretch()).gateways).toBe(2), PATIENCE);
    await registry.stopPostgres();
    for (let request = 0; request < 20; request++) {
      expect(await ask(gateway, rows(3))).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const awayMs = Date.now() - beganMs;
    await registry.restartPostgres();
    await vi.waitFor(async () => expect(sumOf(await stretch(), 'requests')).toBe(27), PATIENCE);
    await gateway.close();
    const all = await stretch();
    expect([sumOf(all, 'requests'), sumOf(all, 'rows'), all.lostMinutes]).toEqual([27, 86, 0]);
    // Without a gap, and nothing twice.
    expect(sumOf(all, 'seconds') - sumOf(before, 'seconds')).toBeGreaterThan(awayMs / 1_000 - 1);
    expect(sumOf(all, 'seconds') - sumOf(before, 'seconds')).toBeLessThan((Date.now() - beganMs) / 1_000 + 0.1);
  }, 90_000);
});
