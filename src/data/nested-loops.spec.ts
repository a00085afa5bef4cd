import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../observations/testing/random-observations.js';
import { DataFolder, specWith } from './data-fixture.js';
import { withDatabase } from './duckdb.js';
import { quoteLiteral } from './feature-encoding.js';
import { stageRows } from './staged-rows.js';

const ZERO = Date.parse('2024-01-01T00:00:00Z');
const MINUTE_MS = 60_000;
const MAX_AGE_MINUTES = 8;

interface Asked { readonly id: string; readonly minute: number; readonly side: string | null; readonly floor: number | null }
interface Known { readonly side: string | null; readonly floor: number | null; readonly minute: number; readonly revision: number | null; readonly wind: number | null; readonly sky: string | null }
type Joined = Readonly<Record<'id' | 'wind' | 'sky' | 'dust', unknown>>;

let folder: DataFolder;

beforeEach(async () => {
  folder = await DataFolder.make();
  return () => folder.remove();
});

/** Few keys and coarse times, so that most rows have ties, and some find nothing. */
function randomTables(seed: number, rows: number, known: number): { asked: Asked[]; weather: Known[]; dust: Known[] } {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const side = (): string | null => [null, 'north', 'south', 'it\'s "west"'][below(4)]!;
  const floor = (): number | null => [null, 1, 2][below(3)]!;
  const row = (): Known => {
    const key = { side: side(), floor: floor(), minute: below(200) - 20, revision: [null, 0, 1, 9, 10][below(5)]! };
    // Rows that are alike in all that tells rows apart have the same values, so that none is refused.
    const value = Math.floor(1_024 * seededRandom(JSON.stringify(key).split('').reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, seed))()) / 1_024;
    return { ...key, wind: value < 0.2 ? null : value, sky: value > 0.8 ? null : `sky ${value}` };
  };
  return {
    asked: Array.from({ length: rows }, (_, index) => ({ id: `k${index}`, minute: below(200), side: side(), floor: floor() })),
    weather: Array.from({ length: known }, row), dust: Array.from({ length: known }, row),
  };
}

/** The newest row by time, then revision, of those with the key that were known. */
function lookUp(table: readonly Known[], row: Asked, matches: (known: Known) => boolean): Known | undefined {
  let best: Known | undefined;
  for (const known of table) {
    if (!matches(known) || known.minute > row.minute) continue;
    if (!best || known.minute > best.minute || (known.minute === best.minute && (known.revision ?? -1) > (best.revision ?? -1))) best = known;
  }
  return best;
}

function nestedLoops({ asked, weather, dust }: ReturnType<typeof randomTables>): Joined[] {
  return asked.map((row) => {
    const seen = lookUp(weather, row, ({ side, floor }) => side !== null && floor !== null && side === row.side && floor === row.floor);
    const young = seen && row.minute - seen.minute <= MAX_AGE_MINUTES ? seen : undefined;
    return { id: row.id, wind: young?.wind ?? null, sky: young?.sky ?? null, dust: lookUp(dust, row, ({ side }) => side !== null && side === row.side)?.wind ?? null };
  });
}

const literal = (value: unknown): string => (typeof value === 'string' ? quoteLiteral(value) : String(value));
const time = (minute: number): string => `TIMESTAMP '${new Date(ZERO + minute * MINUTE_MS).toISOString().slice(0, -1)}'`;
const knownSql = (rows: readonly Known[], wind: string): string =>
  `SELECT side::VARCHAR AS side, floor::INTEGER AS floor, known, revision::INTEGER AS revision, wind::DOUBLE AS ${wind}, sky::VARCHAR AS sky FROM (VALUES ${rows.map((row) =>
    `(${literal(row.side)}, ${literal(row.floor)}, ${time(row.minute)}, ${literal(row.revision)}, ${literal(row.wind)}, ${literal(row.sky)})`).join(', ')}) AS rows(side, floor, known, revision, wind, sky)`;
const askedSql = (rows: readonly Asked[]): string =>
  `SELECT id, moment, true AS late, side::VARCHAR AS side, floor::BIGINT AS floor FROM (VALUES ${rows.map((row) => `('${row.id}', ${time(row.minute)}, ${literal(row.side)}, ${literal(row.floor)})`).join(', ')}) AS rows(id, moment, side, floor)`;

const spec = (format: 'parquet' | 'csv') => specWith({
  data: {
    features: [{ name: 'wind', type: 'number' }, { name: 'sky', type: 'category', categories: ['x'] }, { name: 'dust', type: 'number' }],
    joins: [
      { name: 'weather', source: { path: `weather.${format}`, format }, on: ['side', 'floor'], knownAt: 'known', tieBreaker: ['revision'], columns: ['wind', 'sky'], maxAge: `PT${MAX_AGE_MINUTES}M` },
      { name: 'dust', source: { path: 'dust.parquet' }, on: ['side'], knownAt: 'known', tieBreaker: ['revision', 'floor'], columns: ['dust'] },
    ],
  },
});

describe('joins find what nested loops find, for each row once', () => {
  // DuckDB plans the join in another way for fewer rows than 64.
  it.each([[1, 1, 40], [2, 30, 1], [3, 30, 200], [4, 63, 500], [5, 64, 500], [6, 700, 900], [7, 3_000, 400], [8, 1_500, 900]])('seed %i: %i rows, tables of %i', async (seed, rows, known) => {
    const tables = randomTables(seed, rows, known);
    // The second table goes by one key alone, so what tells its rows apart beyond it is made a tie-breaker.
    const unique = { ...tables, dust: tables.dust.map((row) => ({ ...row, revision: (row.revision ?? -1) * 10 + (row.floor ?? 0) })) };
    await folder.write('rows.parquet', askedSql(unique.asked));
    await folder.write('dust.parquet', knownSql(unique.dust, 'dust'));
    for (const format of ['parquet', 'csv'] as const) {
      await folder.write(`weather.${format}`, knownSql(unique.weather, 'wind'));
      const workDir = join(folder.root, 'work');
      const { path } = await stageRows({ spec: spec(format), dataDir: folder.dataDir, workDir, limits: { memoryMb: 64, threads: 3 } }, join(folder.root, 'joined.parquet'));
      const found = await withDatabase({ files: [path], scratch: workDir }, (database) => database.rows(`SELECT id, wind, sky, dust FROM read_parquet('${path}') ORDER BY substr(id, 2)::INTEGER`));
      expect(found).toEqual(nestedLoops(unique));
    }
  });
});
