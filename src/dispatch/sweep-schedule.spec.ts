import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { INVENTORY_SWEEP_ID } from '../contracts/motion.js';
import { anyFreePort } from '../embedded/ports.js';
import { prepareStateFolder } from '../embedded/state-folder.js';
import { startTemporal, type TemporalServer } from '../embedded/temporal-server.js';
import { SweepSchedule } from './sweep-schedule.js';

const DAY_MS = 86_400_000;

let folder: string;
let temporal: TemporalServer;
let connection: Connection;
let client: Client;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-sweep-'));
  prepareStateFolder(folder);
  const port = await anyFreePort();
  temporal = await startTemporal({ stateDir: folder, preferredPort: port, preferredUiPort: port + 1_000, log: () => undefined });
  connection = await Connection.connect({ address: temporal.address });
  client = new Client({ connection });
}, 120_000);

afterAll(async () => {
  await connection?.close();
  await temporal?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const kept = () => client.schedule.getHandle(INVENTORY_SWEEP_ID).describe();

it('is made once, takes over a new period, stays paused, and comes back when somebody deletes it', async () => {
  await new SweepSchedule(client, DAY_MS).pass();
  expect(await kept()).toMatchObject({ spec: { intervals: [{ every: DAY_MS }] }, action: { workflowType: 'inventorySweep', args: [{ inputVersion: 1 }] }, policies: { overlap: 'SKIP' }, state: { paused: false } });
  await client.schedule.getHandle(INVENTORY_SWEEP_ID).pause('an audit goes on');
  await new SweepSchedule(client, DAY_MS / 2).pass();
  expect(await kept()).toMatchObject({ spec: { intervals: [{ every: DAY_MS / 2 }] }, state: { paused: true, note: 'an audit goes on' } });
  await client.schedule.getHandle(INVENTORY_SWEEP_ID).delete();
  await new SweepSchedule(client, DAY_MS).pass();
  expect(await kept()).toMatchObject({ spec: { intervals: [{ every: DAY_MS }] }, state: { paused: false } });
});
