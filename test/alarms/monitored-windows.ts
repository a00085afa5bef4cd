import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
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
import { FolderStore } from '../../src/artifacts/folder-store.js';
import { type MonitorDueInput, monitorScheduleId, SEGMENT_INGESTION_ID, TASK_QUEUES } from '../../src/contracts/motion.js';
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

/** JSON is YAML. Windows of an hour, labels two hours later. */
const YAML = JSON.stringify({ ...SPEC, data: { ...SPEC.data, labelHorizon: 'PT2H' }, monitoring: { window: 'PT1H', checkEvery: 'PT3H', maximumLoss: 0.3 } });
export const [MODEL, DEPLOYMENT] = [SPEC.model, 'default'];
export const START = Date.parse('2024-01-01T00:00:00Z');
export const HOUR = 3_600_000;
export const ROWS = 100;

/** A worker's rooms that ingest observations and labels and assess windows, in this process, on a real PostgreSQL, Temporal and webhook receiver; one model, whose requests and labels a test brings. */
export class MonitoredWindows {
  registry!: RegistryServer;
  temporal!: TemporalServer;
  receiver!: Receiver;
  client!: Client;
  folder!: string;
  store!: FolderStore;
  alarms!: AlarmsRepository;
  gateways!: GatewaysRepository;
  private labels!: LabelsRepository;
  observations!: ObservationsRepository;
  windows!: WindowsRepository;
  assessments!: AssessmentsRepository;
  decisions!: RetrainingDecisionsRepository;
  due!: DueWindows;
  private starter!: IngestionStarter;
  /** Whose requests `observe` logs. */
  context!: ObservationContext;
  private readonly closing: (() => Promise<unknown>)[] = [];
  private sequence = 0;
  private segments = 0;

  static async start(): Promise<MonitoredWindows> {
    const rooms = new MonitoredWindows();
    rooms.folder = mkdtempSync(join(tmpdir(), 'perennial-windows-'));
    prepareStateFolder(rooms.folder);
    [rooms.registry, rooms.temporal, rooms.receiver] = await Promise.all([
      startRegistryServer(), startTemporal({ stateDir: rooms.folder, preferredPort: 37_243, preferredUiPort: 38_243, log: () => undefined }), Receiver.start(),
    ]);
    rooms.receiver.answer(200);
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    try {
      await rooms.wire();
    } catch (error) {
      await rooms.stop();
      throw error;
    }
    return rooms;
  }

