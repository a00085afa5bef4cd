import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { DataFolder, failureOf, HOURLY_ROWS } from './data-fixture.js';
import { fileList, withDatabase, type Database } from './duckdb.js';

let folder: DataFolder;
const open = <T>(files: readonly string[], work: (database: Database) => Promise<T>, signal?: AbortSignal): Promise<T> =>
  withDatabase({ files, scratch: join(folder.root, 'scratch'), signal, limits: { memoryMb: 60, threads: 2 } }, work);

beforeEach(async () => {
  folder = await DataFolder.make();
  return () => folder.remove();
});

describe('a database', () => {
  it('reads the files that it was opened for, whatever their names, and no other', async () => {
    const odd = folder.path(`it's [a] *? "name".parquet`);
    await folder.write(`it's [a] *? "name".parquet`, HOURLY_ROWS);
    await folder.write('other.parquet', HOURLY_ROWS);
    const count = (path: string) => open([odd], (database) => database.rows(`SELECT count(*)::DOUBLE AS n FROM read_parquet(${fileList([path])})`));
    expect(await count(odd)).toEqual([{ n: 385 }]);
    await expect(count(folder.path('other.parquet'))).rejects.toThrow(/Permission Error/);
    await expect(count('/etc/passwd')).rejects.toThrow(/Permission Error/);
  });

  it('writes in its scratch folder only, and its settings cannot be changed back', async () => {
    await open([], (database) => database.run(`COPY (SELECT 1) TO '${join(folder.root, 'scratch', 'one.parquet')}'`));
    await expect(open([], (database) => database.run(`COPY (SELECT 1) TO '${folder.path('one.parquet')}'`))).rejects.toThrow(/Permission Error/);
    await expect(open([], (database) => database.run('SET enable_external_access = true'))).rejects.toThrow(/locked|Cannot/);
    await expect(open([], (database) => database.run('INSTALL httpfs'))).rejects.toThrow();
  });

  it('binds parameters', async () => {
    const text = `'; DROP TABLE x; --`;
    expect(await open([], (database) => database.rows('SELECT $1 AS text, $2::DOUBLE AS number', [text, 1.5]))).toEqual([{ text, number: 1.5 }]);
  });

  it('spills what does not fit in memory', async () => {
    const sql = `SELECT count(*)::DOUBLE AS n FROM (SELECT key FROM (SELECT md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS key FROM range(900000)) GROUP BY key)`;
    expect(await open([], (database) => database.rows(sql))).toEqual([{ n: 900_000 }]);
  });

  it('interrupts its statement when the signal fires, and starts none afterwards', async () => {
    const stop = new AbortController();
    const reason = new Error('cancelled');
    await open([], async (database) => {
      const endless = database.rows('SELECT count(*) FROM range(1000000000000) AS numbers(n) WHERE n % 7 = 3');
      stop.abort(reason);
      await expect(endless).rejects.toBe(reason);
      await expect(database.rows('SELECT 1')).rejects.toBe(reason);
    }, stop.signal);
  });

  it('says which file cannot be read, by its name alone', async () => {
    const path = folder.path('broken.parquet');
    await writeFile(path, 'PAR1 this is no footer PAR1');
    const failure = await failureOf(open([path], (database) => database.rows(`SELECT * FROM read_parquet(${fileList([path])})`)));
    expect(failure).toMatchObject({ type: 'DataUnreadable', details: { file: 'broken.parquet' } });
    expect(failure.message).not.toContain(folder.root);
  });

  it('says that a file is gone', async () => {
    const path = folder.path('gone.parquet');
    const failure = await failureOf(open([path], (database) => database.rows(`SELECT * FROM read_parquet(${fileList([path])})`)));
    expect(failure).toMatchObject({ type: 'DataNotFound', details: { file: 'gone.parquet' } });
  });

  it('leaves a fault of ours as it is', async () => {
    await expect(open([], (database) => database.rows('SELEKT 1'))).rejects.toThrow(/Parser Error/);
  });
});

describe('columns that are handed over where they lie', () => {
  const pass = (expressions: readonly string[], from: string, visit: (columns: readonly Float64Array[]) => void, signal?: AbortSignal): Promise<void> =>
    withDatabase({ files: [], scratch: join(folder.root, 'scratch'), signal, limits: { memoryMb: 60, threads: 1 } }, (database) => database.passColumns(expressions, from, visit));

  it('are those of the relation, in order, several times in one database', async () => {
    await withDatabase({ files: [], scratch: join(folder.root, 'scratch'), limits: { memoryMb: 60, threads: 1 } }, async (database) => {
      for (const rows of [10_000, 1, 0]) {
        const found: [number[], number[]] = [[], []];
        await database.passColumns(['i::DOUBLE', '0.5::DOUBLE'], `range(${rows}) AS t(i)`, (columns) => columns.forEach((values, index) => found[index]!.push(...values)));
        expect(found).toEqual([Array.from({ length: rows }, (_, row) => row), Array.from({ length: rows }, () => 0.5)]);
      }
    });
  });

  it('have NaN where there is no value, wherever the vector ends', async () => {
    const found: [number[], number[], number[]] = [[], [], []];
    await pass(['CASE WHEN i % 3 > 0 THEN i::DOUBLE END', 'NULL::DOUBLE', 'i::DOUBLE'], 'range(5000) AS t(i)', (columns) => columns.forEach((values, index) => found[index]!.push(...values)));
    const rows = Array.from({ length: 5_000 }, (_, row) => row);
    expect(found).toEqual([rows.map((row) => (row % 3 > 0 ? row : NaN)), rows.map(() => NaN), rows]);
  });

  it('are all counted where several threads read them', async () => {
    let sum = 0;
    await open([], (database) => database.passColumns(['i::DOUBLE'], 'range(1000000) AS t(i)', ([values]) => values!.forEach((value) => (sum += value))));
    expect(sum).toBe((1_000_000 * 999_999) / 2);
  });

  it('fail with what the visitor throws, and it is not called again', async () => {
    let calls = 0;
    await expect(pass(['i::DOUBLE'], 'range(100000) AS t(i)', () => {
      calls += 1;
      throw new RangeError('enough');
    })).rejects.toThrow(new RangeError('enough'));
    expect(calls).toBe(1);
    await expect(pass(['j::DOUBLE'], 'range(10) AS t(i)', () => undefined)).rejects.toThrow(/"j" not found/);
  });

  it('end when the signal fires', async () => {
    const stop = new AbortController();
    await expect(pass(['i::DOUBLE'], 'range(100000000000) AS t(i)', () => stop.abort(new Error('called off')), stop.signal)).rejects.toThrow('called off');
  });
});
