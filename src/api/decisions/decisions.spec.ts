import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PredictionFilters } from '../../../activities/prediction-filters.js';
import type { ActivitySettings } from '../../../activities/activity-settings.js';
import { StoreProvider } from '../../../activities/store-provider.js';
import { type RegistryServer, startRegistryServer } from '../../../test/registry-server.js';
import { FolderStore } from '../../artifacts/folder-store.js';
import { decisionPage } from '../../cli/decision-page.js';
import { RecordedTerminal } from '../../cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../config/environment.js';
import { anyFreePort } from '../../embedded/ports.js';
import { idFilterOf } from '../../observations/id-filter.js';
import { ObservedFiles } from '../../observations/testing/observed-files.js';
import { AuditLedger } from '../../registry/audit-ledger.js';
import { GatewaysRepository } from '../../registry/gateways.repository.js';
import { LabelsRepository } from '../../registry/labels.repository.js';
import { type ConvertedFile, ObservationsRepository } from '../../registry/observations.repository.js';
import { PredictionsRepository } from '../../registry/predictions.repository.js';
import { ModelCourse } from '../../registry/testing/model-course.js';
import { type RunningApi, startApi } from '../api.js';
import { type DecisionAnswer, decisionSchema } from './decisions.dto.js';

const [MODEL, OTHER, BARE] = ['asked', 'other', 'bare'];
const NEW_YEAR = Date.parse('2024-01-01T00:00:00.000Z');
const DAY_MS = 86_400_000;
const BOOT = '0a1b2c3d-1111-4111-8111-111111111111';
const ODD = "名/😀 it's 100 %";

let registry: RegistryServer;
let api: RunningApi;
let key: string;
let files: ObservedFiles;
let store: FolderStore;
let observations: ObservationsRepository;
let predictions: PredictionsRepository;
let segments = 0;

beforeAll(async () => {
  registry = await startRegistryServer();
  files = await ObservedFiles.make();
  store = new FolderStore(join(registry.folder, 'artifacts'));
  observations = new ObservationsRepository(registry.dataSource);
  predictions = new PredictionsRepository(registry.dataSource);
  key = await registry.apiKey('auditor');
  await registry.apiKey('ann');
  api = await startApi(readEnvironment({
    DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: join(registry.folder, 'artifacts'), API_PORT: '0', LOG_LEVEL: 'error',
  }), { outcomeTimeoutMs: 100 });
  for (const model of [MODEL, OTHER]) {
    const course = new ModelCourse(registry.dataSource, model);
    await course.register('ann');
    await course.promote(await course.trained('ann', 'the first one'), 'ann');
  }
}, 120_000);

afterAll(async () => {
  await api?.close();
  await registry?.stop();
  if (files) rmSync(files.folder, { recursive: true, force: true });
}, 60_000);

interface Recorded {
  readonly model?: string;
  readonly kind?: ConvertedFile['kind'];
  readonly rows: number;
  /** Requests 0 to rows − 1; else those from here on. */
  readonly from?: number;
  readonly boot?: string;
  readonly filter?: 'none' | Uint8Array;
  readonly dayOf?: number;
}

/** Puts a file on the record as the conversion of a segment does. @returns its digest */
async function record(path: string, { model = MODEL, kind = 'observation', rows, from = 0, boot = 'b', filter, dayOf = 0 }: Recorded): Promise<string> {
  const { digest, bytes } = await store.putFile(path);
  const segment = { gateway: 'g', boot, segment: (segments += 1) };
  const time = kind === 'mirror' ? null : NEW_YEAR + dayOf * DAY_MS;
  const idFilter = filter === 'none' || kind === 'mirror' ? {} : { idFilter: filter ?? (await idFilterOf({ path, rows, scratch: files.folder })) };
  await observations.registerSegment({ ...segment, digest, bytes, observations: rows, mirrored: 0, firstEventMs: time, lastEventMs: time, sealedAt: new Date() });
  await observations.recordConversion(segment, {
    damage: null,
    files: [{ model, deployment: 'default', kind, digest, bytes, rows, firstSequence: from, lastSequence: from + rows - 1, firstEventMs: time, lastEventMs: time && time + rows * 1_000, newestReceivedMs: time, leadMs: null, eventHours: null, ...idFilter }],
  });
  return digest;
}

