import { randomUUID } from 'node:crypto';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startApi } from '../../src/api/api.js';
import { windowListSchema } from '../../src/api/windows/windows.dto.js';
import { readEnvironment } from '../../src/config/environment.js';
import { monitorWindowWorkflowId, TASK_QUEUES } from '../../src/contracts/motion.js';
import type { ObservationLogState } from '../../src/contracts/observation-log.js';
import { DEPLOYMENT, HOUR, MODEL, MonitoredWindows, ROWS, START } from './monitored-windows.js';
import { serveBaseline } from './served-baseline.js';

let rooms: MonitoredWindows;
let registry: MonitoredWindows['registry'];
let receiver: MonitoredWindows['receiver'];
let client: MonitoredWindows['client'];
let store: MonitoredWindows['store'];
let alarms: MonitoredWindows['alarms'];
let gateways: MonitoredWindows['gateways'];
let observations: MonitoredWindows['observations'];
let windows: MonitoredWindows['windows'];
let assessments: MonitoredWindows['assessments'];
let decisions: MonitoredWindows['decisions'];
let due: MonitoredWindows['due'];

beforeAll(async () => {
  rooms = await MonitoredWindows.start();
  ({ registry, receiver, client, store, alarms, gateways, observations, windows, assessments, decisions, due } = rooms);
}, 120_000);

afterAll(() => rooms?.stop(), 60_000);

const nothingDue = async (): Promise<boolean> => (await due.next(MODEL, DEPLOYMENT)) === null;

const looks = async (): Promise<string[]> =>
  (await windows.list(MODEL, 100, DEPLOYMENT)).filter(({ look }) => look !== 'drift').map(({ look, fromEvent, untilEvent, verdict, rows }) => `${look} ${fromEvent.toISOString().slice(11, 16)}-${untilEvent.toISOString().slice(11, 16)} ${verdict} ${rows}`).sort();

const delivered = (): { subject: string; data: { kind: string; severity: string; summary: string } }[] => receiver.received.map(({ body }) => JSON.parse(body));

it('each window is looked at when it has closed, and an alarm tells of a bad one until a good one follows', async () => {
  await rooms.observe({ hour: 0.1 }, { hour: 0.4, wrong: true }, { hour: 0.9, wrong: true }, { hour: 1.2, speed: NaN }, { hour: 1.8, speed: NaN });
  await rooms.observe({ hour: 2.5 }, { hour: 3.2 });
  await rooms.bringLabels(0.1, 0.4, 0.9);
  await rooms.catchUp();
  expect(await looks()).toEqual(['inputs 00:00-01:00 pass 300', 'inputs 01:00-02:00 fail 200', 'inputs 02:00-03:00 pass 100']);
  expect(delivered()).toMatchObject([{ subject: 'window/2024-01-01T01:00:00.000Z/2024-01-01T02:00:00.000Z', data: { kind: 'windowHarmful', severity: 'warning', summary: expect.stringMatching(/^speed: 100 % of 200 rows have no value/) } }]);
  const [failed] = (await windows.list(MODEL, 10)).filter(({ verdict }) => verdict === 'fail');
  expect(failed).toMatchObject({ specDigest: rooms.context.specDigest, labelRevision: 0, summary: { inputRows: 200, loss: null }, findings: [{ check: 'missing', feature: 'speed', measured: 1 }] });
  expect((await alarms.get(failed?.alarmId as string)).end?.reason).toContain('2024-01-01T02:00:00.000Z/2024-01-01T03:00:00.000Z is within the limits again');
}, 60_000);

it('its loss waits for the horizon and for labels that have come, and needs no traffic to be looked at', async () => {
  expect(await nothingDue()).toBe(true);
  receiver.answer(200);
  await rooms.ingest(MODEL);
  await rooms.monitor();
  expect((await looks()).filter((look) => look.startsWith('loss'))).toEqual(['loss 00:00-01:00 fail 300']);
  const [loss] = (await windows.list(MODEL, 10)).filter(({ look }) => look === 'loss');
  expect(loss).toMatchObject({ labelRevision: 1, checks: 1, summary: { features: [], loss: { rows: 300, mean: expect.closeTo(2 / 3, 9) } } });
  expect(delivered()).toMatchObject([{ data: { kind: 'windowHarmful', severity: 'critical' } }]);
}, 60_000);

