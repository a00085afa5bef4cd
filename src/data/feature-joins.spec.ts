import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ModelSpec } from '../spec/model-spec.js';
import { DataFolder, failureOf, specWith } from './data-fixture.js';
import { withDatabase, type Row } from './duckdb.js';
import { stageRows } from './staged-rows.js';

let folder: DataFolder;

beforeEach(async () => {
  folder = await DataFolder.make();
  return () => folder.remove();
});

const WEATHER = { name: 'weather', source: { path: 'weather.parquet' }, on: ['side'], knownAt: 'known', columns: ['wind'] };
const FEATURES = [{ name: 'side', type: 'category', categories: ['north', 'south'] }, { name: 'wind', type: 'number' }];

const joining = (join: object = {}, data: object = {}): ModelSpec => specWith({ data: { features: FEATURES, joins: [{ ...WEATHER, ...join }], ...data } });

/** Rows of a query from lines of values. */
const table = (columns: string, ...lines: string[]): string => `SELECT * FROM (VALUES ${lines.map((line) => `(${line})`).join(', ')}) AS rows(${columns})`;

/** Predictions at 00:00, 12:00 and 24:00 of the first day in the north, and at 12:00 in the south and at no side. */
const ROWS = table('id, moment, late, side', "'a', TIMESTAMP '2024-01-01 00:00:00', true, 'north'", "'b', TIMESTAMP '2024-01-01 12:00:00', false, 'north'",
  "'c', TIMESTAMP '2024-01-02 00:00:00', true, 'north'", "'d', TIMESTAMP '2024-01-01 12:00:00', true, 'south'", "'e', TIMESTAMP '2024-01-01 12:00:00', true, NULL");

/** All rows of a source, joined. */
async function joinedRows(spec: ModelSpec, select = '*'): Promise<Row[]> {
  const workDir = join(folder.root, 'work');
  const { path } = await stageRows({ spec, dataDir: folder.dataDir, workDir }, join(folder.root, 'joined.parquet'));
  return withDatabase({ files: [path], scratch: workDir }, (database) => database.rows(`SELECT ${select} FROM read_parquet('${path}') ORDER BY id`));
}

async function windsOf(weather: string, spec = joining(), rows = ROWS): Promise<unknown[]> {
  await folder.write(spec.data.source.path, rows);
  await folder.write(spec.data.joins![0]!.source.path, weather);
  return (await joinedRows(spec)).map(({ wind }) => wind);
}

const weather = (...lines: string[]): string => table('side, known, wind', ...lines);
const violationsOf = async (work: Promise<unknown>): Promise<unknown> => (await failureOf(work)).details['violations'];

