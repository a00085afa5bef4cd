import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataFolder, failureOf, HOURLY_ROWS, SPEC, specWith } from './data-fixture.js';

let folder: DataFolder;
beforeAll(async () => { folder = await DataFolder.make(); });
afterAll(() => folder.remove());

const told = (error: { readonly message: string; readonly details: unknown; readonly cause?: unknown }): string => JSON.stringify([error.message, error.details, String(error.cause)]);

describe('what is told of rows with sensitive columns', () => {
  it('names no bound, key or value of theirs, and those of the other columns', async () => {
    await folder.write('rows.parquet', `SELECT * REPLACE (CASE WHEN i % 50 = 0 THEN 4711.5 ELSE speed END AS speed, CASE WHEN i % 60 = 0 THEN 'nowhere' ELSE side END AS side) FROM (SELECT row_number() OVER () AS i, * FROM (${HOURLY_ROWS}))`);
    const open = JSON.stringify(await folder.validate(specWith()));
    for (const value of ['4711.5', 'nowhere', '"k', 'greater than 100']) expect(open).toContain(value);
    const masked = await folder.validate(specWith({ data: { sensitive: ['speed', 'id'] } }));
    expect(masked.violations.map(({ check, rows }) => [check, rows])).toEqual((JSON.parse(open) as typeof masked).violations.map(({ check, rows }) => [check, rows]));
    expect(JSON.stringify(masked)).toMatch(/greater than max[^]*nowhere/);
    expect(JSON.stringify(masked)).not.toMatch(/4711|"k\d|100"/);
    expect(masked.violations.find(({ check }) => check === 'maximum')!.examples[0]).toEqual({ id: '•••', speed: '•••' });
  });

  it('masks the key of rows without a time, and what ties in a joined table', async () => {
    await folder.write('rows.parquet', `SELECT * REPLACE (CASE id WHEN 'k7' THEN NULL ELSE moment END AS moment) FROM (${HOURLY_ROWS})`);
    expect(told(await failureOf(folder.snapshot(specWith({ data: { sensitive: ['id'] } }))))).toMatch(/no event time[^]*•••/);
    expect(told(await failureOf(folder.snapshot(specWith({ data: { sensitive: ['id'] } }))))).not.toContain('k7');
    await folder.write('rows.parquet', HOURLY_ROWS);
    await folder.write('table.parquet', "SELECT 'k7' AS id, TIMESTAMP '2024-01-01' AS seen, wind FROM (VALUES (1.0), (2.0)) AS t(wind)");
    const joins = [{ name: 'weather', source: { path: 'table.parquet' }, on: ['id'], knownAt: 'seen', columns: ['wind'] }];
    const joined = specWith({ data: { joins, sensitive: ['id'], features: [...SPEC.data.features, { name: 'wind', type: 'number', maxMissing: 1 }] } });
    const tie = await failureOf(folder.snapshot(joined));
    expect(tie.message).toMatch(/such as id •••, seen 2024-01-01/);
    expect(told(tie)).not.toContain('k7');
  });

  it('leaves out what DuckDB says of a line that it cannot read, and tells which it is', async () => {
    writeFileSync(folder.path('rows.csv'), 'id,moment,late,speed,side\nk1,2024-01-01T00:00:00Z,true,1,north\nk2,2024-01-02T00:00:00Z,true,4711,north,more,than,fit\n');
    const source = { path: 'rows.csv', format: 'csv' };
    expect(told(await failureOf(folder.snapshot(specWith({ data: { source } }))))).toContain('4711');
    const discreet = await failureOf(folder.snapshot(specWith({ data: { source, sensitive: ['speed'] } })));
    expect(discreet).toMatchObject({ type: 'DataUnreadable', message: expect.stringMatching(/^rows\.csv cannot be read: .*Error.*data\.sensitive/) as string });
    expect(told(discreet)).not.toContain('4711');
  });
});
