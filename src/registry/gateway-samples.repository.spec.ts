import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RegistryServer, startRegistryServer } from '../../test/registry-server.js';
import type { DeploymentSample, GatewaySample } from '../contracts/gateway-samples.js';
import { GatewaySamplesRepository } from './gateway-samples.repository.js';

const START = Date.parse('2026-01-01T10:00:00.000Z');
const MINUTE = 60_000;

let server: RegistryServer;
let samples: GatewaySamplesRepository;

beforeAll(async () => {
  server = await startRegistryServer();
  samples = new GatewaySamplesRepository(server.dataSource);
});
afterAll(() => server?.stop());
beforeEach(() => server.asOwner((owner) => owner.query('DELETE FROM gateway_sample')));

const own = (changes: Partial<DeploymentSample> = {}): DeploymentSample => ({ model: 'flights', deployment: 'default', requests: 10, rows: 120, errors: {}, rowsPerSecond: 1_000, ...changes });
const other = (changes: Partial<DeploymentSample> = {}): DeploymentSample => own({ model: 'trains', requests: 5, rows: 300, rowsPerSecond: 100, ...changes });
const sample = (minute: number, changes: Partial<GatewaySample> = {}): GatewaySample => ({
  fromMs: START + minute * MINUTE, untilMs: START + (minute + 1) * MINUTE, requests: 10, rows: 120, errors: {}, memoryBytes: 1_000, cpuSeconds: 6, cores: 8, lost: 0, deployments: [own()], ...changes,
});
const gateway = (name: string) => ({ gateway: name, boot: randomUUID() });
const of = (fromMs: number, untilMs: number, model = 'flights') => samples.stretch(model, 'default', fromMs, untilMs);

describe('samples of gateways', () => {
  it('are written once, however often they come, and a minute that runs grows', async () => {
    const who = gateway('a');
    const running = sample(0, { untilMs: START + 20_000, requests: 3, deployments: [own({ requests: 3, rows: 30 })] });
    await samples.record(who, [running]);
    await samples.record(who, [sample(0), sample(1)]);
    await Promise.all(Array.from({ length: 5 }, () => samples.record(who, [sample(0), sample(1)])));
    // Delayed on its way: it says less than what is there.
    await samples.record(who, [running]);
    const { minutes, gateways, cores } = await of(START, START + 2 * MINUTE);
    expect(minutes.map(({ minuteMs, seconds, requests, rows }) => [minuteMs, seconds, requests, rows])).toEqual([[START, 60, 10, 120], [START + MINUTE, 60, 10, 120]]);
    expect([gateways, cores]).toEqual([1, 8]);
  });

  it('of starts and gateways are added up by the minute, memory and processor by what one of them used', async () => {
    const [first, again, second] = [gateway('a'), gateway('a'), gateway('b')];
    await samples.record(first, [sample(0, { untilMs: START + 20_000, memoryBytes: 5_000, cpuSeconds: 10 })]);
    await samples.record(again, [sample(0, { fromMs: START + 30_000, deployments: [own(), other()], cpuSeconds: 5, lost: 2 })]);
    await samples.record(second, [sample(0, { memoryBytes: 2_000, cpuSeconds: 36, cores: 4, deployments: [own({ rowsPerSecond: 500 })] })]);
    expect(await of(START, START + MINUTE)).toEqual({
      fromMs: START, untilMs: START + MINUTE, gateways: 2, cores: 4, lostMinutes: 2, errors: {}, unplacedErrors: {},
      minutes: [{
        minuteMs: START, seconds: 110, wallSeconds: 60, requests: 30, rows: 360, capacityRows: 20 * 1_000 + 30 * 1_000 + 60 * 500,
        busySeconds: expect.closeTo(0.12 + 0.12 + 300 / 100 + 0.24, 12) as number, cpuSeconds: 51, busiestCores: 36 / 60, memoryBytes: 5_000,
      }],
    });
  });

  it('count whole where they overlap, of gateways that served the deployment alone', async () => {
    await samples.record(gateway('a'), [0, 1, 2, 3].map((minute) => sample(minute)));
    await samples.record(gateway('b'), [sample(1, { deployments: [other()], memoryBytes: 9_000, lost: 4, errors: { Overloaded: 3 } })]);
    const { minutes, gateways, lostMinutes, unplacedErrors } = await of(START + 1.5 * MINUTE, START + 2 * MINUTE + 1);
    expect(minutes.map(({ minuteMs, memoryBytes }) => [(minuteMs - START) / MINUTE, memoryBytes])).toEqual([[1, 1_000], [2, 1_000]]);
    expect([gateways, lostMinutes, unplacedErrors]).toEqual([1, 0, {}]);
    expect((await of(START + MINUTE, START + 2 * MINUTE)).minutes).toHaveLength(1);
    expect(await of(START + 10 * MINUTE, START + 11 * MINUTE)).toMatchObject({ minutes: [], gateways: 0, cores: null, lostMinutes: 0 });
  });

  it('tell errors of the deployment from those of others and those of none', async () => {
    const errors = { InferenceInvalid: 12, NotFound: 4, ModelNotReady: 2 };
    const deployments = [own({ errors: { InferenceInvalid: 3, ModelNotReady: 2 } }), other({ errors: { InferenceInvalid: 7 } })];
    await samples.record(gateway('a'), [sample(0, { errors, deployments }), sample(1, { errors: { InferenceInvalid: 1 }, deployments: [own({ errors: { InferenceInvalid: 1 } })] })]);
    expect(await of(START, START + 2 * MINUTE)).toMatchObject({ errors: { InferenceInvalid: 4, ModelNotReady: 2 }, unplacedErrors: { InferenceInvalid: 2, NotFound: 4 } });
    expect((await of(START, START + 2 * MINUTE)).unplacedErrors).not.toHaveProperty('ModelNotReady');
    expect(await of(START, START + 2 * MINUTE, 'trains')).toMatchObject({ errors: { InferenceInvalid: 7 } });
  });

  it('have no capacity where a champion could not be tried, and no load where another one with rows could not', async () => {
    await samples.record(gateway('a'), [
      sample(0, { deployments: [own({ rowsPerSecond: null, rows: 0 })] }), sample(1, { deployments: [own(), other({ rowsPerSecond: null })] }),
      sample(2, { deployments: [own(), other({ rowsPerSecond: null, rows: 0 })] }),
    ]);
    const { minutes } = await of(START, START + 3 * MINUTE);
    expect(minutes.map(({ capacityRows, busySeconds }) => [capacityRows, busySeconds])).toEqual([[null, 0], [60_000, null], [60_000, 0.12]]);
  });
});
