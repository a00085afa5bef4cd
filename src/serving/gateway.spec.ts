import { readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Gateway, startGateway } from './gateway.js';
import { gatewayLog } from './gateway-log.js';
import { RoutingListener } from './routing-listener.js';
import { expectedPositive, modelFile, ServedRegistry } from './testing/served-registry.js';

/** Longer than the two seconds between two polls. */
const STALE_AFTER_MS = 4_000;
const PATIENCE = { timeout: 30_000, interval: 50 };
const ROW = [1.5, 1, -2];
const VERSION_FILES = { 1: 'rising.onnx', 2: 'falling.onnx' } as const;

let registry: ServedRegistry;
let gateway: Gateway;

const start = (overrides: Partial<Parameters<typeof startGateway>[0]> = {}): Promise<Gateway> => startGateway({
  databaseUrl: registry.databaseUrl, databasePool: 3, artifactUrl: registry.artifactsDir, host: '127.0.0.1', port: 0,
  logLevel: 'error', staleAfterMs: STALE_AFTER_MS, maxRows: 100,
  observations: { folder: join(registry.artifactsDir, '..', 'observations'), sealAfterMs: 1_000, sealBytes: 2 ** 20, maxBytes: 2 ** 28, sync: 'second' }, ...overrides,
});

interface Reply {
  readonly status: number;
  readonly body: {
    readonly error?: string; readonly type?: string; readonly id?: string; readonly model_name?: string; readonly model_version?: string;
    readonly parameters?: { readonly version: number; readonly epoch: number; readonly revision: number; readonly deployment: string; readonly stale?: boolean };
    readonly outputs?: readonly { readonly name: string; readonly datatype: string; readonly shape: number[]; readonly data: number[] }[];
    readonly [other: string]: unknown;
  };
}

async function reply(response: Response): Promise<Reply> {
  return { status: response.status, body: (await response.json()) as Reply['body'] };
}
const get = async (path: string): Promise<Reply> => reply(await fetch(`${gateway.url}${path}`));
const post = async (path: string, body: string | object, headers: Record<string, string> = {}): Promise<Reply> =>
  reply(await fetch(`${gateway.url}${path}`, {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body),
  }));

const encoded = (...rows: (number | null)[][]) => ({ inputs: [{ name: 'features', datatype: 'FP32', shape: [rows.length, 3], data: rows.flat() }] });
const infer = (model = 'flights', body: object = encoded(ROW)): Promise<Reply> => post(`/v2/models/${model}/infer`, body);

beforeAll(async () => {
  registry = await ServedRegistry.start();
  for (const model of ['flights', 'idle']) await registry.register(model);
  for (const version of [1, 2] as const) await registry.addVersionFrom('flights', version, VERSION_FILES[version]);
  await registry.promote('flights', 1);
  gateway = await start({ name: 'first' });
  await gateway.ready;
}, 120_000);

afterAll(async () => {
  await gateway.close();
  await registry.close();
}, 60_000);

describe('health and metadata', () => {
  it('tells that it lives and is ready, and what it is', async () => {
    for (const path of ['/healthz', '/v2/health/live']) expect(await get(path)).toEqual({ status: 200, body: { live: true } });
    for (const path of ['/readyz', '/v2/health/ready']) expect(await get(path)).toMatchObject({ status: 200, body: { ready: true, stale: false, waiting: [], failures: [] } });
    expect((await get('/v2')).body).toEqual({ name: 'perennial', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string, extensions: [] });
  });

  it('describes the version in service', async () => {
    const { status, body } = await get('/v2/models/flights');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      name: 'flights', versions: ['1'], platform: 'onnx_onnxv1',
      inputs: [{ name: 'distance', datatype: 'FP64', shape: [-1] }, { name: 'carrier', datatype: 'BYTES', shape: [-1] }, { name: 'delay' }],
      outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 2] }, { name: 'label', datatype: 'INT64', shape: [-1] }],
      parameters: { version: 1, epoch: 1, revision: 2, deployment: 'default', stale: false, encodedInput: 'features FP32 [-1,3]' },
    });
    expect((await get('/v2/models/flights/versions/1')).body).toMatchObject({ versions: ['1'] });
    expect(await get('/v2/models/flights/ready')).toMatchObject({ status: 200, body: { ready: true, version: '1' } });
    expect(await get('/v2/models/flights/versions/1/ready')).toMatchObject({ status: 200 });
  });

  it.each([
    ['/v2/models/nothing', 404, 'ModelNotFound'],
    ['/v2/models/__proto__', 404, 'ModelNotFound'],
    ['/v2/models/flights/versions/2', 404, 'VersionNotFound'],
    ['/v2/models/flights/versions/two/ready', 404, 'VersionNotFound'],
    ['/v2/models/flights?deployment=elsewhere', 404, 'NotFound'],
    ['/v2/models/flights?deployment=a&deployment=b', 400, 'InvalidRequest'],
    ['/v2/models/idle', 503, 'ModelNotReady'],
    ['/v2/models/idle/ready', 503, 'ModelNotReady'],
    ['/v2/models/%ff', 400, 'InvalidRequest'],
    [`/v2/models/${'a'.repeat(200)}`, 414, 'InvalidRequest'],
    ['/v1/anything', 404, 'NotFound'],
  ])('answers GET %s with %i %s', async (path, status, type) => {
    expect(await get(path)).toEqual({ status, body: { error: expect.any(String) as string, type } });
  });
});

