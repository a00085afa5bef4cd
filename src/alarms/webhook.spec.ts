import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { alarmEvent } from './cloud-event.js';
import { refusalOf } from './signature.js';
import { deliver } from './webhook.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const EVENT = alarmEvent({
  id: '0d9b5a6e-3f0b-4a39-9f2b-0d5a4a2b7f10', raisedAt: new Date('2026-01-02T03:04:05Z'), kind: 'windowHarmful', severity: 'critical', model: 'flight-delay',
  deployment: 'default', subject: 'window/2013-03-01', dedupKey: 'window/flight-delay', summary: 'speed: 20 % of rows have no value', details: { rows: 3 }, test: false,
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver that answers as told, and keeps what came. */
async function receiver(answer: RequestListener): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
      answer(request, response);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hidden-path`, received };
}

const answering = (status: number, headers: Record<string, string> = {}): RequestListener => (_request, response) => response.writeHead(status, headers).end('an answer');

describe('deliver', () => {
  it('sends a CloudEvent that the receiver can verify', async () => {
    const { url, received } = await receiver(answering(204));
    expect(await deliver({ url, secret: SECRET }, EVENT, new Date(), 5_000)).toEqual({ delivered: true, status: 204 });
    const { headers, body } = received[0] as Received;
    expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
    const signed = { 'webhook-id': headers['webhook-id'] as string, 'webhook-timestamp': headers['webhook-timestamp'] as string, 'webhook-signature': headers['webhook-signature'] as string };
    expect(signed['webhook-id']).toBe(EVENT.id);
    expect(refusalOf(SECRET, signed, body, new Date())).toBeUndefined();
    expect(JSON.parse(body)).toEqual({
      specversion: '1.0', id: EVENT.id, source: '/perennial/models/flight-delay/deployments/default', type: 'perennial.alarm.raised', subject: 'window/2013-03-01',
      time: '2026-01-02T03:04:05.000Z', datacontenttype: 'application/json', test: false,
      data: { kind: 'windowHarmful', severity: 'critical', model: 'flight-delay', deployment: 'default', summary: 'speed: 20 % of rows have no value', details: { rows: 3 } },
    });
    expect(JSON.stringify(received)).not.toContain(SECRET.slice(6));
  });

  it.each([400, 401, 403, 404, 410, 429, 500, 503])('takes %i for a failure', async (status) => {
    const { url } = await receiver(answering(status));
    expect(await deliver({ url, secret: SECRET }, EVENT, new Date())).toMatchObject({ delivered: false, status, reason: expect.stringContaining(`answered ${status}`) });
  });

  it('follows no redirect', async () => {
    const other = await receiver(answering(200));
    for (const status of [301, 302, 307, 308]) {
      const { url } = await receiver(answering(status, { location: other.url }));
      expect(await deliver({ url, secret: SECRET }, EVENT, new Date())).toMatchObject({ delivered: false, status, reason: expect.stringContaining('final address') });
    }
    expect(other.received).toEqual([]);
  });

  it('gives up on a receiver that hangs', async () => {
    const { url, received } = await receiver(() => undefined);
    expect(await deliver({ url, secret: SECRET }, EVENT, new Date(), 100)).toEqual({ delivered: false, status: null, reason: 'the receiver gave no answer within 100 ms' });
    expect(received).toHaveLength(1);
  });

  it('does not read an answer without end', async () => {
    const { url } = await receiver((_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'.repeat(65_536)), 1);
      response.on('close', () => clearInterval(timer));
    });
    expect(await deliver({ url, secret: SECRET }, EVENT, new Date(), 5_000)).toEqual({ delivered: true, status: 200 });
  });

  it('names neither address nor secret where nobody listens', async () => {
    const { url } = await receiver(answering(200));
    servers.splice(0).forEach((server) => server.close());
    const outcome = await deliver({ url, secret: SECRET }, EVENT, new Date());
    expect(outcome).toMatchObject({ delivered: false, status: null, reason: expect.stringMatching(/cannot be reached \(ECONN\w+\)/) });
    expect(JSON.stringify(outcome)).not.toMatch(/hidden-path|127\.0\.0\.1|whsec/);
  });
});
