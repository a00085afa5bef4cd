import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/observations/testing/random-observations.js';
import { registryDataSource } from '../../src/registry/data-source.js';
import { ServedRegistry, specOf } from '../../src/serving/testing/served-registry.js';
import { parsePrometheusText } from '../../src/serving/testing/prometheus-text.js';
import { GatewayProcess } from '../gateway-process.js';
import { eventually } from '../installation.js';
import { MutatedBodies } from '../mutated-bodies.js';
import { recordedRows } from '../recorded-predictions.js';

const REQUESTS = 20_000;
const CALLERS = 16;
/** `FUZZ_SEED=… npm test -- gateway-fuzz` tries another one. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_130_301);
const BODY = JSON.stringify({ inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 3], data: [1.5, 1, -2] }] });
const MOST_BYTES = 1_048_576;

let folder: string;
let registry: ServedRegistry;
let owner: DataSource;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-gateway-fuzz-'));
  mkdirSync(join(folder, 'observations'));
  registry = await ServedRegistry.start();
  owner = await registryDataSource({ url: registry.databaseUrl, poolSize: 3 }).initialize();
  for (const model of ['fuzzed', 'idle']) await registry.register(model, specOf(model));
  for (const version of [1, 2]) await registry.addVersionFrom('fuzzed', version, 'rising.onnx');
  for (const version of [1, 2]) await registry.promote('fuzzed', version);
  gateway = await GatewayProcess.start(registry, { name: 'fuzzed', folder, environment: { GATEWAY_MAX_BODY_BYTES: String(MOST_BYTES) } });
}, 120_000);

afterAll(async () => {
  await gateway?.stop();
  await owner?.destroy();
  await registry?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

interface Answered {
  readonly status: number;
  readonly text: string;
}

function send(agent: Agent, method: string, path: string, headers: Record<string, string | number>, body: Buffer): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(`${gateway.url}${path}`, { method, agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject).end(body);
  });
}

const PATHS = [...Array.from({ length: 60 }, () => 'fuzzed'), 'fuzzed/versions/2', 'fuzzed/versions/1', 'fuzzed/versions/02', 'fuzzed/versions/-1', 'idle', 'nothing', '__proto__', '%00', '%ff', 'fuzzed%2Fversions%2F2', '..%2f..', 'a'.repeat(300)];
const HEADERS: readonly Record<string, string>[] = [
  ...Array.from({ length: 80 }, () => ({ 'content-type': 'application/json' })), {}, { 'content-type': 'application/json; charset=UTF-8' }, { 'content-type': 'text/plain' }, { 'content-type': ';' },
  { 'content-type': 'application/json', 'content-encoding': 'br' }, { 'content-type': 'application/json', 'inference-header-content-length': '7' }, { 'content-type': 'application/json', expect: '100-continue' },
];

describe('requests that are broken at random', () => {
  it(`are answered with 200 or as their callers' fault, and what was answered is in the record once (seed ${SEED})`, async () => {
    process.stdout.write(`fuzzing the gateway with ${REQUESTS} requests, seed ${SEED}\n`);
    const seen = new Map<number, number>();
    let answeredRows = 0;
    await Promise.all(Array.from({ length: CALLERS }, async (_, caller) => {
      const random = seededRandom(SEED + caller);
      const bodies = new MutatedBodies(random);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let at = 0; at < REQUESTS / CALLERS; at++) {
        const [body, path, headers] = [bodies.next(), bodies.pick(PATHS), bodies.pick(HEADERS)];
        const framing: Record<string, string | number> = random() < 0.1 ? { 'transfer-encoding': 'chunked' } : { 'content-length': body.length };
        const { status, text } = await send(agent, 'POST', `/v2/models/${path}/infer`, { ...headers, ...framing }, body);
        const answer = JSON.parse(text) as { error?: string; type?: string; outputs?: { shape: number[] }[] };
        const fair = status === 200 || (status === 503 && path === 'idle') || (status >= 400 && status < 500);
        expect({ status, error: fair ? '' : answer.error, body: fair ? '' : body.toString('latin1').slice(0, 2_000) }).toEqual({ status, error: '', body: '' });
        if (status === 200) answeredRows += answer.outputs?.[0]?.shape[0] ?? 0;
        else expect([typeof answer.error, typeof answer.type]).toEqual(['string', 'string']);
        seen.set(status, (seen.get(status) ?? 0) + 1);
      }
      agent.destroy();
    }));
    process.stdout.write(`answers by status: ${JSON.stringify(Object.fromEntries([...seen].sort()))}\n`);
    for (const status of [200, 400, 404, 410, 414, 415, 503]) expect(seen.get(status) ?? 0).toBeGreaterThan(5);
    // Each refusal is counted, whoever refused it: the HTTP server, the reader of JSON, or the gateway.
    const errors = (source: string): Promise<number> => gateway.metric('perennial_gateway_errors_total', { source });
    expect(await errors('caller') + (await errors('record'))).toBe(REQUESTS - seen.get(200)!);
    expect(await errors('record')).toBe(seen.get(503));
    expect([await errors('gateway'), await errors('model')]).toEqual([0, 0]);
    expect(await gateway.metric('perennial_gateway_log_shed_total')).toBe(0);
    expect(gateway.log()).not.toMatch(/A request failed/);
    parsePrometheusText(await (await fetch(`${gateway.url}/metrics`)).text());
    expect(await recordedRows({ registry, owner, observations: join(folder, 'observations'), scratch: join(folder, 'work') }, 'fuzzed')).toEqual({ rows: answeredRows, distinct: answeredRows });
  }, 240_000);
});

const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;

/** What a connection brings back for bytes as they are. */
function exchange(pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () => {
      pieces.forEach((piece, at) => setTimeout(() => socket.destroyed || socket.write(piece), at * 20));
    });
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('close', () => resolve(text)).on('error', reject);
  });
}

