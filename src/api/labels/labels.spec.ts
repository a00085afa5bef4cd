import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistryServer, type RegistryServer } from '../../../test/registry-server.js';
import { FolderStore } from '../../artifacts/folder-store.js';
import { readEnvironment } from '../../config/environment.js';
import { anyFreePort } from '../../embedded/ports.js';
import { AuditLedger } from '../../registry/audit-ledger.js';
import { LabelsRepository } from '../../registry/labels.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { parseSpec } from '../../spec/parse-spec.js';
import { type RunningApi, startApi } from '../api.js';
import { type LabelBatchAnswer, labelBatchListSchema, labelBatchSchema } from './labels.dto.js';
import { MAX_LABEL_BYTES } from './label-upload.js';

const YAML = readFileSync(join(import.meta.dirname, '../../../models/flight-delay/model.yaml'), 'utf8');
const PATH = '/v1/models/flight-delay/labels';

let registry: RegistryServer;
let api: RunningApi;
let key: string;
let artifacts: string;
let labels: LabelsRepository;

beforeAll(async () => {
  registry = await startRegistryServer();
  key = await registry.apiKey('engineer');
  await registry.dataSource.transaction((manager) => new ModelsRepository(registry.dataSource).apply(manager, YAML, parseSpec(YAML), 'engineer', new Date()));
  artifacts = join(registry.folder, 'artifacts');
  labels = new LabelsRepository(registry.dataSource, new AuditLedger(registry.dataSource));
  api = await startApi(readEnvironment({ DATABASE_URL: registry.databaseUrl, TEMPORAL_ADDRESS: `127.0.0.1:${await anyFreePort()}`, ARTIFACT_URL: artifacts, API_PORT: '0', LOG_LEVEL: 'error' }));
}, 120_000);

afterAll(async () => {
  await api?.close();
  await registry?.stop();
}, 60_000);

interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function send(mediaType: string, body: string | Buffer | ReadableStream, headers: Record<string, string> = {}, path = PATH): Promise<Answered> {
  const answer = await fetch(api.url + path, { method: 'POST', body, headers: { authorization: `Bearer ${key}`, 'content-type': mediaType, ...headers }, ...(body instanceof ReadableStream ? { duplex: 'half' } : {}) });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}
const get = async (path: string): Promise<unknown> => (await fetch(api.url + path, { headers: { authorization: `Bearer ${key}` } })).json();

const bytesOf = async ({ body }: Answered): Promise<string> => (await new FolderStore(artifacts).readBytes(body['digest'] as string)).toString('utf8');

describe('labels that are brought', () => {
  const csv = 'prediction_id,label\na,1\n';

  it.each([
    ['text/csv', csv], ['text/csv; charset=utf-8', csv], ['text/csv', 'prediction_id,outcome\na,12.5\n'], ['application/x-ndjson', '{"prediction_id":"a","outcome":12.5}\n'], ['application/x-ndjson', '{"prediction_id":"a","label":1}\n'],
    ['application/vnd.apache.parquet', `PAR1${'x'.repeat(100)}PAR1`],
  ])('as %s are kept byte for byte and answered with where to see them', async (mediaType, content) => {
    const answer = await send(mediaType, content);
    expect(answer).toMatchObject({ status: 202, body: { state: 'waiting', deployment: 'default', actor: 'engineer', counts: null, bytes: content.length } });
    labelBatchSchema.parse(answer.body);
    expect(await bytesOf(answer)).toBe(content);
    expect(await get(answer.body['status'] as string)).toEqual(answer.body);
  });

  it('as JSON are kept one a line, with times in one form', async () => {
    const answer = await send('application/json', JSON.stringify({ deployment: 'default', labels: [{ prediction_id: 'a', label: true }, { entity_key: 'k', event_time: '2013-04-01T02:00:00+02:00', label: 0, known_at: 5 }, { prediction_id: 'a', outcome: -12.5 }] }));
    expect(answer.status).toBe(202);
    expect(await bytesOf(answer)).toBe('{"prediction_id":"a","label":true}\n{"entity_key":"k","event_time":"2013-04-01T00:00:00.000Z","label":0,"known_at":5}\n{"prediction_id":"a","outcome":-12.5}\n');
  });

  it('are one batch for an idempotency key, also where many send it at once; other labels are refused', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send('text/csv', csv, { 'idempotency-key': 'once' })));
    expect(new Set(answers.map(({ status, body }) => `${status} ${String(body['batch'])}`)).size).toBe(1);
    expect(await send('text/csv', `${csv}b,0\n`, { 'idempotency-key': 'once' })).toMatchObject({ status: 422, body: { type: 'urn:perennial:IdempotencyKeyReused' } });
    expect(await send('text/csv', csv, { 'idempotency-key': 'once' }, `${PATH}?deployment=default`)).toMatchObject({ status: 202 });
    const [{ n }] = await registry.dataSource.query("SELECT count(*)::int AS n FROM audit_entry WHERE action = 'labels.received'");
    expect(labelBatchListSchema.parse(await get(`${PATH}?limit=500`)).items).toHaveLength(n);
  });

  it('have numbers without gaps, in the order of their arrival', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => send('text/csv', `${csv}c-${index},1\n`)));
    const { items } = (await get(`${PATH}?limit=500`)) as { items: LabelBatchAnswer[] };
    expect(items.map(({ batch }) => batch)).toEqual(items.map((_, index) => items.length - index));
  });
});

