import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AlarmReceiver } from '../../activities/alarm-receiver.js';
import { AlarmActivities } from '../../activities/alarms.activities.js';
import type { ActivitySettings } from '../../activities/activity-settings.js';
import { ChampionBaselines } from '../../activities/champion-baselines.js';
import { DriftBaselines } from '../../activities/drift-baselines.js';
import { DriftActivities } from '../../activities/drift.activities.js';
import { DueWindows } from '../../activities/due-windows.js';
import { FailureInterceptor } from '../../activities/failure-interceptor.js';
import { GatewayActivities } from '../../activities/gateways.activities.js';
import { HarmMemories } from '../../activities/harm-memories.js';
import { JudgedVersions } from '../../activities/judged-versions.js';
import { LabelFreeBaselines } from '../../activities/label-free-baselines.js';
import { LabelsActivities } from '../../activities/labels.activities.js';
import { MonitoringReports } from '../../activities/monitoring-reports.js';
import { MonitoringActivities } from '../../activities/monitoring.activities.js';
import { ObservationsActivities } from '../../activities/observations.activities.js';
import { PredictionFilters } from '../../activities/prediction-filters.js';
import { ObservedFiles } from '../../activities/observed-files.js';
import { RetrainingActivities } from '../../activities/retraining.activities.js';
import { RetrainingDecisions } from '../../activities/retraining-decisions.js';
import { StoreProvider } from '../../activities/store-provider.js';
import { WindowSources } from '../../activities/window-sources.js';
import { LateRows } from '../../activities/late-rows.js';
import { WindowAlarms } from '../../activities/window-alarms.js';
import { WindowClosings } from '../../activities/window-closings.js';
import { LossModelTrainer } from '../../activities/loss-model-trainer.js';
import { ServedWindows } from '../../activities/served-windows.js';
import { WindowEstimates } from '../../activities/window-estimates.js';
import { WindowMeasurements } from '../../activities/window-measurements.js';
import { WindowOperations } from '../../activities/window-operations.js';
import { WindowsActivities } from '../../activities/windows.activities.js';
import { startApi } from '../../src/api/api.js';
import { windowListSchema } from '../../src/api/windows/windows.dto.js';
import { FolderStore } from '../../src/artifacts/folder-store.js';
import { readEnvironment } from '../../src/config/environment.js';
import { type MonitorDueInput, monitorScheduleId, monitorWindowWorkflowId, SEGMENT_INGESTION_ID, TASK_QUEUES } from '../../src/contracts/motion.js';
import type { ObservationLogState } from '../../src/contracts/observation-log.js';
import { SPEC } from '../../src/data/data-fixture.js';
import { CommandDispatcher } from '../../src/dispatch/command-dispatcher.js';
import { IngestionStarter } from '../../src/dispatch/ingestion-starter.js';
import { prepareStateFolder } from '../../src/embedded/state-folder.js';
import { startTemporal, type TemporalServer } from '../../src/embedded/temporal-server.js';
import { SegmentEncoder } from '../../src/observations/segment-encoder.js';
import type { ObservationContext } from '../../src/observations/segment-format.js';
import { AlarmsRepository } from '../../src/registry/alarms.repository.js';
import { AssessmentsRepository } from '../../src/registry/assessments.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { CommandsRepository } from '../../src/registry/commands.repository.js';
import { GatewaySamplesRepository } from '../../src/registry/gateway-samples.repository.js';
import { GatewaysRepository } from '../../src/registry/gateways.repository.js';
import { LabelFreeBaselinesRepository } from '../../src/registry/label-free-baselines.repository.js';
import { LabelsRepository } from '../../src/registry/labels.repository.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { ObservationsRepository } from '../../src/registry/observations.repository.js';
import { PredictionsRepository } from '../../src/registry/predictions.repository.js';
import { ReleasesRepository } from '../../src/registry/releases.repository.js';
import { RetrainingDecisionsRepository } from '../../src/registry/retraining-decisions.repository.js';
import { RetrainsRepository } from '../../src/registry/retrains.repository.js';
import { RoutingRepository } from '../../src/registry/routing.repository.js';
import { ServingRepository } from '../../src/registry/serving.repository.js';
import { TrainingRepository } from '../../src/registry/training.repository.js';
import { VersionsRepository } from '../../src/registry/versions.repository.js';
import { WindowsRepository } from '../../src/registry/windows.repository.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { bundleWorkflows } from '../workflow-bundle.js';
import { Receiver } from './receiver.js';
import { serveBaseline } from './served-baseline.js';

