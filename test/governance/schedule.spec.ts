import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GOVERNANCE_SCHEDULE_ID } from '../../src/contracts/motion.js';
import { GovernanceSchedule } from '../../src/dispatch/governance-schedule.js';
import { anyFreePort } from '../../src/embedded/ports.js';
import { prepareStateFolder } from '../../src/embedded/state-folder.js';
import { startTemporal, type TemporalServer } from '../../src/embedded/temporal-server.js';
import { eventually } from '../installation.js';

const HOUR_MS = 60 * 60 * 1_000;

let folder: string;
let temporal: TemporalServer;
let client: Client;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-governance-'));
  prepareStateFolder(folder);
  const port = await anyFreePort();
  temporal = await startTemporal({ stateDir: folder, preferredPort: port, preferredUiPort: port + 1_000, log: () => undefined });
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
}, 120_000);

afterAll(async () => {
  await client?.connection.close();
  await temporal?.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}, 60_000);

it('the Schedule is there once, runs at once, follows its setting, stays paused, and comes back when somebody deletes it', async () => {
  const schedule = client.schedule.getHandle(GOVERNANCE_SCHEDULE_ID);
  const look = async () => {
    const { spec, state, action, info } = await schedule.describe();
    return { every: spec.intervals?.[0]?.every, paused: state.paused, workflow: action.workflowType, runs: info.numActionsTaken };
  };
  await Promise.all([new GovernanceSchedule(client, HOUR_MS).pass(), new GovernanceSchedule(client, HOUR_MS).pass()]);
  expect(await look()).toMatchObject({ every: HOUR_MS, paused: false, workflow: 'governanceDue' });
  await eventually(async () => ((await look()).runs === 1 ? true : undefined), () => 'the first run');
  await schedule.pause('an operator looks');
  await new GovernanceSchedule(client, 2 * HOUR_MS).pass();
  expect(await look()).toMatchObject({ every: 2 * HOUR_MS, paused: true });
  await schedule.delete();
  await eventually(() => new GovernanceSchedule(client, HOUR_MS).pass().then(look).then(({ every }) => (every === HOUR_MS ? true : undefined)).catch(() => undefined), () => 'the Schedule to come back');
});
