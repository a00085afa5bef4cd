import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { FolderStore } from '../artifacts/folder-store.js';
import { fileList, type Row, withDatabase } from '../data/duckdb.js';
import type { SegmentConversion } from '../registry/observations.repository.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { SegmentEncoder } from './segment-encoder.js';
import type { MirroredOutput, Observation } from './segment-format.js';
import { convertSegment } from './segment-to-parquet.js';
import { contextOf, mirroredOf, observationOf, randomMirrored, randomObservations } from './testing/random-observations.js';

const root = mkdtempSync(join(tmpdir(), 'perennial-conversion-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'one-'));
  mkdirSync(join(folder, 'work'));
});

const distance: FeatureSpec = { name: 'distance', type: 'number', maxMissing: 1 };
const carrier: FeatureSpec = { name: 'carrier', type: 'category', categories: ["O'Hare Air", 'B6'], maxUnknown: 1, maxMissing: 1 };
const AT = { gateway: "north's", boot: 'boot-1', segment: 3 };

function segmentFile(observations: readonly Observation[], mirrored: readonly MirroredOutput[] = []): Buffer {
  const encoder = new SegmentEncoder();
  encoder.startSegment({ ...AT, openedAtMs: 0, writer: { host: 'h', pid: 1, started: null } });
  for (const observation of observations) encoder.observation(observation);
  for (const output of mirrored) encoder.mirrored(output);
  return Buffer.from(encoder.view());
}

async function convert(bytes: Buffer, features: readonly FeatureSpec[] = [distance, carrier], threads = 2): Promise<SegmentConversion> {
  const path = join(folder, 'segment');
  writeFileSync(path, bytes);
  return convertSegment({
    ...AT, path, features: async () => features, store: new FolderStore(join(folder, 'store')), workDir: join(folder, 'work'), limits: { memoryMb: 256, threads },
  });
}

async function rowsOf(conversion: SegmentConversion, kind: 'observation' | 'mirror', select = '*'): Promise<Row[]> {
  const store = new FolderStore(join(folder, 'store'));
  const paths = await Promise.all(conversion.files.filter((file) => file.kind === kind).map(({ digest }) => store.localPath(digest)));
  return withDatabase({ files: paths, scratch: join(folder, 'scratch') }, (database) => database.rows(`SELECT ${select} FROM read_parquet(${fileList(paths)})`));
}