describe('labels that are refused at once', () => {
  it.each<[string, string, string, number, string]>([
    ['a strange CSV column', 'text/csv', 'prediction_id,lable\na,1\n', 400, 'header, column 2: "lable"'],
    ['a CSV column with a space', 'text/csv', 'prediction_id, label\na,1\n', 400, 'header, column 2: " label"'],
    ['a CSV without labels', 'text/csv', 'prediction_id\na\n', 400, 'header: has no label'],
    ['a CSV that names no prediction', 'text/csv', 'entity_key,label\na,1\n', 400, 'names no prediction'],
    ['nothing', 'text/csv', '', 400, 'body'],
    ['NDJSON that is none', 'application/x-ndjson', 'a,b\n', 400, 'row 1: is no JSON object'],
    ['a strange member', 'application/x-ndjson', '{"prediction_id":"a","label":1,"weight":2}', 400, '"weight"'],
    ['Parquet that is none', 'application/vnd.apache.parquet', 'prediction_id,label\n', 400, 'PAR1'],
    ['Parquet that is cut off', 'application/vnd.apache.parquet', `PAR1${'x'.repeat(100)}`, 400, 'cut off'],
    ['a JSON label without a prediction', 'application/json', '{"labels":[{"prediction_id":"a","label":1},{"label":1}]}', 400, 'body.labels.1'],
    ['a JSON time that is none', 'application/json', '{"labels":[{"entity_key":"a","event_time":"soon","label":1}]}', 400, 'body.labels.0.event_time'],
    ['a JSON label of another task', 'application/json', '{"labels":[{"prediction_id":"a","label":0.3}]}', 400, 'body.labels.0.label'],
    ['a JSON row that says nothing', 'application/json', '{"labels":[{"prediction_id":"a"}]}', 400, 'body.labels.0.label'],
    ['a JSON outcome that is no number', 'application/json', '{"labels":[{"prediction_id":"a","outcome":"much"}]}', 400, 'body.labels.0.outcome'],
    ['no label at all', 'application/json', '{"labels":[]}', 400, 'body.labels'],
    ['another media type', 'application/xml', '<a/>', 415, ''],
  ])('%s', async (_, mediaType, content, status, says) => {
    const answer = await send(mediaType, content);
    expect(answer.status).toBe(status);
    expect(answer.body['detail']).toContain(says);
  });

  it('that are compressed, whether they say so or not', async () => {
    const compressed = gzipSync('prediction_id,label\na,1\n');
    for (const headers of [{}, { 'content-encoding': 'gzip' }] as Record<string, string>[]) {
      for (const mediaType of ['text/csv', 'application/x-ndjson', 'application/vnd.apache.parquet']) {
        expect(await send(mediaType, compressed, headers)).toMatchObject({ status: 415, body: { detail: expect.stringContaining('not taken compressed') as string } });
      }
    }
  });

  it('for another model, another deployment, or on another route', async () => {
    expect((await send('text/csv', 'prediction_id,label\n', {}, '/v1/models/nobody/labels')).body['type']).toBe('urn:perennial:ModelNotFound');
    expect((await send('text/csv', 'prediction_id,label\n', {}, `${PATH}?deployment=mars`)).status).toBe(404);
    expect((await send('text/csv', 'prediction_id,label\n', {}, '/v1/models')).status).toBe(415);
  });

  it('that are larger than what is taken, also where they do not say so; nothing is left of them', async () => {
    const before = readdirSync(artifacts, { recursive: true }).length;
    const chunk = Buffer.alloc(4 << 20, 'a');
    let sent = 0;
    const endless = new ReadableStream({ pull: (controller) => { sent += chunk.length; if (sent > 2 * MAX_LABEL_BYTES) controller.close(); else controller.enqueue(sent === chunk.length ? Buffer.from('prediction_id,label\n') : chunk); } });
    expect(await send('text/csv', endless)).toMatchObject({ status: 413 });
    expect(readdirSync(artifacts, { recursive: true }).length).toBe(before);
  });
});