describe('a joined value', () => {
  it('is the newest of its key that was known at event time, known at that very time too', async () => {
    expect(await windsOf(weather("'north', TIMESTAMP '2024-01-01 11:59:59.999999', 1.5::DOUBLE", "'north', TIMESTAMP '2024-01-01 12:00:00', 2.5",
      "'north', TIMESTAMP '2024-01-01 12:00:00.000001', 3.5", "'south', TIMESTAMP '2023-12-01', 7.5"))).toEqual([null, 2.5, 3.5, 7.5, null]);
  });

  it('is missing where the newest row has none, though an older one has', async () => {
    expect(await windsOf(weather("'north', TIMESTAMP '2023-12-30', 1.5::DOUBLE", "'north', TIMESTAMP '2024-01-01 06:00:00', NULL"))).toEqual([1.5, null, null, null, null]);
  });

  it('counts when it is exactly as old as it may be, and is missing a microsecond later', async () => {
    const lines = ["'north', TIMESTAMP '2023-12-31 21:00:00', 1.5::DOUBLE", "'south', TIMESTAMP '2024-01-01 08:59:59.999999', 2.5"];
    expect(await windsOf(weather(...lines), joining({ maxAge: 'PT3H' }))).toEqual([1.5, null, null, null, null]);
    expect(await windsOf(weather(...lines), joining())).toEqual([1.5, 1.5, 1.5, 2.5, null]);
  });

  it('matches no missing key, and an empty table none at all', async () => {
    expect(await windsOf(weather("NULL::VARCHAR, TIMESTAMP '2020-01-01', 1.5::DOUBLE", "NULL, TIMESTAMP '2020-01-01', 2.5"))).toEqual([null, null, null, null, null]);
    expect(await windsOf(`SELECT * FROM (${weather("'north', TIMESTAMP '2020-01-01', 1.5::DOUBLE")}) WHERE false`)).toEqual([null, null, null, null, null]);
  });

  it.each([
    ['TIMESTAMPTZ', "(known AT TIME ZONE 'UTC')"],
    ['TIMESTAMP_NS', 'known::TIMESTAMP_NS'],
    ['text with an offset', `strftime(known + INTERVAL 2 HOUR, '%Y-%m-%dT%H:%M:%S+02:00')`],
  ])('has its time read in UTC from %s', async (_, expression) => {
    const sql = weather("'north', TIMESTAMP '2024-01-01 12:00:00', 1.5::DOUBLE", "'south', TIMESTAMP '2024-01-01 12:00:01', 2.5");
    expect(await windsOf(`SELECT * REPLACE (${expression} AS known) FROM (${sql})`)).toEqual([null, 1.5, 1.5, null, null]);
  });

  it('that was known within a microsecond is not seen before it', async () => {
    expect(await windsOf(weather("'north', '2024-01-01 12:00:00.000000001'::TIMESTAMP_NS, 1.5::DOUBLE"))).toEqual([null, null, 1.5, null, null]);
  });

  it('is looked up by the event time of a source in another zone', async () => {
    const rows = `SELECT * REPLACE (strftime(moment - INTERVAL 5 HOUR, '%Y-%m-%dT%H:%M:%S-05:00') AS moment) FROM (${ROWS})`;
    expect(await windsOf(weather("'north', TIMESTAMP '2024-01-01 12:00:00', 1.5::DOUBLE"), joining(), rows)).toEqual([null, 1.5, 1.5, null, null]);
  });

  it('goes by several keys, which need not be features', async () => {
    const rows = `SELECT *, length(id)::TINYINT AS floor, id < 'c' AS low FROM (${ROWS})`;
    const sql = table('side, floor, low, known, wind', "'north', 1::BIGINT, true, TIMESTAMP '2024-01-01', 1.5::DOUBLE", "'north', 1, false, TIMESTAMP '2024-01-01', 2.5", "'south', 2, false, TIMESTAMP '2024-01-01', 3.5");
    await folder.write('rows.parquet', rows);
    await folder.write('weather.parquet', sql);
    const found = await joinedRows(joining({ on: ['side', 'floor', 'low'] }));
    expect(found.map(({ wind }) => wind)).toEqual([1.5, 1.5, 2.5, null, null]);
    expect(Object.keys(found[0]!)).toEqual(['id', 'moment', 'late', 'side', 'wind']);
  });

  it('may come from several tables, and tell slices apart', async () => {
    const spec = specWith({
      data: { features: FEATURES, joins: [{ ...WEATHER, on: ['id'] }, { name: 'region', source: { path: 'region/*.parquet' }, on: ['side'], knownAt: 'since', columns: ['coast', 'zone'] }] }, evaluation: { slices: ['zone', 'coast'] },
    });
    await folder.write('rows.parquet', ROWS);
    await folder.write('weather.parquet', table('id, known, wind', "'a', DATE '2024-01-01', 1.5::DOUBLE", "'c', DATE '2024-01-02', 2.5"));
    await folder.write('region/1.parquet', table('side, since, coast', "'north', DATE '2024-01-01', true"));
    await folder.write('region/2.parquet', table('side, since, zone', "'south', DATE '2024-01-01', 'Z'"));
    expect(await joinedRows(spec, 'id, wind, zone, coast')).toEqual([
      { id: 'a', wind: 1.5, zone: null, coast: true }, { id: 'b', wind: null, zone: null, coast: true }, { id: 'c', wind: 2.5, zone: null, coast: true },
      { id: 'd', wind: null, zone: 'Z', coast: null }, { id: 'e', wind: null, zone: null, coast: null },
    ]);
  });
});

