import type { FastifyInstance } from 'fastify';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type FailureType, PerennialError } from '../contracts/failures.js';
import { gatewayLog } from './gateway-log.js';
import { httpServer, listen } from './http-server.js';
import { inferenceRoutes } from './inference.routes.js';
import type { ArrivedRequest } from './inference-request.js';
import { plainInference } from './plain-inference.js';

const PLAIN = { 'content-type': 'application/json' };
/** The same to a caller, and out of the ordinary to the server. */
const BY_FRAMEWORK = { 'content-type': 'application/json; charset=utf-8' };

let app: FastifyInstance;
let url: string;
let port: number;
let closing = false;
const arrived: ArrivedRequest[] = [];
const counted: FailureType[] = [];
let takenPlain = 0;

/** Gives back what came; a model `refused` is refused. */
function add(request: ArrivedRequest): void {
  arrived.push(request);
  if (request.model === 'refused') request.reply.refuse(new PerennialError('RoutingStale', 'It is refused'));
  else request.reply.answer(JSON.stringify({ model: request.model, version: request.version, body: request.body }));
}

beforeAll(async () => {
  const failures = { log: gatewayLog('error', () => undefined), count: (_: Error, type: FailureType) => counted.push(type) };
  const take = plainInference({ maxBodyBytes: 100_000, closing: () => closing, failures, passes: ({ 'x-api-key': key }) => key !== 'unknown', add });
  app = httpServer({ maxBodyBytes: 100_000, maxRows: 10 }, failures, (request, response) => {
    const taken = take(request, response);
    takenPlain += Number(taken);
    return taken;
  });
  inferenceRoutes(app, add);
  port = await listen(app, '127.0.0.1', 0);
  url = `http://127.0.0.1:${port}`;
});
afterAll(() => app.close());

async function ask(path: string, body: string, headers: Record<string, string>): Promise<object> {
  const before = takenPlain;
  const response = await fetch(url + path, { method: 'POST', headers, body });
  return { status: response.status, type: response.headers.get('content-type'), retry: response.headers.get('retry-after'), body: await response.json(), plain: takenPlain > before };
}

it.each([
  ['/v2/models/flights/infer', '{"id":"ä","inputs":[1]}', 200],
  ['/v2/models/flights/versions/3/infer', '{}', 200],
  ['/v2/models/flights/infer', '{"inputs":', 400],
  ['/v2/models/flights/infer', ' ', 400],
  ['/v2/models/flights/infer', `{"inputs": ${'['.repeat(49_000)}`, 400],
  ['/v2/models/refused/infer', '{}', 503],
])('answers %s with %s as the framework does: %i', async (path, body, status) => {
  const [plain, framework] = [await ask(path, body, PLAIN), await ask(path, body, BY_FRAMEWORK)];
  expect(plain).toMatchObject({ status, plain: true });
  expect(framework).toEqual({ ...plain, plain: false });
});

it.each([
  ['a query', '/v2/models/flights/infer?x=1', '{}', PLAIN, 200],
  ['a name that needs decoding', '/v2/models/fl%69ghts/infer', '{}', PLAIN, 200],
  ['a body without end', '/v2/models/flights/infer', ' '.repeat(100_001), PLAIN, 413],
  ['a compressed body', '/v2/models/flights/infer', '{}', { ...PLAIN, 'content-encoding': 'gzip' }, 415],
  ['another media type', '/v2/models/flights/infer', '{}', { 'content-type': 'text/csv' }, 415],
  ['no body', '/v2/models/flights/infer', '', PLAIN, 400],
  ['a caller whom it does not know', '/v2/models/flights/infer', '{}', { ...PLAIN, 'x-api-key': 'unknown' }, 200],
  ['another path', '/v2/models/flights/explain', '{}', PLAIN, 404],
])('leaves %s to the framework', async (_what, path, body, headers, status) => {
  expect(await ask(path, body, headers as unknown as Record<string, string>)).toMatchObject({ status, plain: false });
});

const head = (length: number): string => `POST /v2/models/flights/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

async function raw(): Promise<{ socket: Socket; text: () => string; ended: () => boolean }> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let [text, ended] = ['', false];
  socket.on('data', (chunk: string) => (text += chunk)).on('close', () => (ended = true)).on('error', () => undefined);
  await new Promise((settle) => socket.once('connect', settle));
  return { socket, text: () => text, ended: () => ended };
}

it('keeps bodies apart that come in pieces at the same time', async () => {
  const bodies = [0, 1, 2].map((id) => {
    const data = Array.from({ length: 2_000 }, (_, index) => 10_000 * id + index);
    return { data, json: JSON.stringify({ id: `${id}`, inputs: [{ name: 'features', datatype: 'FP32', shape: [200, 10], data }] }) };
  });
  const open = await Promise.all(bodies.map(() => raw()));
  arrived.length = 0;
  const cuts = [0, 3_000, 6_000, Infinity];
  for (let piece = 0; piece + 1 < cuts.length; piece++) {
    for (const [index, { socket }] of open.entries()) socket.write((piece === 0 ? head(bodies[index]!.json.length) : '') + bodies[index]!.json.slice(cuts[piece], cuts[piece + 1]));
    await new Promise((settle) => setTimeout(settle, 20));
  }
  await vi.waitFor(() => expect(arrived).toHaveLength(3));
  const came = arrived.map(({ body }) => body as { id: string; inputs: { data: Float32Array }[] });
  expect(Object.fromEntries(came.map(({ id, inputs }) => [id, [...inputs[0]!.data]]))).toEqual(Object.fromEntries(bodies.map(({ data }, id) => [`${id}`, data])));
  for (const { socket } of open) socket.destroy();
});

it('answers pipelined requests in their order, and a body that comes in pieces', async () => {
  const { socket, text } = await raw();
  socket.write(`${head(8)}{"id":1}${head(8)}{"id"`);
  await vi.waitFor(() => expect(text()).toContain('"id":1'));
  socket.write(':2}');
  await vi.waitFor(() => expect(text()).toMatch(/"id":1[^]*"id":2/));
  socket.destroy();
});

it('forgets a request whose connection breaks before its body is whole', async () => {
  const before = arrived.length;
  const { socket } = await raw();
  socket.write(`${head(1_000)}{"id":`);
  await new Promise((settle) => socket.resetAndDestroy().once('close', settle));
  expect(await ask('/v2/models/flights/infer', '{}', PLAIN)).toMatchObject({ status: 200 });
  expect(arrived.length - before).toBe(1);
});

it('ends connections with their next answer while it closes', async () => {
  const { socket, text, ended } = await raw();
  socket.write(`${head(2)}{}`);
  await vi.waitFor(() => expect(text()).toContain('200 OK'));
  expect(text().toLowerCase()).toContain('connection: keep-alive');
  closing = true;
  socket.write(`${head(2)}{}`);
  await vi.waitFor(() => expect(ended()).toBe(true));
  expect(text().toLowerCase()).toContain('connection: close');
  closing = false;
});
