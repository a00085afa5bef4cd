import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isAlive } from '#embedded/pid-lock.mjs';
import { anyFreePort } from './ports.js';
import { type RoleExit, type RoleOptions, Supervisor } from './supervisor.js';

let folder: string;
let supervisor: Supervisor;
let lines: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-roles-'));
  lines = [];
  supervisor = new Supervisor((line) => lines.push(line));
});
afterEach(async () => {
  await supervisor.stop();
  rmSync(folder, { recursive: true });
});

const role = (name: string, script: string, more: Partial<RoleOptions> = {}): RoleOptions => ({
  name, args: ['-e', script], environment: process.env, logFile: join(folder, `${name}.log`), ...more,
});
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(20);
};
const STAY = 'setInterval(() => {}, 1000);';

it('waits until a role is ready', async () => {
  const port = await anyFreePort();
  const script = `const server = require('node:http').createServer((_, answer) => { answer.statusCode = Date.now() > ready ? 200 : 503; answer.end(); });
    const ready = Date.now() + 300; server.listen(${port}, '127.0.0.1');`;
  await supervisor.startRole(role('api', script, { readyUrl: `http://127.0.0.1:${port}/` }));
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
});

it('shows the end of the log of a role that ends before it is ready, and does not try it again', async () => {
  const broken = role('api', "console.log('begin'); console.error('the key is missing'); process.exit(3);", { readyUrl: 'http://127.0.0.1:9/' });
  await expect(supervisor.startRole(broken)).rejects.toMatchObject({ type: 'DependencyUnavailable', message: expect.stringMatching(/api ended before.*the key is missing/s) });
  await sleep(500);
  expect(readFileSync(join(folder, 'api.log'), 'utf8').match(/begin/g)).toHaveLength(1);
});

it('starts a role again that was killed', async () => {
  const exits: RoleExit[] = [];
  const worker = await supervisor.startRole(role('worker', STAY, { onExit: (exit) => exits.push(exit) }));
  const first = worker.pid as number;
  process.kill(first, 'SIGKILL');
  await until(() => worker.restarts === 1 && worker.pid !== first);
  expect(isAlive(worker.pid as number)).toBe(true);
  expect(exits).toEqual([expect.objectContaining({ name: 'worker', signal: 'SIGKILL', givenUp: false })]);
});

it('gives a role up that dies again and again, and says so with the end of its log', async () => {
  const exits: RoleExit[] = [];
  const worker = await supervisor.startRole(role('worker', "setTimeout(() => { console.error('boom'); process.exit(1); }, 50);", { onExit: (exit) => exits.push(exit) }));
  await until(() => exits.some(({ givenUp }) => givenUp));
  expect(worker.restarts).toBe(5);
  expect(exits).toHaveLength(6);
  expect(lines.at(-1)).toMatch(/worker ended with code 1 again and again.*boom/s);
}, 30_000);

it('stops the last started first, and kills what does not end', async () => {
  const order = join(folder, 'order');
  const note = (name: string): string => `process.on('SIGTERM', () => { require('node:fs').appendFileSync(${JSON.stringify(order)}, '${name} '); process.exit(0); }); console.log('up'); ${STAY}`;
  const api = await supervisor.startRole(role('api', note('api')));
  const worker = await supervisor.startRole(role('worker', note('worker')));
  const stubborn = await supervisor.startRole(role('gateway', `process.on('SIGTERM', () => {}); console.log('up'); ${STAY}`, { graceMs: 200 }));
  const pids = [api, worker, stubborn].map(({ pid }) => pid as number);
  await until(() => ['api', 'worker', 'gateway'].every((name) => readFileSync(join(folder, `${name}.log`), 'utf8').includes('up')));
  await supervisor.stop();
  expect(pids.map(isAlive)).toEqual([false, false, false]);
  expect(readFileSync(order, 'utf8')).toBe('worker api ');
  expect(lines).toContain('gateway did not end in time and is killed');
});