const call = async <T>(path: string): Promise<{ status: number; body: T }> => {
  const answer = await fetch(`${api.url}/v1/decisions/${path}`, { headers: { authorization: `Bearer ${key}` } });
  return { status: answer.status, body: (await answer.json()) as T };
};

async function decisionOf(id: string, query = ''): Promise<DecisionAnswer> {
  const { status, body } = await call<DecisionAnswer>(`${encodeURIComponent(id)}${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return decisionSchema.parse(body);
}

const pageOf = (answer: DecisionAnswer): string => decisionPage(new RecordedTerminal(), answer).replaceAll(/\s+/g, ' ');

describe('a decision', () => {
  it('is told with its inputs, what was mirrored, its labels and why its version was in service', async () => {
    await record(await files.observations('range(100) AS t(i)', { prediction_id: "'first-' || i", raw_output: '(i % 7)::FLOAT / 7' }), { rows: 100 });
    await record(await files.mirrors('range(100) AS t(i)'), { kind: 'mirror', rows: 100 });
    const path = await files.outcomes("1, 0, 'first-17', NULL, NULL, 1.0, 1000, NULL", "1, 1, 'first-18', NULL, NULL, 1.0, 1000, NULL", "1, 2, 'first-17', NULL, NULL, 0.0, 3000, 12.5", `1, 3, NULL, 'e-7', ${NEW_YEAR + 17_000}, 1.0, 2000, NULL`);
    const labels = new LabelsRepository(registry.dataSource, new AuditLedger(registry.dataSource));
    const artifact = await store.putFile(path);
    await labels.receive({ actor: 'ann', idempotencyKey: 'labels', model: MODEL, deployment: 'default', format: 'csv', artifact }, new Date());
    const counts = { rows: 4, accepted: 4, repeated: 0, corrected: 0, late: 0, unknown: 0, invalid: 0 };
    await labels.settle(MODEL, 1, { kind: 'ingested', counts, faults: [] }, { artifact, rows: 4, unplaced: 3, eventTimes: { firstMs: NEW_YEAR, lastMs: NEW_YEAR + 60_000 }, amends: null, inTime: null }, new Date(), { workflowId: null, runId: null });

    const answer = await decisionOf('first-17');
    expect(answer.decisions).toHaveLength(1);
    expect(answer.decisions[0]).toMatchObject({
      counts: true, model: MODEL, deployment: 'default', version: 1, epoch: 1, role: 'champion', eventTime: '2024-01-01T00:00:17.000Z', entityKey: 'e-7', inputs: { size: 17, colour: 'red' }, stale: false,
      logged: { gateway: 'g', sequence: 17, row: 0 }, mirrored: [{ version: 2, outcome: 'executed', latencyMs: 4.5 }], label: 0, outcome: 12.5, why: 0,
      labels: [{ label: 1, knownAt: '1970-01-01T00:00:01.000Z' }, { label: 1, row: 3, knownAt: '1970-01-01T00:00:02.000Z' }, { label: 0, outcome: 12.5, knownAt: '1970-01-01T00:00:03.000Z' }],
    });
    expect(answer.decisions[0]?.output).toBeCloseTo(3 / 7, 6);
    expect(answer.decisions[0]?.mirrored[0]?.output).toBeCloseTo(2 / 5, 6);
    expect(answer.chains).toMatchObject([{ model: MODEL, version: 1, epoch: 1, cameBy: 'gate', retraining: { requestedBy: 'ann', reason: 'the first one' }, lineage: { data: { train: { rows: 10 } } } }]);
    expect(answer.searched).toMatchObject({ unfiltered: 0, unreadable: 0, left: 0 });
    const page = pageOf(answer);
    for (const words of ['Who decided first-17', 'size=17, colour=red', '0, business outcome 12.5; 3 labels, the last of which counts', 'Version 1 became champion at', 'ann asked for']) expect(page).toContain(words);
  });

  it('is each of several under one id, and the first received in a deployment counts', async () => {
    const again = { prediction_id: "'twice'", received_at: "TIMESTAMP '2024-01-02' - to_seconds(i)", boot: "'again'" };
    await record(await files.observations('range(3) AS t(i)', again), { rows: 3, boot: 'again' });
    await record(await files.observations('range(1) AS t(i)', { prediction_id: "'twice'", version: '9', boot: "'third'" }), { rows: 1, model: OTHER, boot: 'third' });
    const answer = await decisionOf('twice');
    expect(answer.decisions.map(({ model, counts, logged: { sequence } }) => [model, counts, sequence])).toEqual([[MODEL, true, 2], [MODEL, false, 1], [MODEL, false, 0], [OTHER, true, 0]]);
    expect(answer.decisions.map(({ why }) => why)).toEqual([0, 0, 0, null]);
    expect(answer.chains).toHaveLength(1);
    expect((await decisionOf('twice', `?model=${OTHER}`)).decisions).toHaveLength(1);
    expect(pageOf(answer)).toContain('It was answered 4 times; the first in each deployment counts.');
  });

  it('says where inputs were not kept, and finds ids of any characters', async () => {
    const path = await files.write(`SELECT * EXCLUDE (inputs) FROM read_parquet('${await files.observations('range(2) AS t(i)', { prediction_id: `'${ODD.replaceAll("'", "''")}/' || i` })}')`);
    await record(path, { rows: 2, boot: 'odd' });
    const answer = await decisionOf(`${ODD}/1`);
    expect(answer.decisions).toMatchObject([{ inputs: null, logged: { sequence: 1 } }]);
    expect(pageOf(answer)).toContain('not kept: the spec of then says so');
  });

  it('is looked for around a time where one is named', async () => {
    await record(await files.observations('range(2) AS t(i)', { prediction_id: "'timed'", boot: "'timed'" }), { rows: 2, boot: 'timed', dayOf: 100 });
    expect((await decisionOf('timed', '?around=2024-04-09')).decisions).toHaveLength(2);
    expect((await call('timed?around=2024-01-01')).status).toBe(404);
  });

  it('that is not on the record is not found, with what is not on it yet', async () => {
    await new GatewaysRepository(registry.dataSource).renew({ gateway: 'far', boot: BOOT, url: 'http://far' }, new Date(), new Date(), { shedding: false, shedObservations: 0, shedMirrored: 0, bytesOnDisk: 0, lastError: null, keptUntil: '2026-01-01T00:00:00.000Z' });
    await observations.registerSegment({ gateway: 'far', boot: BOOT, segment: 1, digest: 'sha256:x', bytes: 1, observations: 1, mirrored: 0, firstEventMs: 0, lastEventMs: 0, sealedAt: new Date() });
    const { status, body } = await call<{ detail: string }>('nobody-asked');
    expect(status).toBe(404);
    expect(body.detail).toMatch(/OBSERVATION_SEAL_MS, 10 seconds unless set otherwise.*1 sealed segments wait/);
    expect(body).toMatchObject({ segmentsWaiting: 1, gateways: [{ gateway: 'far', keptUntil: '2026-01-01T00:00:00.000Z' }] });
  });

  it.each([
    ['an id that is too long', 'x'.repeat(300), 400, /220 characters/],
    ['an id with a control character', 'a%00b', 400, /control character/],
    ['a time that is none', 'first-17?around=noon', 400, /ISO 8601/],
    ['an unknown parameter', 'first-17?deployment=default', 400, /query\.deployment/],
    ['an unknown model', 'first-17?model=nobody', 404, /perennial apply/],
  ])('is refused for %s', async (_, path, status, says) => {
    const answer = await call<{ detail: string }>(path);
    expect(answer.status).toBe(status);
    expect(answer.body.detail).toMatch(says);
  });
});

describe('files of before there were filters', () => {
  it('are read as they are, those first that the id speaks for, and get theirs in the background', async () => {
    for (const start of [0, 100]) {
      const own = { prediction_id: `'0a1b2c3d-' || (i + ${start})`, boot: `'${BOOT}'`, sequence: `(i + ${start})::BIGINT` };
      await record(await files.observations('range(100) AS t(i)', own), { rows: 100, from: start, boot: BOOT, filter: 'none', dayOf: start === 0 ? 1 : 2 });
    }
    const { unfiltered } = await predictions.candidates({ id: '0a1b2c3d-42', model: null, around: null });
    expect(unfiltered.map(({ firstSequence }) => firstSequence)).toEqual([0, 100]);
    const before = await decisionOf('0a1b2c3d-42');
    expect(before).toMatchObject({ decisions: [{ logged: { boot: BOOT, sequence: 42 } }], searched: { unfiltered: 2 } });
    expect(pageOf(before)).toContain('2 files without an index of ids were read');

    const settings = { workDir: join(registry.folder, 'work') } as ActivitySettings;
    const filters = new PredictionFilters(predictions, settings, new StoreProvider(store));
    expect(await filters.isDue()).toBe(true);
    expect(await filters.catchUp(0, new AbortController().signal, () => undefined)).toBe(true);
    expect(await predictions.withoutFilter(10)).toHaveLength(2);
    expect(await filters.catchUp(Date.now() + 60_000, new AbortController().signal, () => undefined)).toBe(false);
    expect(await filters.isDue()).toBe(false);
    expect(await decisionOf('0a1b2c3d-42')).toMatchObject({ decisions: before.decisions, searched: { unfiltered: 0 } });
    const { filtered } = await predictions.candidates({ id: '0a1b2c3d-142', model: null, around: null });
    expect(filtered.map(({ firstSequence }) => firstSequence)).toContain(100);
  });

  it('that cannot be read are named by every search, and hide nothing', async () => {
    const digest = await record(await files.observations('range(5) AS t(i)', { prediction_id: "'lost-' || i" }), { rows: 5, boot: 'lost', filter: 'none' });
    rmSync(await store.localPath(digest));
    const settings = { workDir: join(registry.folder, 'work') } as ActivitySettings;
    expect(await new PredictionFilters(predictions, settings, new StoreProvider(store)).catchUp(Date.now() + 60_000, new AbortController().signal, () => undefined)).toBe(false);
    expect(await decisionOf('first-17')).toMatchObject({ decisions: [{ model: MODEL }], searched: { unreadable: 1, unfiltered: 0 } });
    expect((await call<{ detail: string }>('lost-1')).body.detail).toContain('1 files that may hold it could not be read');
  });
});

describe('files of labels and mirrored outputs', () => {
  const settled = { counts: { rows: 1, accepted: 1, repeated: 0, corrected: 0, late: 0, unknown: 0, invalid: 0 }, faults: [] };

  /** Puts a batch with one label on the record, which may belong to any prediction of the model. @returns its digest */
  async function labelled(number: number, row: string): Promise<string> {
    const labels = new LabelsRepository(registry.dataSource, new AuditLedger(registry.dataSource));
    const artifact = await store.putFile(await files.outcomes(row));
    await labels.receive({ actor: 'ann', idempotencyKey: `bare-${number}`, model: BARE, deployment: 'default', format: 'csv', artifact }, new Date());
    await labels.settle(BARE, number, { kind: 'ingested', ...settled }, { artifact, rows: 1, unplaced: 1, eventTimes: { firstMs: NEW_YEAR, lastMs: NEW_YEAR + 60_000 }, amends: null, inTime: null }, new Date(), { workflowId: null, runId: null });
    return artifact.digest;
  }

  it('that are gone, deleted or damaged are named, and hide nothing of a decision', async () => {
    const course = new ModelCourse(registry.dataSource, BARE);
    await course.register('ann');
    await course.promote(await course.trained('ann', 'the first one'), 'ann');
    await record(await files.observations('range(3) AS t(i)', { prediction_id: "'bare-' || i", boot: "'bare'" }), { model: BARE, rows: 3, boot: 'bare' });
    const mirror = await record(await files.mirrors('range(3) AS t(i)', { boot: "'bare'" }), { model: BARE, kind: 'mirror', rows: 3, boot: 'bare' });
    const [kept, deleted, torn] = [await labelled(1, "1, 0, 'bare-1', NULL, NULL, 1.0, 1000, NULL"), await labelled(2, "2, 0, 'bare-1', NULL, NULL, 0.0, 2000, NULL"), await labelled(3, "3, 0, 'bare-1', NULL, NULL, 0.0, 3000, NULL")];
    const whole = await decisionOf('bare-1');
    expect(whole).toMatchObject({ decisions: [{ label: 0, lacks: [], mirrored: [{ version: 2 }] }] });
    expect(whole.searched.unread.filter(({ model }) => model === BARE)).toEqual([]);

    rmSync(await store.localPath(mirror));
    rmSync(await store.localPath(deleted));
    // The process has seen its digest before, so that it is DuckDB that finds it torn.
    writeFileSync(await store.localPath(torn), 'no Parquet');
    const superuser = await new DataSource({ type: 'postgres', url: registry.superuserUrl }).initialize();
    // A deletion alone, without the retirement before it.
    await superuser.query(`BEGIN; SET LOCAL session_replication_role = 'replica'; INSERT INTO retirement_deletion (model, number, digest, evidence, outcome, reason, at) VALUES ('${BARE}', 1, '${deleted}', 'labels', 'deleted', 'x', now()); COMMIT`);
    await superuser.destroy();
    const answer = await decisionOf('bare-1');
    const lost = (kind: string, digest: string, because: string): object => ({ kind, model: BARE, deployment: 'default', digest, because });
    expect(answer).toMatchObject({ decisions: [{ label: 1, labels: [{ label: 1, batch: 1 }], mirrored: [], lacks: ['mirrored', 'labels'], inputs: { size: 1 } }], searched: { unreadable: whole.searched.unreadable + 3 } });
    expect(answer.searched.unread).toEqual(expect.arrayContaining([lost('mirrored', mirror, 'missing'), lost('labels', deleted, 'deleted'), lost('labels', torn, 'damaged')]));
    expect(pageOf(answer)).toContain('files of labels could not be read (1 deleted, 1 damaged), so that more may have been known than is shown');

    rmSync(await store.localPath(kept));
    expect(pageOf(await decisionOf('bare-1'))).toContain('not known: labels could not be read');
  });
});

describe('a file and its filter', () => {
  it('are on the record together, or neither is', async () => {
    const path = await files.observations('range(5) AS t(i)', { prediction_id: "'torn-' || i" });
    await expect(record(path, { rows: 5, boot: 'torn', filter: new Uint8Array(0) })).rejects.toThrow(/prediction_filter/);
    const [left]: { n: number }[] = await registry.dataSource.query("SELECT (SELECT count(*) FROM observation_file WHERE boot = 'torn')::int + (SELECT count(*) FROM prediction_filter WHERE boot = 'torn')::int AS n");
    expect(left?.n).toBe(0);
    expect((await observations.unconverted(100)).map(({ boot }) => boot)).toContain('torn');
  });

  it('stay as they are', async () => {
    await registry.asOwner(async (owner) => {
      for (const statement of ["UPDATE prediction_filter SET filter = ''", 'DELETE FROM prediction_filter']) await expect(owner.query(statement)).rejects.toThrow(/append-only/);
    });
  });

  it('are so stored that 64 bytes of the filter are read without the rest', async () => {
    const [row]: { storage: string }[] = await registry.dataSource.query("SELECT attstorage AS storage FROM pg_attribute WHERE attrelid = 'prediction_filter'::regclass AND attname = 'filter'");
    expect(row?.storage).toBe('e');
  });
});
