import { readdir, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import { DataFolder, failureOf, HOURLY_ROWS, specWith } from './data-fixture.js';

let folder: DataFolder;

beforeEach(async () => {
  folder = await DataFolder.make();
  return () => folder.remove();
});

describe('takeSnapshot', () => {
  it('freezes both windows in order, with a manifest that is an artifact itself', async () => {
    await folder.write('rows.parquet', `SELECT * FROM (${HOURLY_ROWS}) ORDER BY hash(id)`);
    const { digest, manifest } = await folder.snapshot(specWith());
    expect(manifest).toMatchObject({
      model: 'trial', asOf: '2024-01-17T00:00:00.000Z',
      source: { path: 'rows.parquet', format: 'parquet', files: [{ name: 'rows.parquet', digest: sha256(await readFile(folder.path('rows.parquet'))) }], otherColumns: [] },
      train: { rows: 240, labelledRows: 240, window: { start: '2024-01-01T00:00:00.000Z', end: '2024-01-11T00:00:00.000Z' } },
      evaluation: { rows: 120, labelledRows: 120, window: { start: '2024-01-11T00:00:00.000Z', end: '2024-01-16T00:00:00.000Z' } },
    });
    expect(digest).toBe(sha256(canonicalJson(manifest)));
    expect((await folder.store.readBytes(digest)).toString()).toBe(canonicalJson(manifest));
    const rows = await folder.read({ digest, manifest }, 'train');
    expect(rows.map((row) => row['id'])).toEqual(Array.from({ length: 240 }, (_, index) => `k${index}`));
    expect(rows[1]).toEqual({ id: 'k1', moment: '2024-01-01 01:00:00', late: false, speed: 37, side: 'south' });
  });

  it('gives the same digest whatever the order of rows, the number of threads and the memory', async () => {
    const rows = `SELECT 'k' || i % 40000 AS id, TIMESTAMP '2024-01-01' + to_seconds(20 * (i % 40000)) + INTERVAL 6 DAY AS moment, i % 3 = 0 AS late, (i * 37 % 101)::DOUBLE AS speed, 'north' AS side FROM range(0, 80000) AS r(i)`;
    const parts = new Set<string>();
    const spec = specWith({ data: { source: { path: 'rows*.parquet' }, labelHorizon: 'PT1H' }, evaluation: { window: 'P2D' } });
    for (const [order, limits] of [['id', { threads: 1, memoryMb: 64 }], ['hash(id, late, speed)', { threads: 4, memoryMb: 512 }], ['moment DESC, speed DESC', { threads: 2, memoryMb: 128 }]] as const) {
      await folder.write('rows.parquet', `SELECT * FROM (${rows}) ORDER BY ${order}`);
      const { manifest } = await folder.snapshot(spec, { limits });
      parts.add(`${manifest.train.artifact.digest} ${manifest.evaluation.artifact.digest}`);
    }
    expect([...parts]).toHaveLength(1);
    expect((await folder.snapshot(spec)).digest).toBe((await folder.snapshot(spec)).digest);
  });

  it('counts labels as of the time asked for', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    const { manifest } = await folder.snapshot(specWith({ training: { window: 'P3D' } }), { asOf: '2024-01-12T12:00:00+00:00' });
    expect(manifest.asOf).toBe('2024-01-12T12:00:00.000Z');
    expect(manifest.evaluation).toMatchObject({ rows: 120, window: { end: '2024-01-11T12:00:00.000Z' } });
    expect(manifest.train).toMatchObject({ rows: 72, window: { start: '2024-01-03T12:00:00.000Z', end: '2024-01-06T12:00:00.000Z' } });
  });

  it.each([
    ['TIMESTAMPTZ', `(moment AT TIME ZONE 'UTC')`],
    ['TIMESTAMP_NS', 'moment::TIMESTAMP_NS'],
    ['VARCHAR', `strftime(moment + INTERVAL 2 HOUR, '%Y-%m-%dT%H:%M:%S+02:00')`],
  ])('reads event times of type %s in UTC', async (type, expression) => {
    await folder.write('rows.parquet', `SELECT * REPLACE (${expression} AS moment) FROM (${HOURLY_ROWS})`);
    const snapshot = await folder.snapshot(specWith());
    expect(snapshot.manifest.columns[1]).toEqual({ name: 'moment', type: 'TIMESTAMP' });
    expect((await folder.read(snapshot, 'evaluation'))[0]).toMatchObject({ id: 'k240', moment: '2024-01-11 00:00:00' });
    expect(type).not.toBe('TIMESTAMP');
  });

  it('keeps odd values as they are', async () => {
    await folder.write('rows.parquet', `SELECT * REPLACE (CASE id WHEN 'k0' THEN 'it''s "north", ☃' WHEN 'k1' THEN '' ELSE side END AS side, CASE id WHEN 'k2' THEN 'NaN'::DOUBLE ELSE speed END AS speed) FROM (${HOURLY_ROWS})`);
    const rows = await folder.read(await folder.snapshot(specWith()), 'train');
    expect(rows.slice(0, 3).map((row) => [row['side'], row['speed']])).toEqual([['it\'s "north", ☃', 0], ['', 37], ['north', 'NaN']]);
  });

  it('leaves out columns that the source lacks, keeps those of slices, and names the others', async () => {
    await folder.write('rows.parquet', `SELECT * RENAME (speed AS "Speed"), 'x' AS region, 1 AS extra FROM (${HOURLY_ROWS})`);
    const { manifest } = await folder.snapshot(specWith({ evaluation: { slices: ['region'] } }));
    expect(manifest.columns.map(({ name }) => name)).toEqual(['id', 'moment', 'late', 'side', 'region']);
    expect(manifest.source.otherColumns).toEqual(['Speed', 'extra']);
  });

  it('leaves nothing behind in the work folder, whether it succeeds or not', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    await folder.snapshot(specWith());
    await failureOf(folder.snapshot(specWith({ data: { eventTime: 'nowhen' } })));
    expect(await readdir(join(folder.root, 'work'))).toEqual([]);
  });

  it('stops when told to', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    const reason = new Error('enough');
    await expect(folder.snapshot(specWith(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('takeSnapshot refuses', () => {
  it('a truncated file among good ones, by its name', async () => {
    const spec = specWith({ data: { source: { path: 'rows/*.parquet' } } });
    await folder.write('rows/1.parquet', HOURLY_ROWS);
    await folder.write('rows/2.parquet', HOURLY_ROWS);
    await truncate(folder.path('rows/2.parquet'), 900);
    expect(await failureOf(folder.snapshot(spec))).toMatchObject({ type: 'DataUnreadable', details: { file: 'rows/2.parquet' } });
  });

  it.each([['footer', -300, -12], ['pages', 200, 4_000]])('a file whose %s are broken, by its name', async (_, from, to) => {
    const spec = specWith({ data: { source: { path: 'rows/*.parquet' } } });
    await folder.write('rows/good.parquet', HOURLY_ROWS);
    await folder.write('rows/bad.parquet', HOURLY_ROWS);
    const bytes = await readFile(folder.path('rows/bad.parquet'));
    await writeFile(folder.path('rows/bad.parquet'), bytes.fill(0x55, from < 0 ? bytes.length + from : from, to < 0 ? bytes.length + to : to));
    const failure = await failureOf(folder.snapshot(spec));
    expect(failure.type).toBe('DataUnreadable');
    expect(String(failure.details['file'])).toMatch(/bad\.parquet$/);
  });

  it('a source that is not there', async () => {
    expect((await failureOf(folder.snapshot(specWith()))).type).toBe('DataNotFound');
  });

  it('a path that leaves the data folder', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    await rename(folder.path('rows.parquet'), join(folder.root, 'rows.parquet'));
    expect((await failureOf(folder.snapshot(specWith({ data: { source: { path: '../rows.parquet' } } })))).type).toBe('InvalidRequest');
  });

  it('a source without its event time, with all that is missing and what was meant', async () => {
    await folder.write('rows.parquet', `SELECT * RENAME (moment AS "Moment", speed AS sped) FROM (${HOURLY_ROWS})`);
    const failure = await failureOf(folder.snapshot(specWith()));
    expect(failure.type).toBe('DataInvalid');
    expect(failure.details['violations']).toMatchObject([
      { check: 'columnMissing', column: 'moment', message: expect.stringContaining('did you mean Moment?') },
      { check: 'columnMissing', column: 'speed', message: expect.stringContaining('did you mean sped?') },
    ]);
  });

  it('an event time that is a number', async () => {
    await folder.write('rows.parquet', `SELECT * REPLACE (epoch(moment) AS moment) FROM (${HOURLY_ROWS})`);
    expect((await failureOf(folder.snapshot(specWith()))).message).toContain('Event time moment is DOUBLE');
  });

  it('rows without a time that can be read, with their keys', async () => {
    await folder.write('rows.csv', `SELECT * REPLACE (CASE id WHEN 'k7' THEN 'soon' WHEN 'k9' THEN NULL ELSE moment::VARCHAR END AS moment) FROM (${HOURLY_ROWS})`);
    const failure = await failureOf(folder.snapshot(specWith({ data: { source: { path: 'rows.csv', format: 'csv' } } })));
    expect(failure).toMatchObject({ type: 'DataInvalid', details: { violations: [{ check: 'eventTime', rows: 2, examples: [{ id: 'k7', moment: 'soon' }, { id: 'k9', moment: null }] }] } });
  });

  it('a window without rows, and a source without any', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    expect(await failureOf(folder.snapshot(specWith(), { asOf: '2030-01-01T00:00:00Z' }))).toMatchObject({ type: 'WindowEmpty', details: { part: 'evaluation' } });
    expect(await failureOf(folder.snapshot(specWith(), { asOf: '2024-01-05T00:00:00Z' }))).toMatchObject({ type: 'WindowEmpty', details: { part: 'train' } });
    await folder.write('rows.parquet', `SELECT * FROM (${HOURLY_ROWS}) WHERE false`);
    expect((await failureOf(folder.snapshot(specWith()))).type).toBe('WindowEmpty');
  });

  it('fewer labelled rows than the spec asks for', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    expect(await failureOf(folder.snapshot(specWith({ training: { minimumRows: 241 } })))).toMatchObject({
      type: 'NotEnoughData', details: { part: 'train', rows: 240, labelledRows: 240, minimumRows: 241 },
    });
    expect((await failureOf(folder.snapshot(specWith({ evaluation: { minimumRows: 121 } })))).details['part']).toBe('evaluation');
  });
});