describe('a table with ties', () => {
  const revised = (...lines: string[]): string => table('side, known, wind, revision, source', ...lines);

  it('gives the greatest by the tie-breakers, where a missing one is the least', async () => {
    expect(await windsOf(revised(
      "'north', TIMESTAMP '2024-01-01', 1.5::DOUBLE, 9, 'a'", "'north', TIMESTAMP '2024-01-01', 2.5, 10, 'b'", "'north', TIMESTAMP '2024-01-01', 3.5, 10, 'a'", "'north', TIMESTAMP '2024-01-01', 4.5, NULL, 'z'",
      "'south', TIMESTAMP '2024-01-01', 5.5, NULL, 'a'", "'south', TIMESTAMP '2024-01-01', 6.5, NULL, NULL",
    ), joining({ tieBreaker: ['revision', 'source'] }))).toEqual([2.5, 2.5, 2.5, 5.5, null]);
  });

  it('takes copies of a row for one', async () => {
    expect(await windsOf(weather("'north', TIMESTAMP '2024-01-01', NULL::DOUBLE", "'north', TIMESTAMP '2024-01-01', NULL", "'south', TIMESTAMP '2024-01-01', 2.5", "'south', TIMESTAMP '2024-01-01', 2.5"))).toEqual([null, null, null, 2.5, null]);
  });

  it('is refused where none holds, with an example', async () => {
    const violations = await violationsOf(windsOf(weather("'north', TIMESTAMP '2024-01-01', 1.5::DOUBLE", "'north', TIMESTAMP '2024-01-01', NULL", "'south', TIMESTAMP '2024-01-01', 2.5")));
    expect(violations).toMatchObject([{
      check: 'joinTie', rows: 2, examples: [{ side: 'north', known: '2024-01-01 00:00:00', copies: 2 }],
      message: 'Join weather: 1 of the times at which a key\'s values became known has several rows with different values, such as side north, known 2024-01-01 00:00:00; keep one row, or name in tieBreaker a column whose greatest value tells which holds',
    }]);
    const sql = revised("'north', TIMESTAMP '2024-01-01', 1.5::DOUBLE, 1, 'a'", "'north', TIMESTAMP '2024-01-01', 2.5, 1, 'b'", "'south', TIMESTAMP '2024-01-01', 1.5, 1, 'a'", "'south', TIMESTAMP '2024-01-01', 2.5, 1, 'b'");
    expect(JSON.stringify(await violationsOf(windsOf(sql, joining({ tieBreaker: ['revision'] }))))).toMatch(/2 of the times.*such as side north.*add to tieBreaker \(revision\)/);
  });

  it('is not refused for rows that do not hold anyway', async () => {
    expect(await windsOf(revised("'north', TIMESTAMP '2024-01-01', 1.5::DOUBLE, 1, 'a'", "'north', TIMESTAMP '2024-01-01', 2.5, 1, 'b'", "'north', TIMESTAMP '2024-01-01', 3.5, 2, 'b'"),
      joining({ tieBreaker: ['revision'] }))).toEqual([3.5, 3.5, 3.5, null, null]);
  });
});

describe('CSV', () => {
  const asCsv = { source: { path: 'weather.csv', format: 'csv' } };
  const sql = table('side, known, wind, revision', "'north', '2024-01-01T13:00:00+01:00', 1.5::DOUBLE, 9", "'north', '2024-01-01 12:00:00', 2.5, 10", "'south', '2024-01-01T12:00:01Z', 3.5, 1");

  it('may be a table, its tie-breakers being numbers or times where they can be', async () => {
    expect(await windsOf(sql, joining({ ...asCsv, tieBreaker: ['revision'] }))).toEqual([null, 2.5, 2.5, null, null]);
    const times = `SELECT * REPLACE (CASE revision WHEN 9 THEN '2024-01-02T00:30:00+02:00' ELSE '2024-01-01T23:00:00Z' END AS revision) FROM (${sql})`;
    expect(await windsOf(times, joining({ ...asCsv, tieBreaker: ['revision'] }))).toEqual([null, 2.5, 2.5, null, null]);
    const words = `SELECT * REPLACE (CASE revision WHEN 9 THEN 'draft' ELSE 'final' END AS revision) FROM (${sql})`;
    expect(await windsOf(words, joining({ ...asCsv, tieBreaker: ['revision'] }))).toEqual([null, 2.5, 2.5, null, null]);
  });

  it('may be the source, and both', async () => {
    const data = { source: { path: 'rows.csv', format: 'csv' } };
    expect(await windsOf(sql, joining({ tieBreaker: ['revision'] }, data))).toEqual([null, 2.5, 2.5, null, null]);
    expect(await windsOf(sql, joining({ ...asCsv, tieBreaker: ['revision'] }, data))).toEqual([null, 2.5, 2.5, null, null]);
  });

  it('has keys that are compared as text with whole numbers and dates', async () => {
    const rows = `SELECT *, 7::UBIGINT AS station, DATE '2024-01-05' AS day FROM (${ROWS})`;
    const keyed = table('station, day, known, wind', "7, DATE '2024-01-05', TIMESTAMP '2024-01-01', 1.5::DOUBLE", "8, DATE '2024-01-05', TIMESTAMP '2024-01-01', 9.5");
    expect(await windsOf(keyed, joining({ ...asCsv, on: ['station', 'day'] }), rows)).toEqual([1.5, 1.5, 1.5, 1.5, 1.5]);
    const source = { source: { path: 'rows.csv', format: 'csv' } };
    expect(await windsOf(keyed, joining({ on: ['station', 'day'] }, source), rows)).toEqual([1.5, 1.5, 1.5, 1.5, 1.5]);
  });

  it('keeps the text in a joined column of numbers for validation to show', async () => {
    expect(await windsOf(`SELECT * REPLACE (CASE wind WHEN 2.5 THEN 'calm' ELSE wind::VARCHAR END AS wind) FROM (${sql})`, joining({ ...asCsv, tieBreaker: ['revision'] }))).toEqual([null, 'calm', 'calm', null, null]);
  });
});

