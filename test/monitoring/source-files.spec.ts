import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ActivitySettings } from '../../activities/activity-settings.js';
import { LabelsActivities } from '../../activities/labels.activities.js';
import { ObservedFiles } from '../../activities/observed-files.js';
import { SourceActivities } from '../../activities/source.activities.js';
import { SourceObserver } from '../../activities/source-observer.js';
import { StoreProvider } from '../../activities/store-provider.js';
import { monitorScheduleId, TASK_QUEUES } from '../../src/contracts/motion.js';
import { DataFolder, HOURLY_ROWS, SPEC } from '../../src/data/data-fixture.js';
import { anyFreePort } from '../../src/embedded/ports.js';
import { prepareStateFolder } from '../../src/embedded/state-folder.js';
import { startTemporal, type TemporalServer } from '../../src/embedded/temporal-server.js';
import { AlarmsRepository } from '../../src/registry/alarms.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { LabelsRepository } from '../../src/registry/labels.repository.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { ObservationsRepository } from '../../src/registry/observations.repository.js';
import { ReleasesRepository } from '../../src/registry/releases.repository.js';
import { RoutingRepository } from '../../src/registry/routing.repository.js';
import { SourceFilesRepository } from '../../src/registry/source-files.repository.js';
import { VersionsRepository } from '../../src/registry/versions.repository.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { bundleWorkflows } from '../workflow-bundle.js';

const [MODEL, DEPLOYMENT] = [SPEC.model, 'default'];
const YAML = JSON.stringify({ ...SPEC, monitoring: { source: { path: 'scored/*.parquet', output: 'answer' } } });
/** Ten hours as a batch job left them. */
const SCORED = `SELECT *, 0.5 AS answer FROM (${HOURLY_ROWS}) WHERE moment < TIMESTAMP '2024-01-01 10:00:00'`;
const WRONG = SCORED.replace('*,', '* REPLACE (NOT late AS late),');

let registry: RegistryServer;
let temporal: TemporalServer;
let folder: DataFolder;
let client: Client;
let labels: LabelsRepository;
let files: SourceFilesRepository;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await DataFolder.make();
  prepareStateFolder(folder.root);
  const port = await anyFreePort();
  [registry, temporal] = await Promise.all([startRegistryServer(), startTemporal({ stateDir: folder.root, preferredPort: port, preferredUiPort: port + 1_000, log: () => undefined })]);
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const { dataSource } = registry;
  const [audit, models, observations, stores] = [new AuditLedger(dataSource), new ModelsRepository(dataSource), new ObservationsRepository(dataSource), new StoreProvider(folder.store)];
  const [routing, versions] = [new RoutingRepository(dataSource, audit), new VersionsRepository(dataSource, audit)];
  [labels, files] = [new LabelsRepository(dataSource, audit), new SourceFilesRepository(dataSource, audit)];
  await dataSource.transaction((manager) => models.apply(manager, YAML, parseSpec(YAML), 'ann', new Date()));
  const settings = { dataDir: folder.dataDir, workDir: join(folder.root, 'work') } as ActivitySettings;
  mkdirSync(settings.workDir);
  const source = new SourceActivities(models, routing, versions, new AlarmsRepository(dataSource, audit), new SourceObserver(files, observations, labels, versions, settings, stores), settings);
  const labelled = new LabelsActivities(labels, observations, models, new ReleasesRepository(dataSource, audit, routing), new ObservedFiles(observations, labels, stores), settings, stores);
  await serve();
  await work({
    lifecycle: { nextWindow: (_model: string, _deployment: string, sourceRead: boolean) => Promise.resolve(sourceRead ? null : { readSource: true }), releaseWorkflows: labelled.releaseWorkflows.bind(labelled) },
    data: { readSource: source.readSource.bind(source), ingestLabels: labelled.ingestLabels.bind(labelled) },
  });
}, 120_000);

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await temporal?.stop();
  await registry?.stop();
  await folder?.remove();
}, 60_000);