it('each look is taken once, and windows without traffic are passed over', async () => {
  const before = await windows.list(MODEL, 100);
  const taken = await looks();
  expect(await nothingDue()).toBe(true);
  await rooms.observe({ hour: 6.1 }, { hour: 6.2 });
  receiver.answer(200);
  await rooms.catchUp();
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
  const [here, east] = [rooms.context, await rooms.openDeployment('east')];
  rooms.context = east;
  await rooms.observe({ hour: 0.5 });
  await rooms.ingest(null);
  const [file] = await observations.observationFiles({ model: MODEL, deployment: 'east', fromMs: START, untilMs: START + HOUR });
  const path = await store.localPath(file?.digest as string);
  renameSync(path, `${path}.away`);
  await rooms.observe({ hour: 1.5 });
  rooms.context = here;
  await rooms.observe({ hour: 7.5 }, { hour: 7.6 });
  await rooms.catchUp();
  receiver.answer(200);
  expect(await rooms.monitor('east')).toMatchObject({ assessed: 0, unreadable: expect.stringMatching(/^2024-01-01T00:00.*: ArtifactMissing, /) as string });
  expect(await windows.list(MODEL, 10, 'east')).toEqual([]);
  expect(delivered()).toMatchObject([{ data: { kind: 'windowUnreadable', severity: 'warning', summary: expect.stringMatching(/cannot be assessed, and later ones wait for it: .*tried again/) } }]);
  expect(await looks()).toContain('inputs 06:00-07:00 pass 200');

  renameSync(`${path}.away`, path);
  expect(await rooms.monitor('east')).toEqual({ assessed: 1, unreadable: null });
  expect(await windows.list(MODEL, 10, 'east')).toMatchObject([{ look: 'drift', verdict: 'inconclusive' }, { look: 'inputs', verdict: 'pass', rows: ROWS }]);
  expect(await alarms.openOf('windowUnreadable')).toEqual([]);
}, 60_000);

it('a window waits for a gateway that may hold some of it, until its grace ends', async () => {
  const identity = { gateway: 'slow', boot: randomUUID(), url: 'http://127.0.0.1:2' };
  const keptUntil = (minutesAgo: number): Promise<void> =>
    gateways.renew(identity, new Date(), new Date(Date.now() + 60_000), shedding({ shedding: false, keptUntil: new Date(Date.now() - minutesAgo * 60_000).toISOString() }));
  const closed = async (hour: number) => (await assessments.list(MODEL, 100, { deployment: DEPLOYMENT })).filter(({ fromEvent, occasion }) => fromEvent.getTime() === START + hour * HOUR && occasion === 'closed');
  // Event time passed the window's end six minutes ago.
  await rooms.observe({ hour: 8.1 });
  await keptUntil(10);
  await rooms.catchUp();
  expect(await closed(7)).toEqual([]);
  await keptUntil(1);
  await rooms.monitor();
  expect(await closed(7)).toMatchObject([{ rows: 2 * ROWS, headline: { complete: true } }]);

  await rooms.observe({ hour: 9.1 });
  await keptUntil(60);
  await rooms.catchUp();
  expect(await closed(8)).toEqual([]);
  // Now that was 18 minutes ago; 15 is the longest.
  await rooms.observe({ hour: 9.3 });
  await rooms.catchUp();
  expect(await closed(8)).toMatchObject([{ rows: ROWS, headline: { complete: false } }]);
  // One that closed with nothing left is waited for no more.
  const now = new Date();
  await gateways.expire(identity, now, shedding({ shedding: false, keptUntil: now.toISOString() }));
}, 60_000);

