import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { logisticParts, model as onnx, type ModelParts } from '../../src/evaluation/tiny-onnx.js';
import { STRAY_SHARE, STREAM_FILES, streamTime } from '../../src/observations/stream-time.js';
import { seededRandom } from '../../src/observations/testing/random-observations.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { registryDataSource } from '../../src/registry/data-source.js';
import { ObservationsRepository } from '../../src/registry/observations.repository.js';
import { RoutingRepository } from '../../src/registry/routing.repository.js';
import { multiplying, sleeping, swelling, throwing, WEIGHTS } from '../../src/serving/testing/misbehaving-models.js';
import { expectedPositive, ServedRegistry, specOf } from '../../src/serving/testing/served-registry.js';
import { GatewayLoad, type LoadAnswer } from '../gateway-load.js';
import { type DeadlyStep, GatewayProcess, type GatewayOrders } from '../gateway-process.js';
import { eventually } from '../installation.js';
import { recordedPredictions } from '../recorded-predictions.js';

const ROW = [1.5, 1, -2];
const HOUR_MS = 3_600_000;
const POSITIVE = { '1': expectedPositive('rising.onnx', ROW), '2': expectedPositive('falling.onnx', ROW) };

let folder: string;
let registry: ServedRegistry;
let owner: DataSource;
let running: GatewayProcess[] = [];

const start = async (name: string, orders: Partial<GatewayOrders> = {}): Promise<GatewayProcess> => {
  const gateway = await GatewayProcess.start(registry, { name, folder, ...orders });
  running.push(gateway);
  return gateway;
};

/** A model with three versions, of which the first serves. */
async function register(model: string, serving = ''): Promise<void> {
  await registry.register(model, `${specOf(model)}${serving}`);
  for (const [at, file] of ['rising.onnx', 'falling.onnx', 'rising.onnx'].entries()) await registry.addVersionFrom(model, at + 1, file);
  await registry.promote(model, 1);
}

/** The next champion, with a version that is mirrored beside it. @returns epoch and revision */
async function change(model: string, version: number, challengers: readonly number[]): Promise<{ epoch: number; revision: number }> {
  const routing = new RoutingRepository(owner, new AuditLedger(owner));
  const { epoch } = await routing.get(model, 'default');
  const move = { model, deployment: 'default', expectedEpoch: epoch, version, challengers, reason: 'promotion', actor: 'tester' } as const;
  return routing.moveChampion(move, new Date(), { workflowId: `${model}-${epoch}`, runId: null });
}

/** What the record's Parquet holds of a model: how often each prediction id, once all that gateways left is there. */
const recorded = (model: string, observations = join(folder, 'observations')): Promise<Map<string, number>> =>
  recordedPredictions({ registry, owner, observations, scratch: join(folder, 'work') }, model);