describe('inference', () => {
  it('answers encoded rows with every output, naming version and epoch', async () => {
    const { status, body } = await infer('flights', { id: 'mine', ...encoded(ROW, [null, 0, 4]) });
    expect(status).toBe(200);
    expect(body).toMatchObject({ id: 'mine', model_name: 'flights', model_version: '1', parameters: { version: 1, epoch: 1, revision: 2, deployment: 'default' } });
    expect(body.parameters).not.toHaveProperty('stale');
    const [probabilities, label] = body.outputs ?? [];
    expect(probabilities).toMatchObject({ name: 'probabilities', datatype: 'FP32', shape: [2, 2] });
    expect(probabilities?.data[1]).toBeCloseTo(expectedPositive('rising.onnx', ROW), 6);
    expect(probabilities?.data[3]).toBeCloseTo(expectedPositive('rising.onnx', [NaN, 0, 4]), 6);
    expect(label).toEqual({ name: 'label', datatype: 'INT64', shape: [2], data: [1, 0] });
  });

  it('takes raw values by feature and answers the same', async () => {
    const raw = { inputs: [
      { name: 'delay', datatype: 'INT32', shape: [2, 1], data: [[-2], [4]] },
      { name: 'carrier', datatype: 'BYTES', shape: [2], data: ['UA', 'AA'] },
      { name: 'distance', datatype: 'FP64', shape: [2], data: [1.5, null] },
    ] };
    expect((await infer('flights', raw)).body.outputs).toEqual((await infer('flights', encoded(ROW, [null, 0, 4]))).body.outputs);
  });

  it('gives the outputs that are asked for', async () => {
    const { body } = await infer('flights', { ...encoded(ROW), outputs: [{ name: 'label', parameters: { binary_data: false } }] });
    expect(body.outputs?.map(({ name }) => name)).toEqual(['label']);
    expect((await infer('flights', { ...encoded(ROW), outputs: [{ name: 'logits' }] })).body.error).toMatch(/no output "logits".*probabilities/);
  });

  it('answers by version while it is in service', async () => {
    expect((await post('/v2/models/flights/versions/1/infer', encoded(ROW))).status).toBe(200);
    expect(await post('/v2/models/flights/versions/2/infer', encoded(ROW))).toMatchObject({ status: 404, body: { type: 'VersionNotFound' } });
    expect(await infer('idle')).toMatchObject({ status: 503, body: { type: 'ModelNotReady' } });
    expect(await infer('constructor')).toMatchObject({ status: 404, body: { type: 'ModelNotFound' } });
  });

  const wide = JSON.stringify(encoded(...Array.from({ length: 101 }, () => ROW)));
  it.each([
    ['no body', '', 400, /no body/],
    ['not JSON', '{"inputs": [', 400, /not JSON/],
    ['NaN', JSON.stringify(encoded([1, 2, 3])).replace('[1,2,3]', '[NaN, 1, 2]'), 400, /send null/],
    ['-Infinity', JSON.stringify(encoded([1, 2, 3])).replace('[1,2,3]', '[1, -Infinity, 2]'), 400, /send null/],
    ['a number beyond every double', JSON.stringify(encoded([1, 2, 3])).replace('[1,2,3]', '[1e999, 1, 2]'), 400, /row 0, column 0.*Infinity/],
    ['text in FP32', JSON.stringify(encoded([1, 2, 3])).replace('[1,2,3]', '["1", 1, 2]'), 400, /row 0, column 0 that is no FP32: "1"/],
    ['too few columns', { inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] }, 400, /\[rows, 3\]/],
    ['data that does not fill its shape', { inputs: [{ name: 'features', datatype: 'FP32', shape: [2, 3], data: [1, 2, 3] }] }, 400, /3 values.*2 × 3/],
    ['no rows', { inputs: [{ name: 'features', datatype: 'FP32', shape: [0, 3], data: [] }] }, 400, /empty/],
    ['another type', { inputs: [{ name: 'features', datatype: 'FP64', shape: [1, 3], data: ROW }] }, 400, /must be FP32/],
    ['too many rows', wide, 413, /101 rows.*100/],
    ['a shape as large as a number can be', { inputs: [{ name: 'features', datatype: 'FP32', shape: [9_007_199_254_740_991, 3], data: [] }] }, 413, /at most 100/],
    ['a deep body', `{"inputs": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 400, /deeper than/],
    ['a deep small body', `{"inputs": ${'['.repeat(5_000)}${']'.repeat(5_000)}}`, 400, /inputs\[0\] is not an object/],
    ['a polluting body', '{"__proto__": {"inputs": [1]}, "constructor": {"prototype": {"inputs": [1]}}}', 400, /`inputs` must be/],
  ])('refuses %s', async (_what, body, status, message) => {
    const answer = await post('/v2/models/flights/infer', body);
    expect(answer).toMatchObject({ status, body: { type: status === 413 ? 'BodyTooLarge' : 'InferenceInvalid' } });
    expect(answer.body.error).toMatch(message);
    expect(({} as Record<string, unknown>).inputs).toBeUndefined();
  });

  it.each([
    [{ 'content-type': 'text/plain' }, /text\/plain/],
    [{ 'content-type': 'application/json; charset=utf-16' }, /UTF-8/],
    [{ 'content-encoding': 'gzip' }, /Compressed/],
    [{ 'content-type': 'application/octet-stream' }, /octet-stream/],
    [{ 'inference-header-content-length': '10' }, /binary tensors/],
  ])('refuses a body sent with %o', async (headers, message) => {
    const answer = await post('/v2/models/flights/infer', encoded(ROW), headers);
    expect(answer).toMatchObject({ status: 415, body: { type: 'UnsupportedMediaType', error: expect.stringMatching(message) as string } });
  });

  it('refuses an over-long body and goes on', async () => {
    for (const megabytes of [17, 100]) {
      expect(await post('/v2/models/flights/infer', ' '.repeat(megabytes * 1024 * 1024))).toMatchObject({ status: 413, body: { type: 'BodyTooLarge' } });
    }
    expect((await infer()).status).toBe(200);
  });
});

describe('bad input', () => {
  const base = JSON.stringify({ id: 'x', parameters: { prediction_id: 'p', event_time: 1, entity_key: 'k' }, outputs: [{ name: 'label' }], ...encoded(ROW, ROW) });
  let state = 20_130_101;
  const pick = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
  /** Cuts, doubles or replaces a stretch of the text. */
  const broken = (): string => {
    const [from, length] = [pick(base.length), pick(12)];
    const instead = ['', base.slice(from, from + length).repeat(2), '[]', 'null', '{', '-1', '1e308', '"FP64"', '"BYTES"', '\u0000', '"\\ud800"', 'true'][pick(12)]!;
    return base.slice(0, from) + instead + base.slice(from + length);
  };

  it('never counts as a fault of the gateway, and is counted as its caller\'s', async () => {
    const statuses = new Set<number>();
    for (let batch = 0; batch < 40; batch++) {
      const answers = await Promise.all(Array.from({ length: 16 }, () => post('/v2/models/flights/infer', broken())));
      for (const { status, body } of answers) {
        statuses.add(status);
        if (status !== 200) expect(body).toEqual({ error: expect.any(String) as string, type: expect.any(String) as string });
      }
    }
    expect([...statuses].filter((status) => status !== 413).sort((a, b) => a - b)).toEqual([200, 400]);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/^perennial_gateway_errors_total\{type="InferenceInvalid",source="caller"\} \d+$/m);
    expect(metrics).not.toMatch(/source="(gateway|model)"/);
  });
});

describe('metrics', () => {
  it('tell in Prometheus\' format what was answered, how fast, by which routing, and what the log holds', async () => {
    const value = async (name: string): Promise<number> => {
      const response = await fetch(`${gateway.url}/metrics`);
      expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0.0.4/);
      const line = (await response.text()).split('\n').find((text) => text.startsWith(`${name} `));
      return line === undefined ? 0 : Number(line.slice(name.length + 1));
    };
    const of = 'model="flights",deployment="default",version="1"';
    const before = await Promise.all(['requests_total', 'rows_total'].map((name) => value(`perennial_gateway_${name}{${of}}`)));
    for (const rows of [1, 2, 3]) await infer('flights', encoded(...Array.from({ length: rows }, () => ROW)));
    expect(await value(`perennial_gateway_requests_total{${of}}`)).toBe(before[0]! + 3);
    expect(await value(`perennial_gateway_rows_total{${of}}`)).toBe(before[1]! + 6);
    expect(await value(`perennial_gateway_request_duration_seconds_count{${of}}`)).toBe(before[0]! + 3);
    expect(await value(`perennial_gateway_request_duration_seconds_bucket{le="+Inf",${of}}`)).toBe(before[0]! + 3);
    expect(await value(`perennial_gateway_request_duration_seconds_sum{${of}}`)).toBeGreaterThan(0);
    expect(await value(`perennial_gateway_capacity_rows_per_second{${of}}`)).toBeGreaterThan(1_000);
    expect(await value('perennial_gateway_routing_revision{model="flights",deployment="default"}')).toBe(2);
    expect(await value('perennial_gateway_routing_epoch{model="flights",deployment="default"}')).toBe(1);
    expect(await value('process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(await value('perennial_gateway_log_shedding')).toBe(0);
    expect(await value('perennial_gateway_log_bytes{state="open"}') + await value('perennial_gateway_log_bytes{state="sealed"}')).toBeGreaterThan(0);
  });
});

describe('routing', () => {
  it('serves another champion in another deployment, from the same session where the version is the same', async () => {
    await registry.addDeployment('flights', 'hamburg');
    const { revision } = await registry.promote('flights', 2, 'hamburg');
    await vi.waitFor(async () => expect(await registry.behind('flights', revision, 'hamburg')).toEqual([]), PATIENCE);
    const { body } = await infer('flights', { ...encoded(ROW), parameters: { deployment: 'hamburg' } });
    expect(body).toMatchObject({ model_version: '2', parameters: { deployment: 'hamburg', epoch: 1 } });
    expect(body.outputs?.[0]?.data[1]).toBeCloseTo(expectedPositive('falling.onnx', ROW), 6);
    expect((await infer()).body.model_version).toBe('1');
  });

  it('changes the champion under load without a failed request, and epochs only rise', async () => {
    const callers = Array.from({ length: 16 }, (): Reply[] => []);
    let loading = true;
    const load = Promise.all(callers.map(async (answers) => {
      while (loading) answers.push(await infer());
    }));
    const versionOf = new Map([[1, 1]]);
    for (let change = 0; change < 40 || callers.flat().length < 3_000; change++) {
      const version = change % 2 === 0 ? 2 : 1;
      const { epoch, revision } = await registry.promote('flights', version);
      versionOf.set(epoch, version);
      await vi.waitFor(async () => expect(await registry.behind('flights', revision)).toEqual([]), PATIENCE);
      // Acknowledged means served: from now on no answer is of an earlier epoch.
      expect((await infer()).body.parameters).toMatchObject({ version, epoch, revision });
    }
    loading = false;
    await load;
    for (const answers of callers) {
      const epochs = answers.map(({ body }) => body.parameters?.epoch ?? NaN);
      expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
    }
    const answers = callers.flat();
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const seen = answers.map(({ body }) => [body.parameters?.epoch, body.parameters?.version, body.model_version, body.outputs?.[0]?.data[1]?.toFixed(5)].join());
    const promised = [...versionOf].map(([epoch, version]) =>
      [epoch, version, String(version), expectedPositive(VERSION_FILES[version as 1 | 2], ROW).toFixed(5)].join());
    expect(promised).toEqual(expect.arrayContaining([...new Set(seen)]));
  }, 120_000);

  it('hears of changes at once, and again after its connection was cut', async () => {
    let heard = 0;
    const silent = gatewayLog('error', () => undefined);
    const listener = new RoutingListener(registry.databaseUrl, () => (heard += 1), silent);
    const hearsNext = async (cause: () => Promise<unknown>): Promise<void> => {
      const before = heard;
      await cause();
      await vi.waitFor(() => expect(heard).toBeGreaterThan(before), PATIENCE);
    };
    await hearsNext(async () => listener.start());
    await hearsNext(() => registry.query(`SELECT pg_notify('routing', 'any/default')`));
    // A new connection counts as news: what was announced meanwhile is lost.
    await hearsNext(() => registry.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'perennial-gateway'`));
    await hearsNext(() => registry.query(`SELECT pg_notify('routing', 'any/default')`));
    await listener.stop();
  }, 30_000);

  it('keeps the champion when the next one cannot be loaded, and serves the one after it', async () => {
    const { version, epoch: epochBefore } = (await infer()).body.parameters!;
    const digest = await registry.addVersion('flights', 3, readFileSync(modelFile('falling.onnx')).fill(0, 100, 120));
    const path = await registry.store.localPath(digest);
    const bytes = readFileSync(path);
    writeFileSync(path, 'something else');
    const { revision, epoch } = await registry.promote('flights', 3);
    const failsAs = async (type: string): Promise<void> =>
      expect((await get('/readyz')).body).toMatchObject({ ready: true, failures: [{ model: 'flights', deployment: 'default', revision, type }] });
    await vi.waitFor(() => failsAs('ArtifactCorrupt'), PATIENCE);
    expect((await infer()).body.parameters).toMatchObject({ version, epoch: epochBefore });
    expect(await registry.behind('flights', revision)).toEqual(['first']);
    // Its bytes are those of the digest again, but no runtime can load them: still refused.
    writeFileSync(path, bytes);
    await vi.waitFor(() => failsAs('ModelRefused'), PATIENCE);
    expect((await infer()).body.parameters).toMatchObject({ version, epoch: epochBefore });
    const next = await registry.promote('flights', 2);
    await vi.waitFor(async () => expect(await registry.behind('flights', next.revision)).toEqual([]), PATIENCE);
    expect((await infer()).body.parameters).toMatchObject({ version: 2, epoch: epoch + 1 });
    expect((await get('/readyz')).body.failures).toEqual([]);
  }, 60_000);

  it('serves on while PostgreSQL is away, says that it is stale, and catches up', async () => {
    await registry.stopPostgres();
    await vi.waitFor(async () => expect((await infer()).body.parameters?.stale).toBe(true), PATIENCE);
    expect((await get('/readyz')).body).toMatchObject({ ready: true, stale: true });
    await registry.restartPostgres();
    const { revision, epoch } = await registry.promote('flights', 1);
    // Its lease ran out meanwhile, so nobody waits for it; it catches up all the same.
    await vi.waitFor(async () => expect((await infer()).body.parameters).toEqual({ version: 1, epoch, revision, deployment: 'default', prediction_id: expect.any(String) as string }), PATIENCE);
    await vi.waitFor(async () => expect(await registry.acknowledged('flights')).toEqual({ first: revision }), PATIENCE);
  }, 60_000);
});