it('a window waits for segments that are on the record and cannot be read yet', async () => {
  const [before] = await assessments.list(MODEL, 1, { deployment: DEPLOYMENT });
  await rooms.observe({ hour: 9.6 }, { hour: 10.1 }, { hour: 10.11 });
  await rooms.ingest(null);
  await rooms.observe({ hour: 9.7 });
  await rooms.monitor();
  expect(await assessments.list(MODEL, 1, { deployment: DEPLOYMENT })).toEqual([before]);
  await rooms.catchUp();
  // Both files count: 9.1, 9.3 and what came since.
  expect((await assessments.list(MODEL, 1, { deployment: DEPLOYMENT }))[0]).toMatchObject({ fromEvent: new Date(START + 9 * HOUR), rows: 4 * ROWS, headline: { complete: true } });
}, 60_000);

it('what was found is listed over HTTP, of all deployments or of one', async () => {
  const api = await startApi(readEnvironment({ DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: rooms.temporal.address, ARTIFACT_URL: join(rooms.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error' }));
  onTestFinished(() => api.close());
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
  const here = rooms.context;
  rooms.context = await rooms.openDeployment('west');
  await serveBaseline(registry, { model: MODEL, specDigest: rooms.context.specDigest, deployment: 'west', store, folder: rooms.folder });
  await rooms.observe({ hour: 0.55, varied: true }, { hour: 1.55, speed: NaN, wrong: true }, { hour: 2.55, varied: true });
  await rooms.ingest(null);
  receiver.answer(200);
  const seen = async (): Promise<unknown[]> => [await windows.list(MODEL, 100, 'west'), await windows.listDrift(MODEL, 100, 'west')];
  expect(await rooms.monitor('west')).toEqual({ assessed: 2, unreadable: null });
  const found = await seen();
  expect(found[1]).toMatchObject([{ rows: ROWS }, { rows: ROWS }]);
  const [told] = (await alarms.list(10)).filter(({ alarm: { kind, deployment } }) => kind === 'windowHarmful' && deployment === 'west');
  await alarms.end(told!.alarm.id, 'It is known', new Date(), { workflowId: null, runId: null }, 'ann');

  const input = { inputVersion: 1, model: MODEL, deployment: 'west', fromMs: START + HOUR, untilMs: START + 2 * HOUR, occasion: 'closed', revision: 1, specDigest: rooms.context.specDigest, tier: 'low', completeness: { complete: true, gateways: 0, behind: [], unconverted: 0 } } as const;
  const again = await client.workflow.start('monitorWindow', { workflowId: monitorWindowWorkflowId(MODEL, 'west', input.fromMs), taskQueue: TASK_QUEUES.lifecycle, args: [input] });
  expect(await again.result()).toMatchObject({ revision: 1 });
  expect(await seen()).toEqual(found);
  expect((await alarms.openOf('windowHarmful')).filter(({ deployment }) => deployment === 'west')).toEqual([]);

  expect(await decisions.quarantined(MODEL, 'west')).toEqual([{ fromMs: START + HOUR, untilMs: START + 2 * HOUR }]);
  await rooms.observe({ hour: 4.55, varied: true });
  await rooms.bringLabels(0.55, 1.55);
  await rooms.ingest(null);
  await rooms.ingest(MODEL);
  await rooms.monitor('west');
  rooms.context = here;
  expect((await windows.list(MODEL, 100, 'west')).filter(({ look }) => look === 'loss').map(({ verdict, summary: { loss } }) => [verdict, loss?.rows])).toEqual([['inconclusive', ROWS], ['pass', ROWS]]);
  expect((await alarms.openOf('windowHarmful')).filter(({ deployment }) => deployment === 'west')).toEqual([]);
}, 120_000);

it('a window is decided over, though the run that assessed it ended before, and so is none that others have followed', async () => {
  const here = rooms.context;
  rooms.context = await rooms.openDeployment('south');
  await rooms.observe({ hour: 0.57 }, { hour: 1.57 });
  await rooms.ingest(null);
  expect(await rooms.monitor('south')).toEqual({ assessed: 1, unreadable: null });
  const [like] = await assessments.list(MODEL, 1, { deployment: 'south' });
  await rooms.observe({ hour: 2.57 });
  rooms.context = here;
  await rooms.ingest(null);
  const window = (await due.next(MODEL, 'south'))!;
  expect(window).toMatchObject({ fromMs: START + HOUR, occasion: 'closed', revision: 1 });
  for (const hour of [-1, 1]) {
    await assessments.add(Object.assign({}, like, { fromEvent: new Date(START + hour * HOUR), untilEvent: new Date(START + (hour + 1) * HOUR) }));
  }
  expect(await due.next(MODEL, 'south')).toEqual(window);
  expect(await rooms.monitor('south')).toEqual({ assessed: 1, unreadable: null });
  expect((await decisions.list(MODEL, 10, 'south')).map(({ fromEvent, revision, outcome }) => [fromEvent.getTime(), revision, outcome])).toEqual([[START + HOUR, 1, 'wait'], [START, 1, 'wait']]);
  expect(await due.next(MODEL, 'south')).toBeNull();
  expect(await assessments.list(MODEL, 10, { deployment: 'south' })).toHaveLength(3);
}, 60_000);

it('a backfill that goes on in a new run assesses no window again', async () => {
  const here = rooms.context;
  rooms.context = await rooms.openDeployment('far');
  await rooms.observe({ hour: 0.58 }, { hour: 1.58 }, { hour: 2.58 }, { hour: 5.58 });
  rooms.context = here;
  await rooms.ingest(null);
  expect(await rooms.monitor('far')).toMatchObject({ unreadable: null });
  const backfill = { scheduledMs: START + 3 * HOUR, startedMs: Date.now() };
  expect(await rooms.monitor('far', { backfill })).toEqual({ assessed: 3, unreadable: null });
  expect(await rooms.monitor('far', { backfill })).toEqual({ assessed: 0, unreadable: null });
}, 60_000);

const shedding = (changes: Partial<ObservationLogState> = {}): ObservationLogState => ({ shedding: true, shedObservations: 12, shedMirrored: 0, bytesOnDisk: 9_000, lastError: 'ENOSPC: no space left on device, write', ...changes });

it('a gateway that loses observations raises one alarm, which ends when it keeps them again or is gone', async () => {
  const identity = { gateway: 'north', boot: randomUUID(), url: 'http://127.0.0.1:1' };
  const renew = (log: ObservationLogState | null, forMs = 60_000): Promise<void> => gateways.renew(identity, new Date(), new Date(Date.now() + forMs), log);
  receiver.answer(200);
  await renew(shedding());
  await rooms.startWhatWaits(async () => (await alarms.openOf('observationsShed')).length === 1);
  expect(delivered()).toMatchObject([{ subject: 'gateway/north', data: { kind: 'observationsShed', severity: 'critical', summary: expect.stringMatching(/12 observations are lost so far\. ENOSPC.*OBSERVATION_MAX_BYTES/) } }]);
  await renew(shedding({ shedObservations: 40 }));
  await rooms.ingest(null);
  expect(await alarms.openOf('observationsShed')).toHaveLength(1);
  expect(receiver.received).toHaveLength(1);

  await renew(shedding({ shedding: false, shedObservations: 40 }));
  await rooms.startWhatWaits(async () => (await alarms.openOf('observationsShed')).length === 0);
  const [kept] = await alarms.list(1);
  expect(kept?.end?.reason).toBe('It keeps observations again; 40 were lost since it started');

  await renew(shedding());
  await rooms.ingest(null);
  expect(await alarms.openOf('observationsShed')).toHaveLength(1);
  await renew(shedding(), 0);
  await rooms.ingest(null);
  expect(await alarms.openOf('observationsShed')).toEqual([]);
}, 60_000);
