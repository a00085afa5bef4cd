import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AlarmReceiver } from '../../activities/alarm-receiver.js';
import { AlarmActivities } from '../../activities/alarms.activities.js';
import type { ActivitySettings } from '../../activities/activity-settings.js';
import { FailureInterceptor } from '../../activities/failure-interceptor.js';
import { StoreProvider } from '../../activities/store-provider.js';
import { refusalOf } from '../../src/alarms/signature.js';
import { FolderStore } from '../../src/artifacts/folder-store.js';
import type { AlarmNotice, MonitoringProof } from '../../src/contracts/alarms.js';
import { startTemporal, type TemporalServer } from '../../src/embedded/temporal-server.js';
import { prepareStateFolder } from '../../src/embedded/state-folder.js';
import { AlarmsRepository } from '../../src/registry/alarms.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { ModelsRepository } from '../../src/registry/models.repository.js';
import { parseSpec } from '../../src/spec/parse-spec.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';
import { Receiver } from './receiver.js';
import type { prove, raiseAndDeliver } from './alarm-path.workflow.js';

const YAML = readFileSync(join(import.meta.dirname, '../../models/flight-delay/model.yaml'), 'utf8');
/** Inputs are not kept and no loss is limited, so that nothing is watched. */
const UNWATCHED = YAML.replace('model: flight-delay', 'model: unwatched').replace('\nrollout:', '\nserving: { observe: { inputs: false } }\nrollout:');
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const QUEUE = 'alarm-path';
const lines: string[] = [];

let registry: RegistryServer;
let temporal: TemporalServer;
let receiver: Receiver;
let alarms: AlarmsRepository;
let client: Client;
let folder: string;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-alarms-'));
  prepareStateFolder(folder);
  [registry, temporal, receiver] = await Promise.all([
    startRegistryServer(), startTemporal({ stateDir: folder, preferredPort: 37_233, preferredUiPort: 38_233, log: () => undefined }), Receiver.start(),
  ]);
  const models = new ModelsRepository(registry.dataSource);
  for (const yaml of [YAML, UNWATCHED]) await registry.dataSource.transaction((manager) => models.apply(manager, yaml, parseSpec(yaml), 'ann', new Date()));
  alarms = new AlarmsRepository(registry.dataSource, new AuditLedger(registry.dataSource));
  const connection = await Connection.connect({ address: temporal.address });
  client = new Client({ connection });
  closing.push(() => connection.close());
  Runtime.install({ logger: new DefaultLogger('DEBUG', ({ message, meta }) => lines.push(`${message} ${describeMeta(meta)}`)) });
  await startActivities(QUEUE, new AlarmReceiver({ url: receiver.url, secret: SECRET }, 300), models);
  await startActivities('nobody-told', new AlarmReceiver(null), models);
}, 120_000);

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  receiver?.stop();
  await temporal?.stop();
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

async function startActivities(taskQueue: string, to: AlarmReceiver, models: ModelsRepository): Promise<void> {
  const settings = { workDir: join(folder, 'work') } as ActivitySettings;
  const activities = new AlarmActivities(alarms, models, to, settings, new StoreProvider(new FolderStore(join(folder, 'artifacts'))));
  const connection = await NativeConnection.connect({ address: temporal.address });
  const worker = await Worker.create({
    connection, taskQueue, workflowsPath: join(import.meta.dirname, 'alarm-path.workflow.ts'),
    activities: { raiseAlarm: activities.raiseAlarm.bind(activities), deliverAlarms: activities.deliverAlarms.bind(activities), proveMonitoring: activities.proveMonitoring.bind(activities) },
    interceptors: { activity: [() => ({ inbound: new FailureInterceptor() })] },
  });
  const running = worker.run();
  closing.push(async () => {
    worker.shutdown();
    await running;
    await connection.close();
  });
}

let runs = 0;
/** Runs a workflow. @returns what it gave, and all that Temporal keeps of it as text */
async function run<T>(type: string, args: unknown[], taskQueue = QUEUE): Promise<{ result: T | undefined; failure: { type: string; message: string } | undefined; history: string }> {
  const handle = await client.workflow.start<typeof prove | typeof raiseAndDeliver>(type, { taskQueue, workflowId: `alarm-path/${++runs}`, args: args as never });
  let [result, failure]: [unknown, { type: string; message: string } | undefined] = [undefined, undefined];
  try {
    result = await handle.result();
  } catch (error) {
    const cause = (error as { cause: { cause: { type: string; message: string } } }).cause.cause;
    failure = { type: cause.type, message: cause.message };
  }
  return { result: result as T, failure, history: textOf(await handle.fetchHistory()) };
}