describe('start and end', () => {
  it('takes the next port where its own is taken, and gives up its lease when it closes', async () => {
    const port = Number(new URL(gateway.url).port);
    const second = await start({ name: 'second', port, url: 'http://gateway.example' });
    await second.ready;
    expect(Number(new URL(second.url).port)).toBeGreaterThan(port);
    const leases = await registry.gateways.live(new Date());
    expect(leases.map(({ gateway: name, url }) => [name, url])).toEqual([['first', gateway.url], ['second', second.url]]);
    await second.close();
    expect((await registry.gateways.live(new Date())).map(({ gateway: name }) => name)).toEqual(['first']);
    await expect(fetch(second.url)).rejects.toThrow();
  });

  it('listens before the record can be reached, and is ready when it can', async () => {
    await registry.stopPostgres();
    const early = await start({ name: 'early' });
    expect((await fetch(`${early.url}/v2/health/ready`)).status).toBe(503);
    expect((await fetch(`${early.url}/v2/models/flights`)).status).toBe(503);
    await registry.restartPostgres();
    await early.ready;
    expect((await fetch(`${early.url}/v2/health/ready`)).status).toBe(200);
    await early.close();
  }, 60_000);

  it('finishes the request that it has begun to read when it closes', async () => {
    const closing = await start({ name: 'closing' });
    await closing.ready;
    const body = JSON.stringify(encoded(ROW));
    const request = httpRequest(`${closing.url}/v2/models/flights/infer`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': body.length } });
    const answered = new Promise<IncomingMessage>((resolve, reject) => request.once('response', resolve).once('error', reject));
    request.write(body.slice(0, 10));
    await vi.waitFor(async () => expect((await fetch(`${closing.url}/healthz`)).status).toBe(200));
    const closed = closing.close();
    await expect(fetch(`${closing.url}/healthz`, { headers: { connection: 'close' } })).rejects.toThrow();
    request.end(body.slice(10));
    expect((await answered).statusCode).toBe(200);
    await closed;
  }, 30_000);

  it('closes while PostgreSQL is away', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const lost = await start({ name: 'lost', databaseUrl: `postgres://nobody:secret@127.0.0.1:${port}/none` });
    await lost.close();
    await expect(fetch(lost.url)).rejects.toThrow();
    other.close();
  }, 30_000);
});
