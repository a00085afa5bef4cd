import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DueWindows } from '../../activities/due-windows.js';
import { LateRows } from '../../activities/late-rows.js';
import { WindowClosings } from '../../activities/window-closings.js';
import { monitorScheduleId, TASK_QUEUES } from '../../src/contracts/motion.js';
import { SPEC } from '../../src/data/data-fixture.js';
import { MonitorSchedules } from '../../src/dispatch/monitor-schedules.js';
import { anyFreePort } from '../../src/embedded/ports.js';
import { prepareStateFolder } from '../../src/embedded/state-folder.js';
import { startTemporal, type TemporalServer } from '../../src/embedded/temporal-server.js';
import { AssessmentsRepository } from '../../src/registry/assessments.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { GatewaysRepository } from '../../src/registry/gateways.repository.js';
import { LabelsRepository } from '../../src/registry/labels.repository.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { ObservationsRepository } from '../../src/registry/observations.repository.js';
import { RoutingRepository } from '../../src/registry/routing.repository.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { eventually } from '../installation.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { bundleWorkflows } from '../workflow-bundle.js';

const EVERY_MS = 10_000;
/** One with many deployments and a long period, one with few and a short one. */
const [MANY, FEW] = ['many', 'few'];
const PLANTS = Array.from({ length: 200 }, (_, index) => `plant-${index}`);
const yaml = (model: string, seconds: number): string => JSON.stringify({ ...SPEC, model, monitoring: { checkEvery: `PT${seconds}S` } });

let folder: string;
let port: number;
let registry: RegistryServer;
let temporal: TemporalServer;
let client: Client;
let models: ModelsRepository;
let schedules: MonitorSchedules;
const closing: (() => Promise<unknown>)[] = [];

const server = (): Promise<TemporalServer> => startTemporal({ stateDir: folder, preferredPort: port, preferredUiPort: port + 1_000, log: () => undefined });
const apply = (source: string): Promise<unknown> => registry.dataSource.transaction((manager) => models.apply(manager, source, parseSpec(source), 'ann', new Date()));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-schedules-'));
  prepareStateFolder(folder);
  port = await anyFreePort();
  [registry, temporal] = await Promise.all([startRegistryServer(), server()]);
  // That the server is away is what is tried.
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } } });
  const { dataSource } = registry;
  const audit = new AuditLedger(dataSource);
  models = new ModelsRepository(dataSource);
  for (const [model, seconds, deployments] of [[MANY, 3_600, PLANTS], [FEW, EVERY_MS / 1_000, PLANTS.slice(0, 5)]] as const) {
    await apply(yaml(model, seconds));
    await dataSource.query(
      "INSERT INTO routing (model, deployment, revision, epoch, challengers, weights, salt, paused, changed_at) SELECT $1, name, 1, 0, '{}', '{}', 's', false, now() FROM unnest($2::text[]) AS name", [model, deployments]);
  }
  const observations = new ObservationsRepository(dataSource);
  const due = new DueWindows(new AssessmentsRepository(dataSource), observations, new LabelsRepository(dataSource, audit), models, new WindowClosings(new GatewaysRepository(dataSource), observations), new LateRows(new AssessmentsRepository(dataSource), observations));
  const [connection, native] = [await Connection.connect({ address: temporal.address }), await NativeConnection.connect({ address: temporal.address })];
  client = new Client({ connection });
  schedules = new MonitorSchedules(client, new RoutingRepository(dataSource, audit), models);
  const workflowBundle = await bundleWorkflows();
  const worker = await Worker.create({ connection: native, taskQueue: TASK_QUEUES.lifecycle, workflowBundle, activities: { nextWindow: due.next.bind(due) } });
  const running = worker.run();
  closing.push(async () => {
    worker.shutdown();
    await running;
    await native.close();
    await connection.close();
  });
}, 120_000);

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await temporal?.stop();
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** When the runs of each deployment began that have ended. */
async function runsSince(model: string, sinceMs: number): Promise<Map<string, number[]>> {
  const runs = new Map<string, number[]>();
  for await (const { workflowId, startTime, status } of client.workflow.list({ query: `WorkflowType = "monitorDue" AND PerennialModel = "${model}" AND StartTime >= "${new Date(sinceMs).toISOString()}"` })) {
    if (status.name !== 'COMPLETED') continue;
    const deployment = workflowId.slice(`monitor/${model}/`.length, -'-2026-01-01T00:00:00Z'.length);
    if (deployment.startsWith('plant-')) runs.set(deployment, [...(runs.get(deployment) ?? []), startTime.getTime()]);
  }
  return runs;
}

const allRun = (model: string, sinceMs: number, deployments: number): Promise<Map<string, number[]>> =>
  eventually(async () => {
    const found = await runsSince(model, sinceMs);
    return found.size === deployments ? found : undefined;
  }, () => 'a run of each deployment');

it('two hundred that fire at once all run', async () => {
  await schedules.pass();
  const before = Date.now();
  for (let start = 0; start < PLANTS.length; start += 20) {
    await Promise.all(PLANTS.slice(start, start + 20).map((plant) => client.schedule.getHandle(monitorScheduleId(MANY, plant)).trigger()));
  }
  const runs = await allRun(MANY, before, PLANTS.length);
  expect([...runs.values()].map((starts) => starts.length)).toEqual(PLANTS.map(() => 1));
});

it('after three intervals without Temporal each runs once for all that were missed', async () => {
  const description = await client.schedule.getHandle(monitorScheduleId(FEW, 'plant-1')).describe();
  expect(description).toMatchObject({ spec: { intervals: [{ every: EVERY_MS }], jitter: 1_000 }, policies: { overlap: 'BUFFER_ONE', catchupWindow: EVERY_MS } });
  await allRun(FEW, Date.now(), 5);
  await temporal.stop();
  await sleep(3 * EVERY_MS + 2_000);
  const backAt = Date.now();
  temporal = await server();
  const runs = await allRun(FEW, backAt, 5);
  // The one that was missed last, and those whose time came while this was awaited.
  const most = 1 + Math.ceil((Date.now() - backAt) / EVERY_MS);
  for (const [deployment, starts] of runs) expect([deployment, starts.length <= most]).toEqual([deployment, true]);
});

it('a new period is taken over, and a paused Schedule stays paused', async () => {
  const handle = client.schedule.getHandle(monitorScheduleId(FEW, 'plant-3'));
  await handle.pause('an operator looks');
  await apply(yaml(FEW, 60));
  await schedules.pass();
  expect(await handle.describe()).toMatchObject({ spec: { intervals: [{ every: 60_000 }], jitter: 6_000 }, state: { paused: true, note: 'an operator looks' } });
  expect(await client.schedule.getHandle(monitorScheduleId(FEW, 'plant-4')).describe()).toMatchObject({ spec: { intervals: [{ every: 60_000 }] }, state: { paused: false } });
});