describe('the record of labels', () => {
  it('takes what became of a batch once, in order, and tells which figures it changes', async () => {
    const model = 'flight-delay';
    const [first, second] = (await labels.waiting(model, 2)).map(({ number }) => number) as [number, number];
    const counts = { rows: 1, accepted: 1, repeated: 0, corrected: 0, late: 0, unknown: 0, invalid: 0 };
    const written = { artifact: { digest: 'sha256:1', bytes: 3 }, rows: 1, unplaced: 0, eventTimes: { firstMs: 1_000, lastMs: 2_000 }, amends: { firstMs: 1_500, lastMs: 1_500 }, inTime: { firstMs: 1_800, lastMs: 2_000 } };
    const origin = { workflowId: null, runId: null };
    const settle = (number: number) => labels.settle(model, number, { kind: 'ingested', counts, faults: [] }, written, new Date(), origin);
    await expect(settle(second)).rejects.toThrow(/earlier/);
    expect(await Promise.all([settle(first), settle(first)])).toEqual(expect.arrayContaining([true, false]));
    expect(await labels.revision(model, 'default')).toBe(first);
    const changed = (revision: number, ...stretches: [fromMs: number, untilMs: number][]) => labels.firstChanged(model, 'default', stretches.map(([fromMs, untilMs]) => ({ fromMs, untilMs, revision })));
    expect(await changed(first - 1, [1_000, 1_500], [1_500, 1_501], [1_501, 1_800], [2_000, 2_001])).toBe(1);
    expect(await changed(first - 1, [1_501, 1_800], [2_001, 3_000], [2_000, 2_001])).toBe(2);
    expect([await changed(first, [0, 3_000]), await changed(first - 1, [1_501, 1_800]), await changed(first - 1)]).toEqual([null, null, null]);
    const within = async (fromMs: number, untilMs: number, revision: number | null = null) => (await labels.files(model, 'default', { fromMs, untilMs }, revision)).length;
    expect([await within(0, 1_000), await within(0, 1_001), await within(2_000, 3_000), await within(2_001, 3_000), await within(0, 3_000, first - 1)]).toEqual([0, 1, 1, 0, 0]);
    const failed = { kind: 'failed', failure: { type: 'DataUnreadable', message: 'no', details: {} } } as const;
    expect(await labels.settle(model, second, failed, null, new Date(), origin)).toBe(true);
    expect(labelBatchSchema.parse(await get(`${PATH}/${second}`))).toMatchObject({ state: 'failed', failure: { message: 'no' } });
    await expect(registry.asOwner((owner) => owner.query('UPDATE label_file SET rows = 2'))).rejects.toThrow(/append-only/);
  });
});
