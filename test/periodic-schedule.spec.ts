import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PeriodicRun, PeriodicSchedule, sweepRun } from '../src/dispatch/periodic-schedule.js';
import { anyFreePort } from '../src/embedded/ports.js';
import { prepareStateFolder } from '../src/embedded/state-folder.js';
import { startTemporal, type TemporalServer } from '../src/embedded/temporal-server.js';
import { eventually } from './installation.js';

const DAY_MS = 86_400_000;

let folder: string;
let port: number;
let temporal: TemporalServer;
let connection: Connection;
let client: Client;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-schedules-'));
  prepareStateFolder(folder);
  port = await anyFreePort();
  await beginTemporal();
}, 120_000);

async function beginTemporal(): Promise<void> {
  temporal = await startTemporal({ stateDir: folder, preferredPort: port, preferredUiPort: port + 1_000, log: () => undefined });
  connection = await Connection.connect({ address: temporal.address });
  client = new Client({ connection });
}

async function stopTemporal(): Promise<void> {
  await connection?.close();
  await temporal?.stop();
}

afterAll(async () => {
  await stopTemporal();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** A name that no other test uses. */
const run = (id: string, everyMs: number, first: PeriodicRun['first']): PeriodicRun => ({ ...sweepRun(everyMs), id, first });
const keep = (id: string, everyMs = DAY_MS, first: PeriodicRun['first'] = 'afterPeriod'): PeriodicSchedule => new PeriodicSchedule(client, run(id, everyMs, first));
const kept = (id: string) => client.schedule.getHandle(id).describe();
const runsOf = async (id: string): Promise<number> => (await kept(id)).info.numActionsTaken;

it('is made once, takes over a new period, stays paused, and comes back when somebody deletes it', async () => {
  await Promise.all([keep('kept').pass(), keep('kept').pass()]);
  expect(await kept('kept')).toMatchObject({ spec: { intervals: [{ every: DAY_MS }] }, action: { workflowType: 'inventorySweep', args: [{ inputVersion: 1 }] }, policies: { overlap: 'SKIP', catchupWindow: DAY_MS + DAY_MS / 10 }, state: { paused: false } });
  await client.schedule.getHandle('kept').pause('an audit goes on');
  await keep('kept', DAY_MS / 2).pass();
  expect(await kept('kept')).toMatchObject({ spec: { intervals: [{ every: DAY_MS / 2 }] }, policies: { catchupWindow: DAY_MS / 2 + DAY_MS / 20 }, state: { paused: true, note: 'an audit goes on' } });
  await client.schedule.getHandle('kept').delete();
  await eventually(async () => { await keep('kept').pass(); return (await kept('kept').catch(() => undefined))?.state.paused === false ? true : undefined; }, () => 'the Schedule to come back');
  expect(await kept('kept')).toMatchObject({ spec: { intervals: [{ every: DAY_MS }] }, state: { paused: false } });
});

it('takes over how late a run is made up for, where an earlier version made the Schedule', async () => {
  await keep('earlier').pass();
  await client.schedule.getHandle('earlier').update(({ action, spec, state }) => ({ action, spec, state, policies: { overlap: 'SKIP', catchupWindow: '1 minute' } }));
  await keep('earlier').pass();
  expect(await kept('earlier')).toMatchObject({ policies: { overlap: 'SKIP', catchupWindow: DAY_MS + DAY_MS / 10 } });
});

it('makes the last run that was missed while Temporal was down as soon as it is back', async () => {
  const everyMs = 12_000;
  await keep('missed', everyMs).pass();
  await client.schedule.getHandle('missed').update(({ action, policies, state }) => ({ action, policies, state, spec: { intervals: [{ every: everyMs }] } }));
  const before = await runsOf('missed');
  await stopTemporal();
  await new Promise((resolve) => setTimeout(resolve, everyMs));
  await beginTemporal();
  const missed = async (): Promise<{ taken: number; missed: number }> => { const { info } = await kept('missed'); return { taken: info.numActionsTaken, missed: info.numActionsMissedCatchupWindow }; };
  await eventually(async () => ((await missed()).taken > before ? true : undefined), () => 'the run that was missed');
  expect(await missed()).toMatchObject({ missed: 0 });
});

it('runs first when it is made, again whenever a worker starts, or only after its period, as it is asked', async () => {
  const started = async (id: string, first: PeriodicRun['first']): Promise<void> => {
    await keep(id, DAY_MS, first).pass();
    if (first !== 'afterPeriod') await eventually(async () => ((await runsOf(id)) === 1 ? true : undefined), () => `the first run of ${id}`);
    for await (const { workflowId, runId } of client.workflow.list({ query: `TemporalScheduledById = "${id}" AND ExecutionStatus = "Running"` })) await client.workflow.getHandle(workflowId, runId).terminate();
    const schedule = keep(id, DAY_MS, first);
    schedule.start();
    await schedule.stop();
  };
  await started('made', 'whenMade');
  await started('later', 'afterPeriod');
  await started('started', 'whenStarted');
  await eventually(async () => ((await runsOf('started')) + (await kept('started')).info.numActionsSkippedOverlap === 2 ? true : undefined), () => 'the run of a worker that starts');
  expect(await Promise.all([runsOf('made'), runsOf('later')])).toEqual([1, 0]);
});
