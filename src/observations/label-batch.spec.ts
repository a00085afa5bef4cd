import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../contracts/canonical.js';
import type { LabelFormat } from '../contracts/labels.js';
import { failureOf } from '../data/data-fixture.js';
import { withDatabase, type Row } from '../data/duckdb.js';
import { quoteLiteral } from '../data/feature-encoding.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { normalizeLabels, type NormalizedLabels } from './label-batch.js';

const RECEIVED = Date.parse('2024-03-01T00:00:00Z');
let folder: string;
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-labels-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Normalized extends NormalizedLabels {
  readonly labels: readonly Row[];
  readonly digest: string;
}

async function normalize(format: LabelFormat, content: string | { readonly sql: string }, task: ModelSpec['task'] = 'binary-classification'): Promise<Normalized> {
  const path = join(folder, `batch-${++made}`);
  const target = join(folder, `labels-${made}.parquet`);
  if (typeof content === 'string') await writeFile(path, content);
  else await withDatabase({ files: [], scratch: folder }, (database) => database.run(`COPY (${content.sql}) TO ${quoteLiteral(path)} (FORMAT parquet)`));
  const result = await normalizeLabels({ path, format, batch: 7, receivedAtMs: RECEIVED, task, target, scratch: folder });
  const labels = await withDatabase({ files: [], scratch: folder }, (database) =>
    database.rows(`SELECT batch, row, prediction_id, entity_key, event_time_ms::DOUBLE AS event, label, known_at_ms::DOUBLE AS known FROM read_parquet(${quoteLiteral(target)})`));
  return { ...result, labels, digest: sha256(await readFile(target)) };
}

const row = (number: number, members: Record<string, unknown>) => ({ batch: 7, row: number, prediction_id: null, entity_key: null, event: null, known: RECEIVED, ...members });

describe('a batch of labels', () => {
  const time = Date.parse('2024-02-01T10:30:00Z');
  const expected = [row(1, { prediction_id: 'a', label: 1 }), row(2, { entity_key: 'k"1', event: time, label: 0, known: time + 500 })];

  it.each<[LabelFormat, string | { sql: string }]>([
    ['ndjson', `{"prediction_id":"a","label":true}\n{"entity_key":"k\\"1","event_time":${time},"label":0,"known_at":"2024-02-01T11:30:00.5+01:00"}\n`],
    ['csv', 'label,prediction_id,entity_key,event_time,known_at\nTrue,a,,,\n0,,"k""1",2024-02-01T10:30Z,2024-02-01T10:30:00.5Z\n'],
    ['parquet', { sql: `SELECT 'a' AS prediction_id, NULL AS entity_key, NULL::TIMESTAMPTZ AS event_time, 1.0::FLOAT AS label, NULL::BIGINT AS known_at
      UNION ALL SELECT NULL, 'k"1', '2024-02-01T10:30:00Z'::TIMESTAMPTZ, 0, ${time + 500}` }],
  ])('says the same as %s', async (format, content) => {
    const result = await normalize(format, content);
    expect(result).toMatchObject({ rows: 2, invalid: 0, faults: [] });
    expect(result.labels).toEqual(expected);
  });

  it('becomes the same bytes every time', async () => {
    const lines = Array.from({ length: 200_000 }, (_, index) => `p-${index},${index % 2}`).join('\n');
    const digests = await Promise.all([1, 2].map(async () => (await normalize('csv', `prediction_id,label\n${lines}`)).digest));
    expect(digests[0]).toBe(digests[1]);
  });
});

describe('a batch with outcomes', () => {
  const outcomesOf = async (format: LabelFormat, content: string | { readonly sql: string }): Promise<unknown> => {
    const { invalid, faults } = await normalize(format, content);
    const rows = await withDatabase({ files: [], scratch: folder }, (database) =>
      database.rows(`SELECT prediction_id, label, outcome FROM read_parquet(${quoteLiteral(join(folder, `labels-${made}.parquet`))})`));
    return { invalid, columns: faults.map(({ column, message }) => `${column}: ${message}`), rows: rows.map(Object.values) };
  };

  it.each<[LabelFormat, string | { sql: string }]>([
    ['ndjson', '{"prediction_id":"a","label":true,"outcome":12.5}\n{"prediction_id":"b","outcome":"-3e2"}\n{"prediction_id":"c","label":0}\n'],
    ['csv', 'prediction_id,outcome,label\na,12.5,1\nb,-300,\nc,,0\n'],
    ['parquet', { sql: "SELECT * FROM (VALUES ('a', 1, 12.5::DECIMAL(8, 2)), ('b', NULL, -300), ('c', 0, NULL)) AS t(prediction_id, label, outcome)" }],
  ])('keeps them beside labels or alone, as %s', async (format, content) => {
    expect(await outcomesOf(format, content)).toEqual({ invalid: 0, columns: [], rows: [['a', 1, 12.5], ['b', null, -300], ['c', 0, null]] });
  });

  it('tells what is no finite number, and what says nothing', async () => {
    expect(await outcomesOf('csv', 'prediction_id,outcome,label\na,inf,1\nb,much,\nc,,\nd,1,\n')).toEqual({
      invalid: 3, columns: ['outcome: "inf" is not a finite number', 'outcome: "much" is not a finite number', 'label: is missing: give 0, 1, true or false, or an outcome'], rows: [['d', null, 1]],
    });
  });

  it('has no column of them where there are none, so that its bytes are those of before', async () => {
    expect((await normalize('csv', 'prediction_id,label,outcome\na,1,\n')).digest).toBe((await normalize('csv', 'prediction_id,label\na,1\n')).digest);
  });
});