const answered = (answers: readonly LoadAnswer[]): string[] => answers.filter(({ status }) => status === 200).map(({ predictionId }) => predictionId);
const statuses = (answers: readonly LoadAnswer[]): (number | null)[] => [...new Set(answers.map(({ status }) => status))];
const expectRising = (epochs: readonly (number | undefined)[]): void => expect(epochs).toEqual([...epochs].sort((a, b) => (a ?? NaN) - (b ?? NaN)));
const expectOwnOutputs = (answers: readonly LoadAnswer[]): void => {
  const wrong = answers.filter(({ status, version, positive }) => status === 200 && Math.abs((positive ?? NaN) - POSITIVE[version as '1' | '2']) > 1e-6);
  expect(wrong).toEqual([]);
};
/** Those that run just then: one that was killed is started anew a little later. */
function killChallengers(gateway: GatewayProcess): void {
  const { stdout } = spawnSync('pgrep', ['-P', String(gateway.pid), '-f', 'challenger-process'], { encoding: 'utf8' });
  for (const pid of stdout.split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
const behind = (model: string, revision: number): Promise<true> =>
  eventually(async () => ((await registry.behind(model, revision)).length === 0 ? true : undefined), () => `revision ${revision} of ${model} in every gateway`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-gateway-faults-'));
  mkdirSync(join(folder, 'observations'));
  registry = await ServedRegistry.start();
  owner = await registryDataSource({ url: registry.databaseUrl, poolSize: 3 }).initialize();
  for (const model of ['flights', 'killed']) await register(model);
}, 120_000);

afterEach(async () => {
  await Promise.all(running.map((gateway) => gateway.stop()));
  running = [];
});

afterAll(async () => {
  await owner?.destroy();
  await registry?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

it('three gateways follow 200 changes of champion under load: no request fails, none is left behind, epochs only rise', async () => {
  const gateways = await Promise.all(['north', 'east', 'south'].map((name) => start(name)));
  const { revision: first } = await change('flights', 2, [3]);
  await behind('flights', first);
  for (const gateway of gateways) {
    await eventually(async () => ((await gateway.metric('perennial_gateway_challenger_ready', { model: 'flights', version: 3 })) === 1 ? true : undefined), () => 'the challenger');
  }
  const loads = gateways.map(({ url, name }) => new GatewayLoad({ url, name, model: 'flights', row: ROW }));
  const champions = new Map<number, string>();
  let last = first;
  const random = seededRandom(200);
  for (let at = 0; at < 200; at++) {
    const { epoch, revision } = await change('flights', at % 2 === 0 ? 1 : 2, [3]);
    champions.set(epoch, at % 2 === 0 ? '1' : '2');
    last = revision;
    await sleep(random() * 20);
  }
  await behind('flights', last);
  await Promise.all(loads.map((load) => load.end()));
  expect(await registry.acknowledged('flights')).toEqual({ north: last, east: last, south: last });
  const answers = loads.flatMap((load) => load.answers);
  expect(statuses(answers)).toEqual([200]);
  for (const load of loads) for (const connection of load.connections) expectRising(connection.map(({ epoch }) => epoch));
  expect(answers.filter(({ epoch, version }) => champions.has(epoch!) && champions.get(epoch!) !== version)).toEqual([]);
  expectOwnOutputs(answers);
  // Every gateway served most of the epochs, so the load did meet the changes.
  for (const load of loads) expect(new Set(load.answers.map(({ epoch }) => epoch)).size).toBeGreaterThan(20);
  for (const gateway of gateways) {
    const mirrored = (outcome: string): Promise<number> => gateway.metric('perennial_gateway_mirrored_total', { model: 'flights', version: 3, outcome });
    expect(await mirrored('executed')).toBeGreaterThan(0);
    expect(await mirrored('failed')).toBe(0);
    // One process of the challenger, whatever changed beside it.
    expect(await gateway.metric('perennial_gateway_challenger_restarts_total', { model: 'flights' })).toBe(0);
  }
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  const kept = await recorded('flights');
  expect(answered(answers).filter((id) => kept.get(id) !== 1)).toEqual([]);
  process.stdout.write(`200 changes of champion in three gateways: ${answers.length} answers, all of them 200 and in the record once\n`);
}, 120_000);

describe('a gateway that is killed', () => {
  it.each<DeadlyStep>(['loading', 'swapped', 'sealing', 'uploading', 'uploaded'])('at the step "%s" has every answer in the record once, and serves the last routing when it is back', async (step) => {
    // Bytes of its own, so that they are read when the version is loaded.
    const version = 10 + ['loading', 'swapped', 'sealing', 'uploading', 'uploaded'].indexOf(step);
    await registry.addVersion('killed', version, onnx(logisticParts([version, 0, 0])));
    const gateway = await start(`dies-${step}`, { endAt: step });
    const load = new GatewayLoad({ url: gateway.url, name: step, model: 'killed', row: ROW });
    await eventually(async () => (load.answers.length > 20 ? true : undefined), () => 'load');
    gateway.arm();
    const { epoch, revision } = await change('killed', version, []);
    await gateway.killed();
    await load.end();
    expect(statuses(load.answers).sort()).toEqual([200, null]);
    const back = await start(`dies-${step}`);
    await behind('killed', revision);
    const after = new GatewayLoad({ url: back.url, name: `${step}-after`, model: 'killed', row: ROW, callers: 1 });
    await eventually(async () => (after.answers.length > 20 ? true : undefined), () => 'answers');
    await after.end();
    expect(after.answers.map((answer) => [answer.status, answer.epoch, answer.version])).toEqual(after.answers.map(() => [200, epoch, String(version)]));
    const kept = await recorded('killed');
    const acknowledged = answered([...load.answers, ...after.answers]);
    expect(acknowledged.filter((id) => kept.get(id) !== 1)).toEqual([]);
    expect([...kept].filter(([, count]) => count !== 1)).toEqual([]);
  }, 60_000);

  it('at any moment, again and again, loses and doubles no answer', async () => {
    const random = seededRandom(4);
    const loads: GatewayLoad[] = [];
    for (let round = 0; round < 3; round++) {
      const gateway = await start('dies-often');
      const load = new GatewayLoad({ url: gateway.url, name: `often-${round}`, model: 'killed', row: ROW });
      loads.push(load);
      const killing = sleep(200 + random() * 400)
        .then(() => eventually(async () => (load.answers.length > 40 ? true : undefined), () => 'load'))
        .then(() => process.kill(gateway.pid, 'SIGKILL'));
      for (let at = 0; at < 5; at++) await change('killed', 2 - ((round * 5 + at) % 2), []);
      await killing;
      await gateway.killed();
      await load.end();
      for (const connection of load.connections) expectRising(connection.filter(({ status }) => status === 200).map(({ epoch }) => epoch));
    }
    await start('dies-often');
    const kept = await recorded('killed');
    const acknowledged = answered(loads.flatMap((load) => load.answers));
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(acknowledged.filter((id) => kept.get(id) !== 1)).toEqual([]);
  }, 60_000);
});

/** A disk of 4 MiB, where this user may mount one. */
function smallDisk(path: string): boolean {
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it('without PostgreSQL and with a full disk answers go on as each spec says; what is not kept is counted, and all is well again', async () => {
  await register('stops', 'serving: { maxStale: PT2S, whenStale: stop }\n');
  await register('serves', 'serving: { maxStale: PT2S, whenStale: serve }\n');
  await register('lasting');
  const observations = join(folder, 'small-disk');
  const mounted = smallDisk(observations);
  if (!mounted) process.stdout.write('No disk could be mounted; the bound of the log takes its place\n');
  const gateway = await start('cut-off', { observations, environment: { OBSERVATION_MAX_BYTES: mounted ? '1000000000' : '1048576' } });
  try {
    const orders = { url: gateway.url, row: ROW, callers: 2 };
    const loads = { stops: new GatewayLoad({ ...orders, name: 'stops', model: 'stops' }), serves: new GatewayLoad({ ...orders, name: 'serves', model: 'serves' }), lasting: new GatewayLoad({ ...orders, name: 'lasting', model: 'lasting', rows: 500 }) };
    await eventually(async () => (loads.stops.answers.length > 10 && loads.serves.answers.length > 10 ? true : undefined), () => 'load');
    await registry.stopPostgres();
    await eventually(async () => (loads.stops.answers.at(-1)?.type === 'RoutingStale' ? true : undefined), () => 'the strict model to stop');
    await eventually(async () => (loads.serves.answers.at(-1)?.stale ? true : undefined), () => 'answers marked as stale');
    await eventually(async () => ((await gateway.metric('perennial_gateway_log_shed_total', { kind: 'observation' })) > 50 ? true : undefined), () => 'the disk to fill');
    expect(await gateway.metric('perennial_gateway_log_shedding')).toBe(1);
    expect(gateway.log()).toMatch(mounted ? /ENOSPC/ : /reached its bound/);
    const before = loads.lasting.answers.length;
    await eventually(async () => (loads.lasting.answers.length > before + 20 ? true : undefined), () => 'answers while the disk is full');
    await registry.restartPostgres();
    await eventually(async () => (loads.stops.answers.at(-1)?.status === 200 && loads.serves.answers.at(-1)?.stale === false ? true : undefined), () => 'fresh answers');
    await eventually(async () => ((await gateway.metric('perennial_gateway_log_shedding')) === 0 ? true : undefined), () => 'room on the disk');
    await Promise.all(Object.values(loads).map((load) => load.end()));
    expect(statuses(loads.stops.answers).sort()).toEqual([200, 503]);
    expect(statuses([...loads.serves.answers, ...loads.lasting.answers])).toEqual([200]);
    const shed = await gateway.metric('perennial_gateway_log_shed_total', { kind: 'observation' });
    let lost = 0;
    for (const [model, load] of Object.entries(loads)) {
      const kept = await recorded(model, observations);
      const ids = answered(load.answers);
      lost += ids.filter((id) => !kept.has(id)).length;
      expect([...kept].filter(([, count]) => count !== (model === 'lasting' ? 500 : 1))).toEqual([]);
    }
    expect(lost).toBe(shed);
    process.stdout.write(`a full disk (${mounted ? 'ENOSPC' : 'by its bound'}) without PostgreSQL: ${Object.values(loads).flatMap((load) => load.answers).length} requests, ${shed} answers not kept and counted\n`);
  } finally {
    await gateway.stop();
    if (mounted) execFileSync('umount', ['-l', observations]);
  }
}, 120_000);

it.each<[string, readonly (readonly [string, () => ModelParts, readonly number[]])[]]>([
  ['sleep, throw, swell or answer in another shape', [['sleeps', sleeping, [9e15, 0, 0]], ['throws', throwing, [50, 0, 0]], ['swells', swelling, [3e9, 0, 0]], ['multiplies', multiplying, [50, 0, 0]]]],
  ['end', [['ends', () => logisticParts(WEIGHTS), [50, 0, 0]]]],
])('challengers that %s cost the champion no answer, and what they missed is counted', async (what, models) => {
  for (const [name, parts] of models) {
    await registry.register(name, specOf(name));
    await registry.addVersionFrom(name, 1, 'rising.onnx');
    await registry.addVersion(name, 2, onnx(parts()));
    await registry.promote(name, 1);
    await registry.challenge(name, [2]);
  }
  const gateway = await start(`beside-those-that-${what.split(',')[0]}`);
  const mirrored = (name: string, outcome: string): Promise<number> => gateway.metric('perennial_gateway_mirrored_total', { model: name, version: 2, outcome });
  for (const [name] of models) await eventually(async () => ((await gateway.metric('perennial_gateway_challenger_ready', { model: name })) === 1 ? true : undefined), () => `the challenger of ${name}: ${gateway.log()}`);
  const loads = models.map(([name, , row]) => ({ name, row, load: new GatewayLoad({ url: gateway.url, name, model: name, row, callers: 2 }) }));
  if (what === 'end') await eventually(async () => ((await mirrored('ends', 'executed')) > 0 ? true : undefined), () => 'mirrored requests');
  for (const { name, row, load } of loads) {
    await eventually(async () => {
      // Killed between two requests it misses none; then it is killed again.
      if (what === 'end') killChallengers(gateway);
      return (await mirrored(name, 'failed')) + (await mirrored(name, 'dropped')) > 0 && load.answers.length > 100 ? true : undefined;
    }, () => `the failure of ${name} to be counted`);
    await load.end();
    expect(statuses(load.answers)).toEqual([200]);
    const expected = expectedPositive('rising.onnx', row);
    expect(load.answers.filter(({ version, positive }) => version !== '1' || Math.abs((positive ?? NaN) - expected) > 1e-6)).toEqual([]);
    // Each request was mirrored once, whatever became of it.
    await eventually(async () => {
      const counts = await Promise.all(['executed', 'failed', 'dropped'].map((outcome) => mirrored(name, outcome)));
      return counts.reduce((sum, count) => sum + count) === load.answers.length ? true : undefined;
    }, () => `every mirrored request of ${name} to be counted`);
    await registry.challenge(name, []);
  }
}, 90_000);

describe('clocks', () => {
  const ask = async (gateway: GatewayProcess, model: string, eventTime?: string | number): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await fetch(`${gateway.url}/v2/models/${model}/infer`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ parameters: eventTime === undefined ? {} : { event_time: eventTime }, inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 3], data: ROW }] }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const streamTimeOf = async (model: string): Promise<number | null> => {
    await recorded(model);
    return streamTime(await new ObservationsRepository(owner).leadMs(model, 'default', { latest: STREAM_FILES, strayShare: STRAY_SHARE }), Date.now());
  };

  it('of callers: an hour off is taken, the days to come are refused with what is wrong, and none carries stream time past now', async () => {
    await register('callers');
    const gateway = await start('clocked');
    for (const offset of [-HOUR_MS, HOUR_MS, -10 * 365 * 24 * HOUR_MS]) expect(await ask(gateway, 'callers', Date.now() + offset)).toMatchObject({ status: 200 });
    for (const time of ['2099-01-01T00:00:00Z', Date.now() + 25 * HOUR_MS]) {
      expect(await ask(gateway, 'callers', time)).toMatchObject({ status: 400, body: { type: 'InferenceInvalid', error: expect.stringMatching(/event_time is .* more than a day ahead of the gateway's clock/) as string } });
    }
    const perRow = await fetch(`${gateway.url}/v2/models/callers/infer`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: [{ name: 'features', datatype: 'FP32', shape: [2, 3], data: [...ROW, ...ROW] }, { name: 'perennial_event_time', datatype: 'INT64', shape: [2], data: [Date.now(), Date.UTC(2099, 0, 1)] }] }),
    });
    expect([perRow.status, ((await perRow.json()) as { error: string }).error]).toEqual([400, expect.stringMatching(/row 1, is 2099-01-01/)]);
    const now = Date.now();
    const reached = await streamTimeOf('callers');
    expect(reached).toBeGreaterThanOrEqual(now);
    expect(reached).toBeLessThanOrEqual(Date.now());
  }, 60_000);

  it('of gateways that are an hour ahead and behind: they answer, follow the routing, and carry stream time not past now', async () => {
    const clocks = [{ what: 'ahead', clockAheadMs: HOUR_MS }, { what: 'behind', clockAheadMs: -HOUR_MS }];
    for (const { what } of clocks) await register(`clock-${what}`);
    const gateways = await Promise.all(clocks.map(({ what, clockAheadMs }) => start(`an-hour-${what}`, { clockAheadMs })));
    for (const [at, { what }] of clocks.entries()) {
      const [gateway, model] = [gateways[at]!, `clock-${what}`];
      const load = new GatewayLoad({ url: gateway.url, name: what, model, row: ROW });
      const { epoch, revision } = await change(model, 2, []);
      await eventually(async () => (load.answers.at(-1)?.epoch === epoch ? true : undefined), () => 'the next champion');
      await load.end();
      expect(statuses(load.answers)).toEqual([200]);
      expect(await registry.acknowledged(model)).toMatchObject({ [gateway.name]: revision });
      const reached = await streamTimeOf(model);
      expect(reached).toBeLessThanOrEqual(Date.now());
      expect(reached).toBeGreaterThan(Date.now() - 60_000);
      const kept = await recorded(model);
      expect(answered(load.answers).filter((id) => kept.get(id) !== 1)).toEqual([]);
    }
  }, 60_000);
});

it('no body that is broken makes a gateway fail: every answer is 200 or 4xx', async () => {
  await register('broken');
  const gateway = await start('fuzzed');
  await registry.query("UPDATE routing SET revision = revision + 1, epoch = epoch + 1, champion = NULL WHERE model = 'killed' AND deployment = 'default'");
  const random = seededRandom(7);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const whole = { id: 'x', parameters: { prediction_id: 'p', entity_key: 'e', event_time: 0 }, inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 3], data: ROW }], outputs: [{ name: 'label' }] };
  const junk = ['null', 'NaN', '-1', '1e999', '""', '[]', '{}', '"FP16"', '[[[[]]]]', '[1e308,2,3]', '["a",1,2]', 'true', '[9007199254740993,3]', '"\\ud800"', `${'['.repeat(3_000)}${']'.repeat(3_000)}`, `"${'x'.repeat(5_000)}"`];
  const seen = new Map<number, number>();
  for (let at = 0; at < 400; at++) {
    const tokens = JSON.stringify(whole).split(/(?<=[:,[{])/);
    for (let times = 0; times < 1 + Math.floor(random() * 3); times++) tokens[Math.floor(random() * tokens.length)] = pick(junk) + pick([',', '', '}', ']']);
    // Half of them are JSON, with one value replaced.
    const body = at % 2 === 0 ? tokens.join('') : JSON.stringify(whole).replace(pick([/"FP32"/, /\[1,3\]/, /\[1\.5,1,-2\]/, /"features"/, /"p"/, /"e"/, /"event_time":0/, /"x"/, /"label"/]), (found) => (found.includes('event_time') ? `"event_time":${pick(junk)}` : pick(junk)));
    const path = pick(['broken', 'broken', 'broken', 'broken/versions/1', 'broken/versions/2', 'broken/versions/99', 'nothing', 'killed', '__proto__', '%00']);
    const { status } = await fetch(`${gateway.url}/v2/models/${path}/infer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    seen.set(status, (seen.get(status) ?? 0) + 1);
  }
  // The client reads why, although it has not sent all of it: with its length told beforehand and without.
  const large = new Uint8Array(100 * 1024 * 1024).fill(32);
  for (const body of [large, new Blob([large]).stream()]) {
    const refused = await fetch(`${gateway.url}/v2/models/broken/infer`, { method: 'POST', headers: { 'content-type': 'application/json' }, body, duplex: 'half' });
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ type: 'BodyTooLarge' });
  }
  await eventually(async () => ((await fetch(`${gateway.url}/v2/models/killed`)).status === 410 ? true : undefined), () => 'the withdrawn model');
  expect([...seen.keys()].filter((status) => status !== 200 && (status < 400 || status >= 500))).toEqual([]);
  expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 400, 404]));
  expect((await fetch(`${gateway.url}/v2/models/broken/ready`)).status).toBe(200);
}, 60_000);
