import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataFolder, failureOf, HOURLY_ROWS, specWith } from './data-fixture.js';
import { withDatabase } from './duckdb.js';
import { copyStaged, stageRows } from './staged-rows.js';

const ZERO = Date.parse('2024-01-01T00:00:00Z');

let folder: DataFolder;
beforeEach(async () => {
  folder = await DataFolder.make();
  mkdirSync(join(folder.root, 'work'));
});
afterEach(() => folder.remove());

const stage = (spec = specWith()) => stageRows({ spec, dataDir: folder.dataDir, workDir: join(folder.root, 'work') }, join(folder.root, 'work', 'rows.parquet'));

describe('staged rows', () => {
  it('hold all rows by event time, with their labels as numbers', async () => {
    await folder.write('rows.parquet', `SELECT * REPLACE (CASE WHEN id = 'k3' THEN NULL ELSE late END AS late) FROM (${HOURLY_ROWS}) ORDER BY hash(id)`);
    const { eventTimesMs, labels } = await stage();
    expect(eventTimesMs).toEqual(Float64Array.from({ length: 385 }, (_, hour) => ZERO + hour * 3_600_000));
    expect(labels).toEqual(Float64Array.from({ length: 385 }, (_, hour) => (hour === 3 ? NaN : hour % 3 === 0 ? 1 : 0)));
    expect(readdirSync(join(folder.root, 'work'))).toEqual(['rows.parquet']);
  });

  it('come from CSV too, and have no label where the text is none', async () => {
    await folder.write('rows.csv', `SELECT * REPLACE (CASE id WHEN 'k0' THEN 'maybe' ELSE late::VARCHAR END AS late) FROM (${HOURLY_ROWS}) LIMIT 3`);
    const { labels, eventTimesMs } = await stage(specWith({ data: { source: { path: 'rows.csv', format: 'csv' } } }));
    expect(eventTimesMs).toHaveLength(3);
    expect(labels).toEqual(Float64Array.of(NaN, NaN, NaN));
    await folder.write('sound.csv', `SELECT * FROM (${HOURLY_ROWS}) LIMIT 4`);
    expect((await stage(specWith({ data: { source: { path: 'sound.csv', format: 'csv' } } }))).labels).toEqual(Float64Array.of(1, 0, 0, 1));
  });

  it('are refused with every column that is not there', async () => {
    await folder.write('rows.parquet', `SELECT * EXCLUDE (late) RENAME (speed AS sped) FROM (${HOURLY_ROWS})`);
    const failure = await failureOf(stage());
    expect(failure).toMatchObject({ type: 'DataInvalid', details: { violationCount: 2 } });
    expect(failure.message).toMatch(/late.*did you mean sped/s);
  });

  it('are copied in their order', async () => {
    await folder.write('rows.parquet', HOURLY_ROWS);
    const { path } = await stage();
    const [scratch, to] = [join(folder.root, 'work'), join(folder.root, 'work', 'some.parquet')];
    const rows = await withDatabase({ files: [path], scratch }, async (database) => {
      await copyStaged(database, { from: path, to, select: 'id, speed', condition: "moment >= TIMESTAMP '2024-01-16'" });
      return database.rows(`SELECT id, speed::DOUBLE AS speed FROM read_parquet('${to}')`);
    });
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 25 }, (_, place) => `k${360 + place}`));
    expect(Object.keys(rows[0]!)).toEqual(['id', 'speed']);
  });
});