describe('a segment as Parquet', () => {
  it('has a row for each row of a request, with its inputs as they were sent', async () => {
    const champion = contextOf();
    const challenger = contextOf({ version: 8, role: 'challenger', revision: 4 });
    const conversion = await convert(segmentFile([
      observationOf(1, { context: champion, predictionId: 'one', entityKey: 'ann', features: Float32Array.of(2475, 1), eventTimeMs: 1_700_000_000_000.25 }),
      observationOf(2, {
        context: challenger, predictionId: 'many', entityKey: 'bob', rows: 3, stale: true, features: Float32Array.of(NaN, 0, 7, NaN, 8, NaN), unknown: [{ row: 1, feature: 1, text: "Zürich'" }],
        outputs: Float32Array.of(0.25, NaN, 1), rawOutputs: Float32Array.of(0.25, 0.5, 2), guards: Uint8Array.of(0, 2, 1), latencyMs: 1.5,
      }),
      observationOf(3, {
        context: champion, rows: 2, features: Float32Array.of(1, 1, 2, 0), outputs: Float32Array.of(0.1, 0.2),
        perRow: { predictionIds: ['a', 'b'], entityKeys: ['k', null], eventTimesMs: Float64Array.of(0, 86_400_000) },
      }),
    ]));
    const rows = await rowsOf(conversion, 'observation', '* EXCLUDE (gateway, boot, segment, received_at), inputs.distance AS distance, inputs.carrier AS carrier');
    const shared = { epoch: '2', stale: false, latency_ms: 0.25, guard: 'none', role: 'champion', version: 7, revision: '3' };
    const challenged = { epoch: '2', stale: true, latency_ms: 1.5, role: 'challenger', version: 8, revision: '4', sequence: '2', entity_key: 'bob', event_time: '2023-11-14 22:13:20.002' };
    const without = rows.map(({ inputs: _, ...row }) => row);
    expect(without).toEqual([
      { ...shared, prediction_id: 'one', entity_key: 'ann', event_time: '2023-11-14 22:13:20.00025', sequence: '1', row: 0, output: 0.5, raw_output: 0.5, distance: 2475, carrier: 'B6' },
      { ...challenged, prediction_id: 'many/0', row: 0, guard: 'none', output: 0.25, raw_output: 0.25, distance: null, carrier: "O'Hare Air" },
      { ...challenged, prediction_id: 'many/1', row: 1, guard: 'abstained', output: null, raw_output: 0.5, distance: 7, carrier: "Zürich'" },
      { ...challenged, prediction_id: 'many/2', row: 2, guard: 'clamped', output: 1, raw_output: 2, distance: 8, carrier: null },
      { ...shared, prediction_id: 'a', entity_key: 'k', event_time: '1970-01-01 00:00:00', sequence: '3', row: 0, output: Math.fround(0.1), raw_output: Math.fround(0.1), distance: 1, carrier: 'B6' },
      { ...shared, prediction_id: 'b', entity_key: null, event_time: '1970-01-02 00:00:00', sequence: '3', row: 1, output: Math.fround(0.2), raw_output: Math.fround(0.2), distance: 2, carrier: "O'Hare Air" },
    ]);
    expect(await rowsOf(conversion, 'observation', 'DISTINCT gateway, boot, segment')).toEqual([AT]);
    expect(conversion).toMatchObject({ damage: null, files: [{
      kind: 'observation', model: 'flight-delay', deployment: 'default', rows: 6, firstSequence: 1, lastSequence: 3, firstEventMs: 0,
      lastEventMs: 1_700_000_000_002, newestReceivedMs: 1_700_000_000_003, leadMs: 0,
    }] });
  });

  it('keeps no inputs where they may not be kept, and says which other versions answered what', async () => {
    const context = contextOf({ observeInputs: false });
    const conversion = await convert(segmentFile([observationOf(1, { context, features: null })], [
      mirroredOf(1, { rows: 2, outputs: Float32Array.of(0.5, NaN) }), mirroredOf(2, { outcome: 'dropped', reason: 'the queue was full', outputs: null, latencyMs: null }),
    ]));
    expect(Object.keys((await rowsOf(conversion, 'observation'))[0] ?? {})).not.toContain('inputs');
    const shared = { ...AT, version: 8, revision: '3' };
    expect(await rowsOf(conversion, 'mirror')).toEqual([
      { ...shared, sequence: '1', row: 0, outcome: 'executed', reason: null, latency_ms: 0.5, output: 0.5 },
      { ...shared, sequence: '1', row: 1, outcome: 'executed', reason: null, latency_ms: 0.5, output: null },
      { ...shared, sequence: '2', row: 0, outcome: 'dropped', reason: 'the queue was full', latency_ms: null, output: null },
    ]);
    expect(conversion.files[1]).toMatchObject({ kind: 'mirror', rows: 3, firstSequence: 1, lastSequence: 2, firstEventMs: null, leadMs: null });
  });

  it('brings versions with other features, and with none kept, into one file', async () => {
    const conversion = await convert(segmentFile([
      observationOf(1),
      observationOf(2, { context: contextOf({ specDigest: 'sha256:next', features: ['Distance', 'weight'] }), features: Float32Array.of(5, 6) }),
      observationOf(3, { context: contextOf({ observeInputs: false }), features: null }),
    ]));
    expect(await rowsOf(conversion, 'observation', 'sequence, inputs.distance AS d, inputs.carrier AS c, inputs.weight AS w')).toEqual([
      { sequence: '1', d: 1, c: 'B6', w: null }, { sequence: '2', d: 5, c: null, w: 6 }, { sequence: '3', d: null, c: null, w: null },
    ]);
  });

  it('has a file for each deployment and kind, and the same bytes however it is made', async () => {
    const bytes = segmentFile(randomObservations(11, 4_000), randomMirrored(12, 4_000));
    const conversion = await convert(bytes, [distance, carrier]);
    expect(conversion.files.map(({ model, deployment, kind }) => `${model}/${deployment}/${kind}`)).toEqual([...conversion.files.map(({ model, deployment, kind }) => `${model}/${deployment}/${kind}`)].sort());
    expect(new Set(conversion.files.map(({ kind }) => kind)).size).toBe(2);
    expect(await convert(bytes, [distance, carrier], 1)).toEqual(conversion);
    const rows = randomObservations(11, 4_000).reduce((sum, observation) => sum + observation.rows, 0);
    expect(await rowsOf(conversion, 'observation', 'count(*)::DOUBLE AS rows')).toEqual([{ rows }]);
  });

  it('takes any text that a caller sent', async () => {
    const texts = ['a\0b', "'); DROP TABLE observed1; --", '', '\ud800', 'x'.repeat(5_000)];
    const conversion = await convert(segmentFile(texts.map((text, index) =>
      observationOf(index, { predictionId: `${text}${index}`, entityKey: text, features: Float32Array.of(0, NaN), unknown: [{ row: 0, feature: 1, text }] })), [mirroredOf(1, { outcome: 'failed', reason: texts[0] ?? '' })]));
    const rows = await rowsOf(conversion, 'observation', 'entity_key, inputs.carrier AS carrier');
    expect(rows.map((row) => row['carrier'])).toEqual(['a\ufffdb', texts[1], '', '\ufffd', 'x'.repeat(1_000)]);
    expect(rows.map((row) => row['entity_key'])).toEqual(['a\0b', texts[1], '', '\ufffd', texts[4]]);
  });

  it('keeps what stands before a fault, and says where the fault is', async () => {
    const bytes = segmentFile([observationOf(1), observationOf(2), observationOf(3)]);
    const second = segmentFile([observationOf(1)]).length;
    bytes[second + 20] = (bytes[second + 20] as number) ^ 1;
    const conversion = await convert(bytes);
    expect(conversion).toMatchObject({ damage: { position: second }, files: [{ rows: 1, lastSequence: 1 }] });
  });

  it('says nothing of a segment that is torn at its end, and takes any time that a caller named', async () => {
    const bytes = segmentFile([observationOf(1, { eventTimeMs: 9e15 }), observationOf(2, { eventTimeMs: -9e15 }), observationOf(3)]);
    const conversion = await convert(bytes.subarray(0, -8));
    expect(conversion).toMatchObject({ damage: null, files: [{ rows: 2 }] });
    expect((await rowsOf(conversion, 'observation', 'event_time')).map((row) => row['event_time'])).toEqual(['9999-12-31 00:00:00', '0001-01-01 00:00:00']);
  });

  it('stops when it is told to', async () => {
    const path = join(folder, 'segment');
    await readFile(path).catch(() => writeFileSync(path, segmentFile(randomObservations(1, 10))));
    const stopped = convertSegment({ ...AT, path, features: async () => [], store: new FolderStore(join(folder, 'store')), workDir: join(folder, 'work'), signal: AbortSignal.abort(new Error('enough')) });
    await expect(stopped).rejects.toThrow('enough');
  });
});