/** Strings of a history, those inside payloads too. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString('utf8')}\n`;
  if (value === null || typeof value !== 'object') return `${String(value)}\n`;
  return Object.values(value).map(textOf).join('');
}

const describeMeta = (meta: unknown): string => {
  try {
    return JSON.stringify(meta, (_key, value: unknown) => (value instanceof Error ? `${value.stack ?? ''} ${String(value.cause)}` : typeof value === 'bigint' ? String(value) : value)) ?? '';
  } catch {
    return '';
  }
};

const notice = (dedupKey: string): AlarmNotice => ({
  kind: 'observationsShed', severity: 'critical', model: null, deployment: null, subject: 'gateway/a', dedupKey, summary: 'The gateway cannot keep its log', details: {}, test: false,
});

describe('the proof that monitoring works', () => {
  it('passes when the alarm of a bad window has arrived, and stands', async () => {
    receiver.answer(204);
    const { result, history } = await run<MonitoringProof>('prove', ['flight-delay', 'release/1/canary/5', { release: 1, step: 'canary/5' }]);
    expect(result?.findings.length).toBeGreaterThan(5);
    expect(Date.parse(result?.arrivedAt as string)).toBeGreaterThanOrEqual(Date.parse(result?.sentAt as string));
    const [{ headers, body }] = receiver.received as [{ headers: Record<string, string>; body: string }];
    expect(refusalOf(SECRET, { 'webhook-id': headers['webhook-id'], 'webhook-timestamp': headers['webhook-timestamp'], 'webhook-signature': headers['webhook-signature'] }, body, new Date())).toBeUndefined();
    expect(JSON.parse(body)).toMatchObject({ id: result?.alarmId, test: true, type: 'perennial.alarm.raised', data: { kind: 'windowHarmful', model: 'flight-delay' } });
    expect(readFileSync(await new FolderStore(join(folder, 'artifacts')).localPath(result?.windowDigest as string)).subarray(0, 4).toString()).toBe('PAR1');
    expect(await alarms.get(result?.alarmId as string)).toMatchObject({ alarm: { test: true }, delivery: { attempts: 1, lastStatus: 204 }, end: { reason: 'The test alarm arrived' } });
    expect(history).toContain('windowDigest');

    receiver.answer(500);
    expect((await run('prove', ['flight-delay', 'release/1/canary/5', { release: 1, step: 'canary/5' }])).result).toEqual(result);
    expect(receiver.received).toEqual([]);
  });

  it('is tried until the receiver takes it, as one alarm', async () => {
    receiver.answer(500, 302, null, 200);
    const { result } = await run<MonitoringProof>('prove', ['flight-delay', 'release/2/shadow', { release: 2, step: 'shadow' }]);
    expect(receiver.received).toHaveLength(4);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([result?.alarmId]));
    expect((await alarms.get(result?.alarmId as string)).delivery).toMatchObject({ attempts: 4, lastStatus: 200 });
  });

  it.each([
    ['answers 500', 500, /did not arrive: the receiver answered 500/],
    ['redirects', 302, /did not arrive: .* redirect, which is not followed; set ALARM_WEBHOOK_URL/],
    ['refuses the signature', 401, /same ALARM_WEBHOOK_SECRET/],
    ['hangs', null, /no answer within 300 ms/],
  ])('fails when the receiver %s, and says how to mend it', async (_, status, says) => {
    receiver.answer(status);
    const { failure } = await run('prove', ['flight-delay', `failing/${String(status)}`, { release: null, step: null }]);
    expect(failure).toEqual({ type: 'MonitoringNotOperational', message: expect.stringMatching(says) });
    expect(await alarms.findProof({ model: 'flight-delay', deployment: 'default', proofKey: `failing/${String(status)}` })).toBeNull();
  });

  it('fails when no receiver is set', async () => {
    const { failure } = await run('prove', ['flight-delay', 'nobody', { release: null, step: null }], 'nobody-told');
    expect(failure).toEqual({ type: 'MonitoringNotOperational', message: expect.stringMatching(/no receiver of alarms is set; set ALARM_WEBHOOK_URL/) });
  });

  it('fails for a model of which nothing is watched', async () => {
    receiver.answer(200);
    const { failure } = await run('prove', ['unwatched', 'any', { release: null, step: null }]);
    expect(failure).toEqual({ type: 'MonitoringNotOperational', message: expect.stringMatching(/no limit that a window could break; .*monitoring.maximumLoss/) });
    expect(receiver.received).toEqual([]);
  });
});

describe('an alarm', () => {
  it('is sent until it arrives, and then no more', async () => {
    receiver.answer(503, 200);
    expect((await run<number>('raiseAndDeliver', [notice('shed/a')])).result).toBe(1);
    expect(receiver.received).toHaveLength(2);
    expect((await run<number>('raiseAndDeliver', [notice('shed/a')])).result).toBe(0);
    expect(receiver.received).toHaveLength(2);
  });

  it('that the receiver does not take holds up no other', async () => {
    await alarms.raise(notice('refused'), new Date(0), { workflowId: null, runId: null });
    receiver.answer(400, 200);
    expect((await run<number>('raiseAndDeliver', [notice('taken')])).result).toBe(1);
    expect(await alarms.undelivered(10, new Date())).toEqual([]);
    expect(receiver.received).toHaveLength(3);
  });

  it('that never arrives fails as undelivered and stays on the record', async () => {
    receiver.answer(500);
    expect((await run('raiseAndDeliver', [notice('lost')])).failure).toEqual({ type: 'AlarmUndelivered', message: expect.stringMatching(/answered 500/) });
    expect(await alarms.undelivered(10, new Date())).toMatchObject([{ dedupKey: 'lost' }]);
  });
});

describe('the secret and the address', () => {
  it('are in no history, no log line, no message and no table', async () => {
    receiver.answer(500, null, 200);
    const { history } = await run('raiseAndDeliver', [notice('secrecy')]);
    const tables = await Promise.all(['alarm', 'alarm_delivery', 'monitoring_proof', 'audit_entry'].map(async (table) => textOf(await registry.dataSource.query(`SELECT * FROM ${table}`))));
    expect(lines.some((line) => line.includes('Alarms wait to be delivered'))).toBe(true);
    for (const text of [history, lines.join('\n'), JSON.stringify(receiver.received), ...tables]) {
      expect(text.length).toBeGreaterThan(100);
      expect(text).not.toContain(SECRET.slice(6));
      expect(text).not.toContain('hidden-path');
    }
  });
});
