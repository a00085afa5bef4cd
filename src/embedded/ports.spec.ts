import { createServer, type Server } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { anyFreePort, isFree, reservePort } from './ports.js';

const listeners: Server[] = [];
const listen = async (port: number, host: string): Promise<void> => {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  listeners.push(server);
};
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

it.each(['127.0.0.1', '0.0.0.0'])('passes over a port on which somebody listens at %s', async (host) => {
  const port = await anyFreePort();
  await listen(port, host);
  expect(await isFree(port)).toBe(false);
  const reserved = await reservePort(port);
  expect(reserved.port).toBeGreaterThan(port);
  reserved.release();
});

it('gives a port to one at a time, and again once it was released', async () => {
  const preferred = await anyFreePort();
  const first = await reservePort(preferred);
  const second = await reservePort(preferred);
  expect(first.port).toBe(preferred);
  expect(second.port).toBeGreaterThan(preferred);
  first.release();
  second.release();
  const third = await reservePort(preferred);
  expect(third.port).toBe(preferred);
  third.release();
});