describe('HTTP', () => {
  const INFER = 'POST /v2/models/fuzzed/infer HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n';
  const sized = `Content-Length: ${BODY.length}\r\n`;

  it.each<[string, readonly string[], RegExp, number]>([
    ['a body in chunks', [`${INFER}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n`, '10\r\n', `${BODY.slice(0, 16)}\r\n`, `${(BODY.length - 16).toString(16)}\r\n${BODY.slice(16)}\r\n0\r\n\r\n`], /HTTP\/1\.1 200/g, 1],
    ['a body byte after byte', [`${INFER}${sized}Connection: close\r\n\r\n`, ...BODY], /HTTP\/1\.1 200/g, 1],
    ['requests one behind the other', [`${INFER}${sized}\r\n${BODY}`.repeat(4) + `${INFER}${sized}Connection: close\r\n\r\n${BODY}`], /HTTP\/1\.1 200/g, 5],
    ['Expect: 100-continue', [`${INFER}${sized}Expect: 100-continue\r\nConnection: close\r\n\r\n`, BODY], /HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/g, 1],
    ['a body that is announced too large', [`${INFER}Content-Length: ${MOST_BYTES + 1}\r\n\r\n`], /HTTP\/1\.1 413/g, 1],
    ['a length given twice', [`${INFER}Content-Length: 5\r\nContent-Length: 6\r\n\r\n${BODY}`], /HTTP\/1\.1 400/g, 1],
    ['a length beside chunks', [`${INFER}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`], /HTTP\/1\.1 400/g, 1],
    ['no HTTP', ['\u0016\u0003\u0001\u0002\u0000'], /HTTP\/1\.1 400/g, 1],
    ['headers without end', [`GET /v2 HTTP/1.1\r\nHost: gateway\r\nX-Much: ${'x'.repeat(20_000)}\r\n\r\n`], /HTTP\/1\.1 431/g, 1],
    ['another method', ['DELETE /v2/models/fuzzed/infer HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n'], /HTTP\/1\.1 404/g, 1],
    ['HEAD', ['HEAD /v2/models/fuzzed HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n'], /HTTP\/1\.1 200[^]*\r\n\r\n$/g, 1],
  ])('%s is answered', async (_what, pieces, answer, times) => {
    expect((await exchange(pieces)).match(answer) ?? []).toHaveLength(times);
  });

  it('bodies of 100 MB and without end take no memory to speak of and leave the gateway answering', async () => {
    const before = resident();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let sent = 0;
    const endless = new ReadableStream({ pull: (controller) => { sent += 1; if (sent > 100) controller.close(); else controller.enqueue(new Uint8Array(MOST_BYTES).fill(32)); } });
    const refused = await fetch(`${gateway.url}/v2/models/fuzzed/infer`, { method: 'POST', body: endless, headers: { 'content-type': 'application/json' }, duplex: 'half' }).catch(() => undefined);
    // The gateway may close the connection while the caller still sends.
    if (refused) expect(refused.status).toBe(413);
    for (let round = 0; round < 3; round++) expect((await send(agent, 'POST', '/v2/models/fuzzed/infer', { 'content-length': 100 * MOST_BYTES }, Buffer.alloc(100 * MOST_BYTES, 32)).catch(() => ({ status: 413 }))).status).toBe(413);
    agent.destroy();
    await eventually(async () => ((await fetch(`${gateway.url}/v2/health/ready`)).status === 200 ? true : undefined), () => 'the gateway to answer');
    expect(resident() - before).toBeLessThan(100);
  });
});
