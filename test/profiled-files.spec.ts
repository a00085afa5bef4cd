import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, expect, it } from 'vitest';
import { withDatabase } from '../src/data/duckdb.js';
import { DriftColumns } from '../src/drift/drift-columns.js';
import { profileBaseline, profiledDrift } from '../src/drift/numeric-drift.js';
import { addValues, emptyProfile, mergeProfiles, type NumericProfile } from '../src/drift/numeric-profile.js';
import { cutCellsOf } from '../src/drift/value-buckets.js';
import type { ProfilingOrder, ToldProfile } from './profiling-worker.js';

const [FILES, WORKERS, ROWS] = [8, 4, 20_000];
const COLUMN = 'amount';
const folder = mkdtempSync(join(tmpdir(), 'perennial-profiles-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Heavy tails, ties, values that are missing and infinite, and a shift in the window. */
async function writeFiles(): Promise<{ baseline: string; window: string[] }> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const write = async (name: string, from: number, shift: number): Promise<string> => {
    const path = join(folder, name);
    await connection.run(`COPY (SELECT CASE hash(i * 3 + 1) % 50 WHEN 0 THEN NULL WHEN 1 THEN 'inf'::DOUBLE WHEN 2 THEN 0.1
      ELSE exp(hash(i * 3 + 2) % 100003 / 12500.0 - 4) * (1 - 2 * (hash(i) % 2)::INT) + ${shift} END AS ${COLUMN} FROM range(${from}, ${from + ROWS}) AS rows(i)) TO '${path}' (FORMAT parquet)`);
    return path;
  };
  const files = { baseline: await write('baseline.parquet', 0, 0), window: [] as string[] };
  for (let file = 0; file < FILES; file++) files.window.push(await write(`window-${file}.parquet`, (file + 1) * ROWS, 0.01));
  connection.closeSync();
  instance.closeSync();
  return files;
}

async function valuesOf(files: readonly string[]): Promise<Float64Array> {
  return withDatabase({ files, scratch: folder }, async (database) => {
    const columns = await DriftColumns.open(database, files);
    const values = new Float64Array(columns.rows);
    await columns.numbers([COLUMN], [values]);
    return values;
  });
}

async function profiledByProcess(order: ProfilingOrder): Promise<ToldProfile[]> {
  const loader = new URL('../src/evaluation/typescript-source.mjs', import.meta.url).href;
  const child = fork(join(import.meta.dirname, 'profiling-worker.ts'), { execArgv: ['--import', loader] });
  child.send(order);
  const [profiles] = (await Promise.race([once(child, 'message'), once(child, 'exit').then(([code]) => Promise.reject(new Error(`a worker ended with ${code}`)))])) as [ToldProfile[]];
  return profiles;
}

function profileOf({ layout, bins }: NumericProfile, { numbers, least, greatest, below, counts, sums }: ToldProfile): NumericProfile {
  const profile = Object.assign(emptyProfile(layout, bins), { ...numbers, least: least ?? Infinity, greatest: greatest ?? -Infinity });
  for (const [array, text] of [[profile.below, below], [profile.counts, counts], [profile.sums!, sums]] as const) Buffer.from(array.buffer).set(Buffer.from(text, 'base64'));
  return profile;
}

it('eight files that four processes profile give, merged, bit for bit the figures of one pass', async () => {
  const files = await writeFiles();
  const baseline = profileBaseline(await valuesOf([files.baseline]));
  const told = await Promise.all(Array.from({ length: WORKERS }, (_, worker) => {
    const scratch = join(folder, `worker-${worker}`);
    mkdirSync(scratch);
    // Not neighbours: a worker takes what comes.
    return profiledByProcess({ ...cutCellsOf(baseline.layout), edges: [...baseline.bins!.edges], column: COLUMN, scratch, files: files.window.filter((_, file) => file % WORKERS === worker) });
  }));
  const parts = told.flat().map((one) => profileOf(baseline, one));
  expect(parts).toHaveLength(FILES);
  const once = emptyProfile(baseline.layout, baseline.bins);
  addValues(once, await valuesOf(files.window));

  const merged = mergeProfiles(parts);
  expect(Buffer.from(merged.counts.buffer).equals(Buffer.from(once.counts.buffer))).toBe(true);
  expect(Buffer.from(merged.sums!.buffer).equals(Buffer.from(once.sums!.buffer))).toBe(true);
  const [figures, expected] = [merged, once].map((window) => profiledDrift(COLUMN, baseline, window)) as [ReturnType<typeof profiledDrift>, ReturnType<typeof profiledDrift>];
  expect(figures).toEqual(expected);
  expect(figures.window).toMatchObject({ rows: FILES * ROWS, missing: expect.any(Number) as number, infinite: expect.any(Number) as number });
  expect(figures.ks!.statistic).toBeGreaterThan(0);
});