describe('what is wrong with a row', () => {
  it.each([
    ['{"label":1}', null, 'names no prediction'],
    ['{"entity_key":"k","label":1}', null, 'names no prediction'],
    ['{"prediction_id":"","label":1}', null, 'names no prediction'],
    ['{"prediction_id":"a"}', 'label', 'is missing'],
    ['{"prediction_id":"a","label":null}', 'label', 'is missing'],
    ['{"prediction_id":"a","label":"maybe"}', 'label', '"maybe" is not 0, 1, true or false'],
    ['{"prediction_id":"a","label":0.5}', 'label', 'is not 0, 1'],
    ['{"prediction_id":"a","label":[1]}', 'label', 'must be text or a number'],
    ['{"entity_key":"k","event_time":"yesterday","label":1}', 'event_time', '"yesterday" is no time'],
    ['{"entity_key":"k","event_time":"2024-02-30T00:00:00Z","label":1}', 'event_time', 'is no time'],
    ['{"entity_key":"k","event_time":"2024-02-01T00:00:00","label":1}', 'event_time', 'with a zone'],
    ['{"entity_key":"k","event_time":1e300,"label":1}', 'event_time', 'is no time'],
    ['{"prediction_id":"a","label":1,"known_at":"2024-03-02T00:00:00Z"}', 'known_at', 'had not come yet'],
    ['{"prediction_id":"a","label":1,"lable":1}', null, 'the member "lable"'],
    [`{"prediction_id":"${'x'.repeat(1_001)}","label":1}`, 'prediction_id', 'longer than'],
    ['not json', null, 'is no JSON'],
    ['[1]', null, 'is no JSON object'],
    ['"\\ud800"', null, 'JSON'],
  ])('%s', async (line, column, message) => {
    const { faults, invalid, labels } = await normalize('ndjson', `{"prediction_id":"good","label":1}\n${line}\n`);
    expect(invalid).toBe(1);
    expect(faults).toEqual([{ row: 2, column, message: expect.stringContaining(message) }]);
    expect(labels).toHaveLength(1);
  });

  it('is told at its place also where lines of a CSV file have too few or too many fields', async () => {
    const { faults, labels, rows } = await normalize('csv', 'prediction_id,label,known_at\na,1,\nb,0\nc,1,,9\nd,x,\ne,0,\nf\ng,nan,\n');
    expect(rows).toBe(7);
    expect(faults.map(({ row: number, column }) => [number, column])).toEqual([[2, null], [3, null], [4, 'label'], [6, null], [7, 'label']]);
    expect(labels.map((label) => [label['row'], label['prediction_id']])).toEqual([[1, 'a'], [5, 'e']]);
  });

  it('is counted whole and listed up to a hundred', async () => {
    const { faults, invalid } = await normalize('ndjson', Array.from({ length: 150 }, () => '{"label":1}').join('\n'));
    expect([faults.length, invalid]).toEqual([100, 150]);
  });

  it('depends on the task', async () => {
    const { labels, faults } = await normalize('csv', 'prediction_id,label\na,-2.5e3\nb,inf\nc,true\n', 'regression');
    expect(labels.map(({ label }) => label)).toEqual([-2_500]);
    expect(faults.map(({ message }) => message)).toEqual([expect.stringContaining('finite'), expect.stringContaining('finite')]);
  });
});

describe('a batch that cannot be read', () => {
  it.each<[string, LabelFormat, string | { sql: string }, string]>([
    ['Parquet that is none', 'parquet', 'PAR1 no footer PAR1', 'cannot be read'],
    ['a column that no label has', 'csv', 'prediction_id,label,weight\na,1,2\n', '"weight"'],
    ['a missing label column', 'csv', 'prediction_id\na\n', 'column label'],
    ['no way to name a prediction', 'parquet', { sql: "SELECT 'k' AS entity_key, 1 AS label" }, 'prediction_id or both'],
    ['a type that is no text and no number', 'parquet', { sql: 'SELECT [1] AS prediction_id, 1 AS label' }, 'of type INTEGER[]'],
  ])('%s', async (_, format, content, says) => {
    const failure = await failureOf(normalize(format, content));
    expect(failure.type).toBe('DataUnreadable');
    expect(failure.message).toContain(says);
    expect(failure.message).not.toContain(folder);
  });
});