  async stop(): Promise<void> {
    for (const close of this.closing.reverse()) await close();
    this.receiver.stop();
    await this.temporal.stop();
    await this.registry.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A sealed segment: requests at hours of event time, received now. */
  async observe(...requests: { readonly hour: number; readonly speed?: number; readonly varied?: boolean; readonly wrong?: boolean }[]): Promise<void> {
    const at = { gateway: 'g', boot: 'b', segment: (this.segments += 1) };
    const encoder = new SegmentEncoder();
    encoder.startSegment({ ...at, openedAtMs: 0, writer: { host: 'h', pid: 1, started: null } });
    for (const { hour, speed = 50, varied = false, wrong = false } of requests) {
      encoder.observation({
        context: this.context, sequence: (this.sequence += 1), predictionId: `at-${hour}`, entityKey: null, eventTimeMs: START + hour * HOUR, perRow: null, receivedAtMs: Date.now(), latencyMs: 1, stale: false, rows: ROWS,
        features: Float32Array.from({ length: 2 * ROWS }, (_, index) => (index % 2 === 0 ? speed : varied ? ((index - 1) / 2) % 2 : 1)).map((value, index) => (varied && index % 2 === 0 ? (index * 37) % 101 : value)), unknown: [],
        outputs: Float32Array.from({ length: ROWS }, (_, row) => (wrong ? 1 - (row % 2) : row % 2)), rawOutputs: null, guards: null,
      });
    }
    const { digest, bytes } = await this.store.putBytes(Buffer.from(encoder.view()));
    const times = requests.map(({ hour }) => START + hour * HOUR);
    await this.observations.registerSegment({ ...at, digest, bytes, observations: requests.length, mirrored: 0, firstEventMs: Math.min(...times), lastEventMs: Math.max(...times), sealedAt: new Date() });
  }

  async bringLabels(...hours: number[]): Promise<void> {
    const { deployment } = this.context;
    const lines = hours.flatMap((hour) => Array.from({ length: ROWS }, (_, row) => `at-${hour}/${row},${row % 2}`));
    const artifact = await this.store.putBytes(Buffer.from(`prediction_id,label\n${lines.join('\n')}\n`));
    await this.labels.receive({ actor: 'ann', idempotencyKey: randomUUID(), model: MODEL, deployment, format: 'csv', artifact }, new Date());
  }

  ingest(model: string | null): Promise<unknown> {
    return this.client.workflow.execute('ingestion', { workflowId: model === null ? SEGMENT_INGESTION_ID : `ingestion/${model}`, taskQueue: TASK_QUEUES.lifecycle, args: [{ inputVersion: 1, model }] });
  }

  /** What the deployment's Schedule does. */
  monitor(deployment = DEPLOYMENT, goesOn: Pick<MonitorDueInput, 'backfill'> = {}): Promise<{ assessed: number; unreadable: string | null }> {
    return this.client.workflow.execute('monitorDue', { workflowId: monitorScheduleId(MODEL, deployment), taskQueue: TASK_QUEUES.lifecycle, args: [{ inputVersion: 1, model: MODEL, deployment, ...goesOn }] });
  }

  /** Observations and this.labels that wait, and then what they make this.due. */
  async catchUp(): Promise<void> {
    await this.ingest(null);
    await this.monitor();
  }

  /** Starts what waits, as a worker's loop does, until it is done. */
  async startWhatWaits(done: () => Promise<boolean>): Promise<void> {
    while (!(await done())) {
      await this.starter.pass();
      await sleep(200);
    }
    await this.client.workflow.getHandle(SEGMENT_INGESTION_ID).result();
  }

  /** Rows of a version that the this.registry does not know are judged by nothing. */
  async openDeployment(deployment: string): Promise<ObservationContext> {
    await this.registry.dataSource.query("INSERT INTO routing (model, deployment, revision, epoch, challengers, weights, salt, paused, changed_at) VALUES ($1, $2, 1, 0, '{}', '{}', 's', false, now())", [MODEL, deployment]);
    return { ...this.context, deployment, version: 9 };
  }

  /** The rooms of a worker that the ingestion uses. */
  private async wire(): Promise<void> {
    const { dataSource } = this.registry;
    const [audit, models] = [new AuditLedger(dataSource), new ModelsRepository(dataSource)];
    await dataSource.transaction((manager) => models.apply(manager, YAML, parseSpec(YAML), 'ann', new Date()));
    this.context = {
      model: MODEL, deployment: DEPLOYMENT, revision: 1, epoch: 1, version: 1, role: 'champion', specDigest: parseSpec(YAML).digest, features: ['speed', 'side'], observeInputs: true,
    };
    this.store = new FolderStore(join(this.folder, 'artifacts'));
    const settings = { workDir: join(this.folder, 'work'), driftPartRows: 1_000_000 } as ActivitySettings;
    mkdirSync(settings.workDir);
    const stores = new StoreProvider(this.store);
    [this.alarms, this.gateways, this.labels, this.observations, this.windows] = [new AlarmsRepository(dataSource, audit), new GatewaysRepository(dataSource), new LabelsRepository(dataSource, audit), new ObservationsRepository(dataSource), new WindowsRepository(dataSource)];
    const routing = new RoutingRepository(dataSource, audit);
    const files = new ObservedFiles(this.observations, this.labels, stores);
    const told = new AlarmActivities(this.alarms, models, new AlarmReceiver({ url: this.receiver.url, secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` }, 2_000), settings, stores);
    const watch = new GatewayActivities(this.gateways, this.alarms);
    const converted = new ObservationsActivities(this.observations, models, settings, new PredictionFilters(new PredictionsRepository(dataSource), settings, stores), stores);
    const labelled = new LabelsActivities(this.labels, this.observations, models, new ReleasesRepository(dataSource, audit, routing), files, settings, stores);
    const [retrains, versions] = [new RetrainsRepository(dataSource, audit), new VersionsRepository(dataSource, audit)];
    this.assessments = new AssessmentsRepository(dataSource);
    this.due = new DueWindows(this.assessments, this.observations, this.labels, models, new WindowClosings(this.gateways, this.observations), new LateRows(this.assessments, this.observations));
    const commands = new CommandsRepository(dataSource, audit);
    this.decisions = new RetrainingDecisionsRepository(dataSource, commands, retrains, audit);
    const reports = new MonitoringReports(this.assessments, this.windows, this.decisions, stores);
    const sources = new WindowSources(this.assessments, this.labels, files);
    const drift = new DriftActivities(models, this.windows, sources, new DriftBaselines(models, retrains, routing, versions, this.windows, settings, stores), reports);
    const memories = new HarmMemories(this.assessments, this.decisions, this.alarms, routing);
    const weighing = new RetrainingDecisions(reports, memories, this.decisions, models, retrains, new TrainingRepository(dataSource, audit), versions);
    const judged = new JudgedVersions(models, retrains, versions, settings, stores);
    const operations = new WindowOperations(new ServingRepository(dataSource), new GatewaySamplesRepository(dataSource), this.assessments);
    const checks = new WindowsActivities(models, this.windows, this.alarms, sources, memories, settings);
    const estimates = new WindowEstimates(new LabelFreeBaselines(new LabelFreeBaselinesRepository(dataSource), judged, new LossModelTrainer(settings, stores), stores), memories, settings, stores);
    const measurements = new WindowMeasurements(memories, reports, models, new ChampionBaselines(this.assessments, judged, stores), new ServedWindows(files, settings), operations, estimates);
    const monitoring = new MonitoringActivities(this.due, this.assessments, new WindowAlarms(this.assessments, this.alarms), this.labels, files, measurements, stores);
    const retraining = new RetrainingActivities(weighing, this.assessments, this.decisions, this.alarms, new CommandDispatcher(this.client, commands), stores);
    await this.work({
      lifecycle: { checkGateways: watch.checkGateways.bind(watch), deliverAlarms: told.deliverAlarms.bind(told), releaseWorkflows: labelled.releaseWorkflows.bind(labelled), nextWindow: monitoring.nextWindow.bind(monitoring), nextBackfilledWindow: monitoring.nextBackfilledWindow.bind(monitoring), tellUnreadable: monitoring.tellUnreadable.bind(monitoring) },
      data: { convertSegments: converted.convertSegments.bind(converted), ingestLabels: labelled.ingestLabels.bind(labelled), checkWindow: checks.checkWindow.bind(checks), compareWindow: drift.compareWindow.bind(drift), assessWindow: monitoring.assessWindow.bind(monitoring), decideRetraining: retraining.decideRetraining.bind(retraining) },
    });
    this.starter = new IngestionStarter(this.client, this.labels, this.observations, [{ everyMs: 0, isDue: () => watch.isDue() }]);
  }

  private async work(activities: Record<'lifecycle' | 'data', object>): Promise<void> {
    const [connection, native] = [await Connection.connect({ address: this.temporal.address }), await NativeConnection.connect({ address: this.temporal.address })];
    this.client = new Client({ connection });
    const workflowBundle = await bundleWorkflows();
    const workers = await Promise.all((['lifecycle', 'data'] as const).map((queue) => Worker.create({
      connection: native, taskQueue: TASK_QUEUES[queue], activities: activities[queue], ...(queue === 'lifecycle' ? { workflowBundle } : {}),
      interceptors: { activity: [() => ({ inbound: new FailureInterceptor() })] },
    })));
    const running = Promise.all(workers.map((worker) => worker.run()));
    this.closing.push(async () => {
      for (const worker of workers) worker.shutdown();
      await running;
      await native.close();
      await connection.close();
    });
  }
}