/** A champion that is never asked: the files say what was answered. */
async function serve(): Promise<void> {
  const [command, { digest }] = [randomUUID(), parseSpec(YAML)];
  await registry.asOwner(async (owner) => {
    await owner.query("INSERT INTO snapshot (digest, model, manifest, taken_at) VALUES ('sha256:s', $1, '{}', now())", [MODEL]);
    await owner.query(
      "INSERT INTO command (id, actor, idempotency_key, kind, model, body, body_digest, state, accepted_at) VALUES ($1::uuid, 'ann', $1::uuid::text, 'retrain', $2, '', '', 'accepted', now())", [command, MODEL]);
    await owner.query(
      "INSERT INTO retrain (model, number, command_id, deployment, trigger, spec_digest, requested_by, requested_at, stage, outcome) VALUES ($1, 1, $2, $3, 'request', $4, 'ann', now(), 'finished', 'promoted')",
      [MODEL, command, DEPLOYMENT, digest]);
    await owner.query(
      "INSERT INTO training_run (model, retrain, trainer, parameters, seed, spec_digest, snapshot_digest, code_digest, attempts, started_at) VALUES ($1, 1, 'none', '{}', 0, $2, 'sha256:s', '', 1, now())", [MODEL, digest]);
    await owner.query(
      "INSERT INTO model_version (model, number, retrain, spec_digest, snapshot_digest, artifact_digest, artifact_bytes, admission, status, created_by, created_at) VALUES ($1, 1, 1, $2, 'sha256:s', 'sha256:m', 1, '{}', 'candidate', 'ann', now())",
      [MODEL, digest]);
    await owner.query('UPDATE routing SET revision = revision + 1, epoch = 1, champion = 1 WHERE model = $1 AND deployment = $2', [MODEL, DEPLOYMENT]);
  });
}

async function work(activities: Record<'lifecycle' | 'data', object>): Promise<void> {
  const [connection, native] = [await Connection.connect({ address: temporal.address }), await NativeConnection.connect({ address: temporal.address })];
  client = new Client({ connection });
  const workflowBundle = await bundleWorkflows();
  const workers = await Promise.all((['lifecycle', 'data'] as const).map((queue) => Worker.create({ connection: native, taskQueue: TASK_QUEUES[queue], activities: activities[queue], ...(queue === 'lifecycle' ? { workflowBundle } : {}) })));
  const running = Promise.all(workers.map((worker) => worker.run()));
  closing.push(async () => {
    for (const worker of workers) worker.shutdown();
    await running;
    await native.close();
    await connection.close();
  });
}

/** What the deployment's Schedule does, and what ingests the labels. @returns what became of the labels that came by it */
async function look(): Promise<(readonly [accepted: number, corrected: number])[]> {
  const before = (await labels.list(MODEL, 100)).length;
  await client.workflow.execute('monitorDue', { workflowId: monitorScheduleId(MODEL, DEPLOYMENT), taskQueue: TASK_QUEUES.lifecycle, args: [{ inputVersion: 1, model: MODEL, deployment: DEPLOYMENT }] });
  await client.workflow.execute('ingestion', { workflowId: `ingestion/${MODEL}`, taskQueue: TASK_QUEUES.lifecycle, args: [{ inputVersion: 1, model: MODEL }] });
  const come = await labels.list(MODEL, 100);
  return come.slice(0, come.length - before).map(({ counts }) => [counts!.accepted, counts!.corrected]);
}

const observed = async (): Promise<number> => ((await registry.dataSource.query<{ rows: number }[]>('SELECT coalesce(sum(rows), 0)::int AS rows FROM observation_file'))[0]!).rows;

it('a wrong correction is taken back by writing the file as it was, or by putting it back; each row counts once', async () => {
  await folder.write('scored/a.parquet', SCORED);
  expect([await look(), await look()]).toEqual([[[10, 0]], []]);
  renameSync(folder.path('scored/a.parquet'), folder.path('kept.parquet'));
  await folder.write('scored/a.parquet', WRONG);
  expect([await look(), await look()]).toEqual([[[0, 10]], []]);
  // The same inode, size and time as when it was read first.
  renameSync(folder.path('kept.parquet'), folder.path('scored/a.parquet'));
  expect([await look(), await look()]).toEqual([[[0, 10]], []]);
  await folder.write('scored/a.parquet', WRONG);
  expect([await look(), await look()]).toEqual([[[0, 10]], []]);
  await folder.write('scored/a.parquet', SCORED);
  expect([await look(), await look()]).toEqual([[[0, 10]], []]);
  // A copy of what stands says nothing new.
  await folder.write('scored/b.parquet', SCORED);
  expect([await look(), await look()]).toEqual([[], []]);
  expect([await observed(), (await files.list(MODEL, 100)).length]).toEqual([10, 6]);
}, 60_000);