describe('a join is refused', () => {
  const sound = weather("'north', TIMESTAMP '2024-01-01', 1.5::DOUBLE");

  it('with all columns that are not there, of every join, and what was meant', async () => {
    await folder.write('rows.parquet', `SELECT * RENAME (side AS "Side") FROM (${ROWS})`);
    await folder.write('weather.parquet', `SELECT * RENAME (known AS known_, wind AS winds) FROM (${sound})`);
    await folder.write('soil.csv', 'SELECT 1 AS other');
    const spec = joining({}, {
      features: [{ name: 'wind', type: 'number' }, { name: 'wet', type: 'number' }],
      joins: [{ ...WEATHER, tieBreaker: ['revision'] }, { ...WEATHER, name: 'soil', source: { path: 'soil.csv', format: 'csv' }, columns: ['wet'], on: ['id'] }],
    });
    const failure = await failureOf(joinedRows(spec));
    expect(failure.type).toBe('DataInvalid');
    expect((failure.details['violations'] as { message: string }[]).map(({ message }) => message)).toEqual([
      'Join weather: the table has no column known; did you mean known_? Rename it in the table or in the spec',
      'Join weather: the table has no column revision; add it, or correct data.joins',
      'Join weather: the table has no column wind; did you mean winds? Rename it in the table or in the spec',
      'Join weather: the source has no column side, by which the table is joined; did you mean Side? Rename it in the source or in the spec',
      'Join soil: the table has no column id; add it, or correct data.joins',
      'Join soil: the table has no column known; add it, or correct data.joins',
      'Join soil: the table has no column wet; add it, or correct data.joins',
    ]);
  });

  it.each([
    ['of another kind', "7 AS side, 'x' AS other", 'side is VARCHAR in the source and INTEGER in the table'],
    ['that are fractions', '1.5::DOUBLE AS side', 'side is VARCHAR in the source and DOUBLE in the table'],
  ])('for keys %s', async (_, key, says) => {
    const violations = await violationsOf(windsOf(`SELECT ${key}, TIMESTAMP '2024-01-01' AS known, 1.5 AS wind`));
    expect(violations).toMatchObject([{ check: 'joinKeyType', column: 'side', message: expect.stringContaining(says) }]);
  });

  it('for a boolean key beside text of CSV, whose spellings are many', async () => {
    const rows = `SELECT * REPLACE (side = 'north' AS side) FROM (${ROWS})`;
    const spec = joining({ source: { path: 'weather.csv', format: 'csv' } });
    expect(await violationsOf(windsOf(sound, spec, rows))).toMatchObject([{ message: expect.stringContaining('side is BOOLEAN in the source and text (CSV) in the table') }]);
  });

  it('for a column that the source has too, in whatever spelling', async () => {
    const rows = `SELECT *, 1 AS "Wind" FROM (${ROWS})`;
    expect(await violationsOf(windsOf(sound, joining(), rows))).toMatchObject([{ check: 'joinColumnClash', column: 'wind', message: expect.stringContaining('wind is in the source too, as Wind;') }]);
  });

  it('for times that are none, and for rows without one', async () => {
    expect(await violationsOf(windsOf(`SELECT 'north' AS side, 5 AS known, 1.5 AS wind`))).toMatchObject([{ check: 'type', column: 'known', message: expect.stringContaining('known (knownAt) is INTEGER') }]);
    const lost = weather("'north', '2024-01-01', 1.5::DOUBLE", "'south', 'soon', 2.5", "'north', NULL, 3.5", "NULL, 'infinity', 4.5");
    expect(await violationsOf(windsOf(lost))).toMatchObject([{
      check: 'knownAt', rows: 3, share: 0.75, examples: [{ side: 'south', known: 'soon' }, { side: 'north', known: null }, { side: null, known: 'infinity' }], message: expect.stringContaining('3 of the table\'s 4 rows have no time in known'),
    }]);
  });

  it('for files that are not there, or out of the folder, or broken, by its name', async () => {
    await folder.write('rows.parquet', ROWS);
    expect(await failureOf(joinedRows(joining()))).toMatchObject({ type: 'DataNotFound', message: expect.stringContaining('mend data.joins (weather).source.path') });
    expect(await failureOf(joinedRows(joining({ source: { path: '../x.parquet' } })))).toMatchObject({ type: 'InvalidRequest', message: expect.stringContaining('data.joins (weather).source.path') });
    await folder.write('weather.csv', sound);
    expect(await failureOf(joinedRows(joining({ source: { path: 'weather.csv' } })))).toMatchObject({ type: 'DataUnreadable', message: expect.stringContaining('set data.joins (weather).source.format') });
  });
});
