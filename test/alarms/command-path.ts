import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { AlarmActivities } from '../../activities/alarms.activities.js';
import { FailureInterceptor } from '../../activities/failure-interceptor.js';
import { activitiesOf } from '../../activities/index.js';
import { ReconcileActivities } from '../../activities/reconcile.activities.js';
import { RegistryActivities } from '../../activities/registry.activities.js';
import { type RunningApi, startApi } from '../../src/api/api.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { type Environment, readEnvironment } from '../../src/config/environment.js';
import { requireServers } from '../../src/config/servers.js';
import { RECONCILE_SCHEDULE_ID, TASK_QUEUES } from '../../src/contracts/motion.js';
import { SPEC } from '../../src/data/data-fixture.js';
import { prepareStateFolder } from '../../src/embedded/state-folder.js';
import { startTemporal, type TemporalServer } from '../../src/embedded/temporal-server.js';
import { AlarmsRepository } from '../../src/registry/alarms.repository.js';
import type { AuditEntry } from '../../src/registry/entities/audit-entry.entity.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { providersOf } from '../../src/worker/worker.js';
import { WorkerModule } from '../../src/worker/worker.module.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { bundleWorkflows } from '../workflow-bundle.js';
import { Receiver } from './receiver.js';

export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const SPEC_DIGEST = parseSpec(JSON.stringify(SPEC)).digest;

export interface HttpAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** The way of a command about alarms: API, record, Temporal, a worker of the queue `lifecycle`, and a receiver of alarms. */
export class CommandPath {
  private readonly closing: (() => Promise<unknown>)[] = [];
  private api!: RunningApi;
  private client!: Client;
  /** The rooms of the worker. */
  rooms!: INestApplicationContext;
  private key!: string;
  readonly audit: AuditLedger;
  readonly alarms: AlarmsRepository;

  private constructor(
    private readonly folder: string,
    readonly registry: RegistryServer,
    private readonly temporal: TemporalServer,
    readonly receiver: Receiver,
  ) {
    this.audit = new AuditLedger(registry.dataSource);
    this.alarms = new AlarmsRepository(registry.dataSource, this.audit);
  }

  /** With the model of the data fixture, and a receiver that takes everything. @param whole whether stages and their workflows do their part on the queue */
  static async start(whole = false): Promise<CommandPath> {
    const folder = mkdtempSync(join(tmpdir(), 'perennial-alarm-commands-'));
    prepareStateFolder(folder);
    mkdirSync(join(folder, 'work'));
    const temporal = startTemporal({ stateDir: folder, preferredPort: 37_253, preferredUiPort: 38_253, log: () => undefined });
    const path = new CommandPath(folder, ...(await Promise.all([startRegistryServer(), temporal, Receiver.start()])));
    await path.open(whole);
    return path;
  }

  private async open(whole: boolean): Promise<void> {
    const { registry, temporal, receiver, folder } = this;
    const { dataSource, databaseUrl } = registry;
    const yaml = JSON.stringify(SPEC);
    await dataSource.transaction((manager) => new ModelsRepository(dataSource).apply(manager, yaml, parseSpec(yaml), 'ann', new Date()));
    receiver.answer(200);
    this.key = await registry.apiKey('engineer');
    const environment = readEnvironment({
      DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: temporal.address, ARTIFACT_URL: join(folder, 'artifacts'), WORK_DIR: join(folder, 'work'), API_PORT: '0', LOG_LEVEL: 'error',
      ALARM_WEBHOOK_URL: receiver.url, ALARM_WEBHOOK_SECRET: SECRET,
    });
    this.api = await startApi(environment);
    this.closing.push(() => this.api.close());
    await this.work(environment, whole);
  }

  /** Put together as the role does it. */
  private async work(environment: Environment, whole: boolean): Promise<void> {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    const context = await NestFactory.createApplicationContext(WorkerModule.forEnvironment(requireServers(environment)), { logger: ['error'] });
    this.rooms = context;
    const [commands, reconciling, alarms] = [context.get(RegistryActivities), context.get(ReconcileActivities), context.get(AlarmActivities)];
    const { address } = this.temporal;
    const [connection, native] = [await Connection.connect({ address }), await NativeConnection.connect({ address })];
    this.client = new Client({ connection });
    const worker = await Worker.create({
      connection: native, taskQueue: TASK_QUEUES.lifecycle,
      workflowBundle: await bundleWorkflows(),
      activities: whole ? activitiesOf(providersOf(context)).lifecycle : {
        handleCommand: commands.handleCommand.bind(commands), readModelStatus: commands.readModelStatus.bind(commands), beginRetrain: commands.beginRetrain.bind(commands),
        reconcileMotion: reconciling.reconcileMotion.bind(reconciling), sendTestAlarm: alarms.sendTestAlarm.bind(alarms),
      },
      interceptors: { activity: [() => ({ inbound: new FailureInterceptor() })] },
    });
    const running = worker.run();
    this.closing.push(async () => {
      worker.shutdown();
      await running;
      await Promise.all([native.close(), connection.close(), context.close()]);
    });
  }

  async stop(): Promise<void> {
    for (const close of this.closing.reverse()) await close();
    this.receiver.stop();
    await this.temporal.stop();
    await this.registry.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What the Schedule of reconciliation does every five minutes. */
  reconcile(): Promise<unknown> {
    return this.client.workflow.execute('reconcile', { workflowId: RECONCILE_SCHEDULE_ID, taskQueue: TASK_QUEUES.lifecycle, args: [] });
  }

  /** Once it has closed. */
  resultOf(workflowId: string): Promise<unknown> {
    return this.client.workflow.getHandle(workflowId).result();
  }

  async get(path: string): Promise<HttpAnswer> {
    return answerOf(await fetch(this.api.url + path, { headers: { authorization: `Bearer ${this.key}` } }));
  }

  async post(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    const sent = { authorization: `Bearer ${this.key}`, 'content-type': 'application/json', ...headers };
    return answerOf(await fetch(this.api.url + path, { method: 'POST', headers: sent, body: JSON.stringify(body) }));
  }

  /** @returns the exit code, a space, and all that was printed */
  async cli(...args: string[]): Promise<string> {
    const terminal = new RecordedTerminal({ columns: 200 });
    const code = await runCli(args, readEnvironment({ API_URL: this.api.url, PERENNIAL_API_KEY: this.key, STATE_DIR: this.folder }), 'main.js', terminal);
    return `${code} ${terminal.stdout}${terminal.stderr}`;
  }

  async entriesOf(subject: string): Promise<AuditEntry[]> {
    return (await this.audit.list(SPEC.model, 0, 500)).filter((entry) => entry.subject === subject);
  }
}

const answerOf = async (response: Response): Promise<HttpAnswer> => ({ status: response.status, body: (await response.json()) as Record<string, unknown> });
