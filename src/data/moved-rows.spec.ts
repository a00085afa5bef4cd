import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelSpec } from '../spec/model-spec.js';
import { withDatabase } from './duckdb.js';
import { writeMovedRows } from './moved-rows.js';

let folder: string;
let parquetPath: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-moved-'));
  parquetPath = join(folder, 'rows.parquet');
  await withDatabase({ files: [], scratch: folder }, (database) => database.run(`
    COPY (SELECT i AS id, i % 2 = 0 AS bought, make_timestamp(i * 1000000) AS asked_at, (i / 10.0)::FLOAT AS size, CASE WHEN i % 5 = 0 THEN NULL ELSE i::INTEGER END AS age, 3.0 AS constant,
      ['blue', 'red', 'violet'][(i % 3 + 1)::BIGINT] AS colour, 'only' AS kind FROM range(10) AS t(i)) TO '${parquetPath}' (FORMAT parquet)`));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const spec = {
  data: {
    label: 'bought', eventTime: 'asked_at',
    features: [
      { name: 'size', type: 'number', min: 0, max: 0.9 }, { name: 'age', type: 'number' }, { name: 'constant', type: 'number' },
      { name: 'colour', type: 'category', categories: ['blue', 'red'] }, { name: 'kind', type: 'category', categories: ['only'] },
    ],
  },
} as unknown as Pick<ModelSpec, 'data'>;

describe('moved rows', () => {
  it('are the rows as they are, then once more for each move, in one order', async () => {
    const path = join(folder, 'moved.parquet');
    const moves = await writeMovedRows({ parquetPath, path, folder, spec });
    expect(moves.map(({ feature, move }) => `${feature} ${move}`)).toEqual(['size up', 'size down', 'age up', 'age down', 'colour exchanged']);
    // Half of the sample standard deviation of 0, 0.1 … 0.9.
    expect(moves[0]!.step).toBeCloseTo(0.5 * 0.30276504, 6);
    expect(moves[1]!.step).toBe(-moves[0]!.step!);
    const rows = await withDatabase({ files: [path], scratch: folder }, (database) => database.rows(`SELECT size, age, constant, colour, bought FROM read_parquet('${path}')`));
    expect(rows).toHaveLength(60);
    const part = (index: number, column: string) => rows.slice(10 * index, 10 * (index + 1)).map((row) => row[column]);
    for (let index = 0; index <= 5; index++) expect(part(index, 'bought')).toEqual(part(0, 'bought'));
    expect(part(0, 'size').map(Number)).toEqual(Array.from({ length: 10 }, (_, i) => expect.closeTo(i / 10, 6) as number));
    expect(part(1, 'size').map(Number)).toEqual(Array.from({ length: 10 }, (_, i) => expect.closeTo(Math.min(0.9, i / 10 + moves[0]!.step!), 6) as number));
    expect(part(2, 'size').map(Number)).toEqual(Array.from({ length: 10 }, (_, i) => expect.closeTo(Math.max(0, i / 10 - moves[0]!.step!), 6) as number));
    expect(part(1, 'age')).toEqual(part(0, 'age'));
    expect(part(3, 'age').map((value) => value === null)).toEqual(part(0, 'age').map((value) => value === null));
    expect(Number(part(3, 'age')[1])).toBeGreaterThan(1);
    expect(part(5, 'colour')).toEqual(part(0, 'colour').map((colour) => ({ blue: 'red', red: 'blue' } as Record<string, string>)[colour as string] ?? colour));
    expect(part(5, 'constant')).toEqual(part(0, 'constant'));
  });
});