/** JSON is YAML. Windows of an hour, labels two hours later. */
const YAML = JSON.stringify({ ...SPEC, data: { ...SPEC.data, labelHorizon: 'PT2H' }, monitoring: { window: 'PT1H', checkEvery: 'PT3H', maximumLoss: 0.3 } });
const [MODEL, DEPLOYMENT] = [SPEC.model, 'default'];
const START = Date.parse('2024-01-01T00:00:00Z');
const HOUR = 3_600_000;
const ROWS = 100;

let registry: RegistryServer;
let temporal: TemporalServer;
let receiver: Receiver;
let client: Client;
let folder: string;
let store: FolderStore;
let alarms: AlarmsRepository;
let gateways: GatewaysRepository;
let labels: LabelsRepository;
let observations: ObservationsRepository;
let windows: WindowsRepository;
let assessments: AssessmentsRepository;
let decisions: RetrainingDecisionsRepository;
let due: DueWindows;
let starter: IngestionStarter;
let context: ObservationContext;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-windows-'));
  prepareStateFolder(folder);
  [registry, temporal, receiver] = await Promise.all([
    startRegistryServer(), startTemporal({ stateDir: folder, preferredPort: 37_243, preferredUiPort: 38_243, log: () => undefined }), Receiver.start(),
  ]);
  receiver.answer(200);
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  await wire();
}, 120_000);

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  receiver?.stop();
  await temporal?.stop();
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** The rooms of a worker that the ingestion uses. */
async function wire(): Promise<void> {
  const { dataSource } = registry;
  const [audit, models] = [new AuditLedger(dataSource), new ModelsRepository(dataSource)];
  await dataSource.transaction((manager) => models.apply(manager, YAML, parseSpec(YAML), 'ann', new Date()));
  context = {
    model: MODEL, deployment: DEPLOYMENT, revision: 1, epoch: 1, version: 1, role: 'champion', specDigest: parseSpec(YAML).digest, features: ['speed', 'side'], observeInputs: true,
  };
  store = new FolderStore(join(folder, 'artifacts'));
  const settings = { workDir: join(folder, 'work'), driftPartRows: 1_000_000 } as ActivitySettings;
  mkdirSync(settings.workDir);
  const stores = new StoreProvider(store);
  [alarms, gateways, labels, observations, windows] = [new AlarmsRepository(dataSource, audit), new GatewaysRepository(dataSource), new LabelsRepository(dataSource, audit), new ObservationsRepository(dataSource), new WindowsRepository(dataSource)];
  const routing = new RoutingRepository(dataSource, audit);
  const files = new ObservedFiles(observations, labels, stores);
  const told = new AlarmActivities(alarms, models, new AlarmReceiver({ url: receiver.url, secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` }, 2_000), settings, stores);
  const watch = new GatewayActivities(gateways, alarms);
  const converted = new ObservationsActivities(observations, models, settings, new PredictionFilters(new PredictionsRepository(dataSource), settings, stores), stores);
  const labelled = new LabelsActivities(labels, observations, models, new ReleasesRepository(dataSource, audit, routing), files, settings, stores);
  const [retrains, versions] = [new RetrainsRepository(dataSource, audit), new VersionsRepository(dataSource, audit)];
  assessments = new AssessmentsRepository(dataSource);
  due = new DueWindows(assessments, observations, labels, models, new WindowClosings(gateways, observations), new LateRows(assessments, observations));
  const commands = new CommandsRepository(dataSource, audit);
  decisions = new RetrainingDecisionsRepository(dataSource, commands, retrains, audit);
  const reports = new MonitoringReports(assessments, windows, decisions, stores);
  const sources = new WindowSources(assessments, labels, files);
  const drift = new DriftActivities(models, windows, sources, new DriftBaselines(models, retrains, routing, versions, windows, settings, stores), reports);
  const memories = new HarmMemories(assessments, decisions, alarms, routing);
  const weighing = new RetrainingDecisions(reports, memories, decisions, models, retrains, new TrainingRepository(dataSource, audit), versions);
  const judged = new JudgedVersions(models, retrains, versions, settings, stores);
  const operations = new WindowOperations(new ServingRepository(dataSource), new GatewaySamplesRepository(dataSource), assessments);
  const checks = new WindowsActivities(models, windows, alarms, sources, memories, settings);
  const estimates = new WindowEstimates(new LabelFreeBaselines(new LabelFreeBaselinesRepository(dataSource), judged, new LossModelTrainer(settings, stores), stores), memories, settings, stores);
  const measurements = new WindowMeasurements(memories, reports, models, new ChampionBaselines(assessments, judged, stores), new ServedWindows(files, settings), operations, estimates);
  const monitoring = new MonitoringActivities(due, assessments, new WindowAlarms(assessments, alarms), labels, files, measurements, stores);
  const retraining = new RetrainingActivities(weighing, assessments, decisions, alarms, new CommandDispatcher(client, commands), stores);
  await work({
    lifecycle: { checkGateways: watch.checkGateways.bind(watch), deliverAlarms: told.deliverAlarms.bind(told), releaseWorkflows: labelled.releaseWorkflows.bind(labelled), nextWindow: monitoring.nextWindow.bind(monitoring), nextBackfilledWindow: monitoring.nextBackfilledWindow.bind(monitoring), tellUnreadable: monitoring.tellUnreadable.bind(monitoring) },
    data: { convertSegments: converted.convertSegments.bind(converted), ingestLabels: labelled.ingestLabels.bind(labelled), checkWindow: checks.checkWindow.bind(checks), compareWindow: drift.compareWindow.bind(drift), assessWindow: monitoring.assessWindow.bind(monitoring), decideRetraining: retraining.decideRetraining.bind(retraining) },
  });
  starter = new IngestionStarter(client, labels, observations, [{ everyMs: 0, isDue: () => watch.isDue() }]);
}

async function work(activities: Record<'lifecycle' | 'data', object>): Promise<void> {
  const [connection, native] = [await Connection.connect({ address: temporal.address }), await NativeConnection.connect({ address: temporal.address })];
  client = new Client({ connection });
  const workflowBundle = await bundleWorkflows();
  const workers = await Promise.all((['lifecycle', 'data'] as const).map((queue) => Worker.create({
    connection: native, taskQueue: TASK_QUEUES[queue], activities: activities[queue], ...(queue === 'lifecycle' ? { workflowBundle } : {}),
    interceptors: { activity: [() => ({ inbound: new FailureInterceptor() })] },
  })));
  const running = Promise.all(workers.map((worker) => worker.run()));
  closing.push(async () => {
    for (const worker of workers) worker.shutdown();
    await running;
    await native.close();
    await connection.close();
  });
}

let sequence = 0;
let segments = 0;
/** A sealed segment: requests at hours of event time, received now. */
async function observe(...requests: { readonly hour: number; readonly speed?: number; readonly varied?: boolean; readonly wrong?: boolean }[]): Promise<void> {
  const at = { gateway: 'g', boot: 'b', segment: (segments += 1) };
  const encoder = new SegmentEncoder();
  encoder.startSegment({ ...at, openedAtMs: 0, writer: { host: 'h', pid: 1, started: null } });
  for (const { hour, speed = 50, varied = false, wrong = false } of requests) {
    encoder.observation({
      context, sequence: (sequence += 1), predictionId: `at-${hour}`, entityKey: null, eventTimeMs: START + hour * HOUR, perRow: null, receivedAtMs: Date.now(), latencyMs: 1, stale: false, rows: ROWS,
      features: Float32Array.from({ length: 2 * ROWS }, (_, index) => (index % 2 === 0 ? speed : varied ? ((index - 1) / 2) % 2 : 1)).map((value, index) => (varied && index % 2 === 0 ? (index * 37) % 101 : value)), unknown: [],
      outputs: Float32Array.from({ length: ROWS }, (_, row) => (wrong ? 1 - (row % 2) : row % 2)), rawOutputs: null, guards: null,
    });
  }
  const { digest, bytes } = await store.putBytes(Buffer.from(encoder.view()));
  const times = requests.map(({ hour }) => START + hour * HOUR);
  await observations.registerSegment({ ...at, digest, bytes, observations: requests.length, mirrored: 0, firstEventMs: Math.min(...times), lastEventMs: Math.max(...times), sealedAt: new Date() });
}

async function bringLabels(...hours: number[]): Promise<void> {
  const { deployment } = context;
  const lines = hours.flatMap((hour) => Array.from({ length: ROWS }, (_, row) => `at-${hour}/${row},${row % 2}`));
  const artifact = await store.putBytes(Buffer.from(`prediction_id,label\n${lines.join('\n')}\n`));
  await labels.receive({ actor: 'ann', idempotencyKey: randomUUID(), model: MODEL, deployment, format: 'csv', artifact }, new Date());
}

const ingest = (model: string | null): Promise<unknown> =>
  client.workflow.execute('ingestion', { workflowId: model === null ? SEGMENT_INGESTION_ID : `ingestion/${model}`, taskQueue: TASK_QUEUES.lifecycle, args: [{ inputVersion: 1, model }] });

/** What the deployment's Schedule does. */
const monitor = (deployment = DEPLOYMENT, goesOn: Pick<MonitorDueInput, 'backfill'> = {}): Promise<{ assessed: number; unreadable: string | null }> =>
  client.workflow.execute('monitorDue', { workflowId: monitorScheduleId(MODEL, deployment), taskQueue: TASK_QUEUES.lifecycle, args: [{ inputVersion: 1, model: MODEL, deployment, ...goesOn }] });

/** Observations and labels that wait, and then what they make due. */
async function catchUp(): Promise<void> {
  await ingest(null);
  await monitor();
}

/** Starts what waits, as a worker's loop does, until it is done. */
async function startWhatWaits(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) {
    await starter.pass();
    await sleep(200);
  }
  await client.workflow.getHandle(SEGMENT_INGESTION_ID).result();
}

/** Rows of a version that the registry does not know are judged by nothing. */
async function openDeployment(deployment: string): Promise<ObservationContext> {
  await registry.dataSource.query("INSERT INTO routing (model, deployment, revision, epoch, challengers, weights, salt, paused, changed_at) VALUES ($1, $2, 1, 0, '{}', '{}', 's', false, now())", [MODEL, deployment]);
  return { ...context, deployment, version: 9 };
}

const nothingDue = async (): Promise<boolean> => (await due.next(MODEL, DEPLOYMENT)) === null;

const looks = async (): Promise<string[]> =>
  (await windows.list(MODEL, 100, DEPLOYMENT)).filter(({ look }) => look !== 'drift').map(({ look, fromEvent, untilEvent, verdict, rows }) => `${look} ${fromEvent.toISOString().slice(11, 16)}-${untilEvent.toISOString().slice(11, 16)} ${verdict} ${rows}`).sort();

const delivered = (): { subject: string; data: { kind: string; severity: string; summary: string } }[] => receiver.received.map(({ body }) => JSON.parse(body));

it('each window is looked at when it has closed, and an alarm tells of a bad one until a good one follows', async () => {
  await observe({ hour: 0.1 }, { hour: 0.4, wrong: true }, { hour: 0.9, wrong: true }, { hour: 1.2, speed: NaN }, { hour: 1.8, speed: NaN });
  await observe({ hour: 2.5 }, { hour: 3.2 });
  await bringLabels(0.1, 0.4, 0.9);
  await catchUp();
  expect(await looks()).toEqual(['inputs 00:00-01:00 pass 300', 'inputs 01:00-02:00 fail 200', 'inputs 02:00-03:00 pass 100']);
  expect(delivered()).toMatchObject([{ subject: 'window/2024-01-01T01:00:00.000Z/2024-01-01T02:00:00.000Z', data: { kind: 'windowHarmful', severity: 'warning', summary: expect.stringMatching(/^speed: 100 % of 200 rows have no value/) } }]);
  const [failed] = (await windows.list(MODEL, 10)).filter(({ verdict }) => verdict === 'fail');
  expect(failed).toMatchObject({ specDigest: context.specDigest, labelRevision: 0, summary: { inputRows: 200, loss: null }, findings: [{ check: 'missing', feature: 'speed', measured: 1 }] });
  expect((await alarms.get(failed?.alarmId as string)).end?.reason).toContain('2024-01-01T02:00:00.000Z/2024-01-01T03:00:00.000Z is within the limits again');
}, 60_000);

it('its loss waits for the horizon and for labels that have come, and needs no traffic to be looked at', async () => {
  expect(await nothingDue()).toBe(true);
  receiver.answer(200);
  await ingest(MODEL);
  await monitor();
  expect((await looks()).filter((look) => look.startsWith('loss'))).toEqual(['loss 00:00-01:00 fail 300']);
  const [loss] = (await windows.list(MODEL, 10)).filter(({ look }) => look === 'loss');
  expect(loss).toMatchObject({ labelRevision: 1, checks: 1, summary: { features: [], loss: { rows: 300, mean: expect.closeTo(2 / 3, 9) } } });
  expect(delivered()).toMatchObject([{ data: { kind: 'windowHarmful', severity: 'critical' } }]);
}, 60_000);

it('each look is taken once, and windows without traffic are passed over', async () => {
  const before = await windows.list(MODEL, 100);
  const taken = await looks();
  expect(await nothingDue()).toBe(true);
  await observe({ hour: 6.1 }, { hour: 6.2 });
  receiver.answer(200);
  await catchUp();
  const after = await windows.list(MODEL, 100);
  expect(after.filter(({ checkedAt }) => before.some((one) => one.checkedAt.getTime() === checkedAt.getTime()))).toEqual(before);
  // Nobody brought labels for them: nothing is known of their loss.
  expect((await looks()).filter((look) => !taken.includes(look))).toEqual([
    'inputs 03:00-04:00 pass 100', 'loss 01:00-02:00 inconclusive 200', 'loss 02:00-03:00 inconclusive 100', 'loss 03:00-04:00 inconclusive 100',
  ]);
  expect(await registry.dataSource.query('SELECT 1 FROM window_check')).toHaveLength(after.length);
  await expect(registry.asOwner((owner) => owner.query('DELETE FROM window_check'))).rejects.toThrow(/append-only/);
  expect(delivered()).toEqual([]);
}, 60_000);

it('a window that cannot be read holds up no other deployment, is told of, and is tried again', async () => {
  const [here, east] = [context, await openDeployment('east')];
  context = east;
  await observe({ hour: 0.5 });
  await ingest(null);
  const [file] = await observations.observationFiles({ model: MODEL, deployment: 'east', fromMs: START, untilMs: START + HOUR });
  const path = await store.localPath(file?.digest as string);
  renameSync(path, `${path}.away`);
  await observe({ hour: 1.5 });
  context = here;
  await observe({ hour: 7.5 }, { hour: 7.6 });
  await catchUp();
  receiver.answer(200);
  expect(await monitor('east')).toMatchObject({ assessed: 0, unreadable: expect.stringMatching(/^2024-01-01T00:00.*: ArtifactMissing, /) as string });
  expect(await windows.list(MODEL, 10, 'east')).toEqual([]);
  expect(delivered()).toMatchObject([{ data: { kind: 'windowUnreadable', severity: 'warning', summary: expect.stringMatching(/cannot be assessed, and later ones wait for it: .*tried again/) } }]);
  expect(await looks()).toContain('inputs 06:00-07:00 pass 200');

  renameSync(`${path}.away`, path);
  expect(await monitor('east')).toEqual({ assessed: 1, unreadable: null });
  expect(await windows.list(MODEL, 10, 'east')).toMatchObject([{ look: 'drift', verdict: 'inconclusive' }, { look: 'inputs', verdict: 'pass', rows: ROWS }]);
  expect(await alarms.openOf('windowUnreadable')).toEqual([]);
}, 60_000);

it('a window waits for a gateway that may hold some of it, until its grace ends', async () => {
  const identity = { gateway: 'slow', boot: randomUUID(), url: 'http://127.0.0.1:2' };
  const keptUntil = (minutesAgo: number): Promise<void> =>
    gateways.renew(identity, new Date(), new Date(Date.now() + 60_000), shedding({ shedding: false, keptUntil: new Date(Date.now() - minutesAgo * 60_000).toISOString() }));
  const closed = async (hour: number) => (await assessments.list(MODEL, 100, { deployment: DEPLOYMENT })).filter(({ fromEvent, occasion }) => fromEvent.getTime() === START + hour * HOUR && occasion === 'closed');
  // Event time passed the window's end six minutes ago.
  await observe({ hour: 8.1 });
  await keptUntil(10);
  await catchUp();
  expect(await closed(7)).toEqual([]);
  await keptUntil(1);
  await monitor();
  expect(await closed(7)).toMatchObject([{ rows: 2 * ROWS, headline: { complete: true } }]);

  await observe({ hour: 9.1 });
  await keptUntil(60);
  await catchUp();
  expect(await closed(8)).toEqual([]);
  // Now that was 18 minutes ago; 15 is the longest.
  await observe({ hour: 9.3 });
  await catchUp();
  expect(await closed(8)).toMatchObject([{ rows: ROWS, headline: { complete: false } }]);
  // One that closed with nothing left is waited for no more.
  const now = new Date();
  await gateways.expire(identity, now, shedding({ shedding: false, keptUntil: now.toISOString() }));
}, 60_000);

it('a window waits for segments that are on the record and cannot be read yet', async () => {
  const [before] = await assessments.list(MODEL, 1, { deployment: DEPLOYMENT });
  await observe({ hour: 9.6 }, { hour: 10.1 }, { hour: 10.11 });
  await ingest(null);
  await observe({ hour: 9.7 });
  await monitor();
  expect(await assessments.list(MODEL, 1, { deployment: DEPLOYMENT })).toEqual([before]);
  await catchUp();
  // Both files count: 9.1, 9.3 and what came since.
  expect((await assessments.list(MODEL, 1, { deployment: DEPLOYMENT }))[0]).toMatchObject({ fromEvent: new Date(START + 9 * HOUR), rows: 4 * ROWS, headline: { complete: true } });
}, 60_000);

it('what was found is listed over HTTP, of all deployments or of one', async () => {
  const api = await startApi(readEnvironment({ DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: temporal.address, ARTIFACT_URL: join(folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error' }));
  closing.push(() => api.close());
  const headers = { authorization: `Bearer ${await registry.apiKey('engineer')}` };
  const list = async (query: string) => (await fetch(`${api.url}/v1/models/${MODEL}/windows${query}`, { headers })).json();
  const { items } = windowListSchema.parse(await list('?limit=100'));
  expect(items).toHaveLength((await windows.list(MODEL, 100)).length);
  expect(items.map(({ until }) => until)).toEqual(items.map(({ until }) => until).sort().reverse());
  expect(items.find(({ verdict, look }) => verdict === 'fail' && look === 'loss')).toMatchObject({ deployment: DEPLOYMENT, from: '2024-01-01T00:00:00.000Z', until: '2024-01-01T01:00:00.000Z', labelRevision: 1, alarm: expect.any(String) });
  expect(windowListSchema.parse(await list('?deployment=east')).items).toMatchObject([{ deployment: 'east', look: 'drift' }, { deployment: 'east', verdict: 'pass' }]);
  expect((await fetch(`${api.url}/v1/models/nobody/windows`, { headers })).status).toBe(404);
}, 60_000);

it('a window whose run ended before its assessment is looked at once, and what labels say of one in quarantine is no alarm', async () => {
  const here = context;
  context = await openDeployment('west');
  await serveBaseline(registry, { model: MODEL, specDigest: context.specDigest, deployment: 'west', store, folder });
  await observe({ hour: 0.55, varied: true }, { hour: 1.55, speed: NaN, wrong: true }, { hour: 2.55, varied: true });
  await ingest(null);
  receiver.answer(200);
  const seen = async (): Promise<unknown[]> => [await windows.list(MODEL, 100, 'west'), await windows.listDrift(MODEL, 100, 'west')];
  expect(await monitor('west')).toEqual({ assessed: 2, unreadable: null });
  const found = await seen();
  expect(found[1]).toMatchObject([{ rows: ROWS }, { rows: ROWS }]);
  const [told] = (await alarms.list(10)).filter(({ alarm: { kind, deployment } }) => kind === 'windowHarmful' && deployment === 'west');
  await alarms.end(told!.alarm.id, 'It is known', new Date(), { workflowId: null, runId: null }, 'ann');

  const input = { inputVersion: 1, model: MODEL, deployment: 'west', fromMs: START + HOUR, untilMs: START + 2 * HOUR, occasion: 'closed', revision: 1, specDigest: context.specDigest, tier: 'low', completeness: { complete: true, gateways: 0, behind: [], unconverted: 0 } } as const;
  const again = await client.workflow.start('monitorWindow', { workflowId: monitorWindowWorkflowId(MODEL, 'west', input.fromMs), taskQueue: TASK_QUEUES.lifecycle, args: [input] });
  expect(await again.result()).toMatchObject({ revision: 1 });
  expect(await seen()).toEqual(found);
  expect((await alarms.openOf('windowHarmful')).filter(({ deployment }) => deployment === 'west')).toEqual([]);

  expect(await decisions.quarantined(MODEL, 'west')).toEqual([{ fromMs: START + HOUR, untilMs: START + 2 * HOUR }]);
  await observe({ hour: 4.55, varied: true });
  await bringLabels(0.55, 1.55);
  await ingest(null);
  await ingest(MODEL);
  await monitor('west');
  context = here;
  expect((await windows.list(MODEL, 100, 'west')).filter(({ look }) => look === 'loss').map(({ verdict, summary: { loss } }) => [verdict, loss?.rows])).toEqual([['inconclusive', ROWS], ['pass', ROWS]]);
  expect((await alarms.openOf('windowHarmful')).filter(({ deployment }) => deployment === 'west')).toEqual([]);
}, 120_000);

it('a window is decided over, though the run that assessed it ended before, and so is none that others have followed', async () => {
  const here = context;
  context = await openDeployment('south');
  await observe({ hour: 0.57 }, { hour: 1.57 });
  await ingest(null);
  expect(await monitor('south')).toEqual({ assessed: 1, unreadable: null });
  const [like] = await assessments.list(MODEL, 1, { deployment: 'south' });
  await observe({ hour: 2.57 });
  context = here;
  await ingest(null);
  const window = (await due.next(MODEL, 'south'))!;
  expect(window).toMatchObject({ fromMs: START + HOUR, occasion: 'closed', revision: 1 });
  for (const hour of [-1, 1]) {
    await assessments.add(Object.assign({}, like, { fromEvent: new Date(START + hour * HOUR), untilEvent: new Date(START + (hour + 1) * HOUR) }));
  }
  expect(await due.next(MODEL, 'south')).toEqual(window);
  expect(await monitor('south')).toEqual({ assessed: 1, unreadable: null });
  expect((await decisions.list(MODEL, 10, 'south')).map(({ fromEvent, revision, outcome }) => [fromEvent.getTime(), revision, outcome])).toEqual([[START + HOUR, 1, 'wait'], [START, 1, 'wait']]);
  expect(await due.next(MODEL, 'south')).toBeNull();
  expect(await assessments.list(MODEL, 10, { deployment: 'south' })).toHaveLength(3);
}, 60_000);

it('a backfill that goes on in a new run assesses no window again', async () => {
  const here = context;
  context = await openDeployment('far');
  await observe({ hour: 0.58 }, { hour: 1.58 }, { hour: 2.58 }, { hour: 5.58 });
  context = here;
  await ingest(null);
  expect(await monitor('far')).toMatchObject({ unreadable: null });
  const backfill = { scheduledMs: START + 3 * HOUR, startedMs: Date.now() };
  expect(await monitor('far', { backfill })).toEqual({ assessed: 3, unreadable: null });
  expect(await monitor('far', { backfill })).toEqual({ assessed: 0, unreadable: null });
}, 60_000);

const shedding = (changes: Partial<ObservationLogState> = {}): ObservationLogState => ({ shedding: true, shedObservations: 12, shedMirrored: 0, bytesOnDisk: 9_000, lastError: 'ENOSPC: no space left on device, write', ...changes });

it('a gateway that loses observations raises one alarm, which ends when it keeps them again or is gone', async () => {
  const identity = { gateway: 'north', boot: randomUUID(), url: 'http://127.0.0.1:1' };
  const renew = (log: ObservationLogState | null, forMs = 60_000): Promise<void> => gateways.renew(identity, new Date(), new Date(Date.now() + forMs), log);
  receiver.answer(200);
  await renew(shedding());
  await startWhatWaits(async () => (await alarms.openOf('observationsShed')).length === 1);
  expect(delivered()).toMatchObject([{ subject: 'gateway/north', data: { kind: 'observationsShed', severity: 'critical', summary: expect.stringMatching(/12 observations are lost so far\. ENOSPC.*OBSERVATION_MAX_BYTES/) } }]);
  await renew(shedding({ shedObservations: 40 }));
  await ingest(null);
  expect(await alarms.openOf('observationsShed')).toHaveLength(1);
  expect(receiver.received).toHaveLength(1);

  await renew(shedding({ shedding: false, shedObservations: 40 }));
  await startWhatWaits(async () => (await alarms.openOf('observationsShed')).length === 0);
  const [kept] = await alarms.list(1);
  expect(kept?.end?.reason).toBe('It keeps observations again; 40 were lost since it started');

  await renew(shedding());
  await ingest(null);
  expect(await alarms.openOf('observationsShed')).toHaveLength(1);
  await renew(shedding(), 0);
  await ingest(null);
  expect(await alarms.openOf('observationsShed')).toEqual([]);
}, 60_000);
