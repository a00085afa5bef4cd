import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeatureDrift } from '../contracts/feature-drift.js';
import { withDatabase } from '../data/duckdb.js';
import { categoryDrift, type CategoryProfile } from './category-drift.js';
import { type DriftMeasurement, DriftMeter } from './drift-meter.js';
import { numericDrift } from './numeric-drift.js';

const folder = mkdtempSync(join(tmpdir(), 'drift-meter-'));
const file = (name: string): string => join(folder, `${name}.parquet`);
const baseline = [file('baseline-0'), file('baseline-1')];
const window = [file('window')];
const features = [{ name: 'a', type: 'number' }, { name: 'colour', type: 'category' }, { name: 'b', type: 'number' }, { name: 'none', type: 'number' }] as const;
const ROWS = 30_000;

/** `b` is FLOAT with NULL and NaN; `colour` has one value in the window that the baseline has not. */
const rows = (from: number, count: number, shift: number): string => `SELECT
  sin(i * 12.9898) * 43758.5453 - floor(sin(i * 12.9898) * 43758.5453) + ${shift} AS a,
  CASE WHEN i % 7 = 0 THEN NULL WHEN i % 11 = 0 THEN 'NaN'::FLOAT ELSE (i % 100)::FLOAT END AS b,
  CASE WHEN i % 13 = 0 THEN NULL ELSE ['red', 'green', '${shift > 0 ? 'blue' : 'green'}'][i % 3 + 1] END AS colour, NULL::DOUBLE AS none
  FROM range(${from}, ${from + count}) AS t(i)`;

const write = (path: string, select: string): Promise<void> =>
  withDatabase({ files: [], scratch: folder }, (database) => database.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`));

beforeAll(async () => {
  await write(baseline[0]!, rows(0, ROWS, 0));
  await write(baseline[1]!, rows(ROWS, ROWS, 0));
  await write(window[0]!, rows(2 * ROWS, ROWS, 0.01));
});
afterAll(() => rmSync(folder, { recursive: true }));

const meter = new DriftMeter();
const measure = (more: Partial<DriftMeasurement> = {}): Promise<FeatureDrift[]> => meter.measure({ baseline, window, features, scratch: folder, ...more });

/** NULL is NaN. */
async function column(paths: readonly string[], name: string): Promise<Float64Array> {
  const { columns: [values] } = await withDatabase({ files: paths, scratch: folder }, (database) =>
    database.columns(`SELECT coalesce(${name}::DOUBLE, 'NaN') FROM read_parquet([${paths.map((path) => `'${path}'`).join(', ')}])`, ['DOUBLE']));
  return values as Float64Array;
}

async function colours(paths: readonly string[]): Promise<CategoryProfile> {
  const list = paths.map((path) => `'${path}'`).join(', ');
  const found = await withDatabase({ files: paths, scratch: folder }, (database) =>
    database.rows(`SELECT [count_if(colour = c)::DOUBLE, count_if(colour IS NULL)::DOUBLE]::VARCHAR AS counts, c FROM read_parquet([${list}]), (VALUES ('red'), ('green'), ('blue')) AS t(c) GROUP BY c`));
  const counted = found.map(({ c, counts }) => [String(c), JSON.parse(String(counts)) as [number, number]] as const).filter(([, [count]]) => count > 0);
  return { counts: new Map(counted.map(([colour, [count]]) => [colour, count])), missing: counted[0]![1][1] };
}

describe('a window beside its baseline, from files', () => {
  it('has the figures of its values, in the order of the features', async () => {
    const found = await measure();
    expect(found.map(({ name }) => name)).toEqual(['a', 'colour', 'b', 'none']);
    for (const name of ['a', 'b'] as const) {
      expect(found.find((feature) => feature.name === name)).toEqual(numericDrift(name, await column(baseline, name), await column(window, name)));
    }
    expect(found[2]?.baseline).toMatchObject({ rows: 2 * ROWS, missing: 8_572 + 4_675, infinite: 0, least: 0, greatest: 99 });
    expect(found[3]).toMatchObject({ psi: null, jensenShannon: null, ks: null, wasserstein: null, window: { rows: ROWS, missing: ROWS, mean: null } });
    expect(found[1]).toEqual(categoryDrift('colour', await colours(baseline), await colours(window)));
    expect(found[1]).toMatchObject({ baseline: { missing: 4_616 }, newCategories: [{ value: 'blue' }], newCategoryCount: 1 });
  });

  it('has the same bins and an error that holds where values are not kept in memory', async () => {
    const [exact, rough] = [await measure(), await measure({ heldRows: 0 })];
    for (const name of ['a', 'b']) {
      const [one, other] = [exact, rough].map((found) => found.find((feature) => feature.name === name)!) as [FeatureDrift, FeatureDrift];
      expect(Math.abs(one.ks!.statistic - other.ks!.statistic)).toBeLessThanOrEqual(other.ks!.error + 1e-12);
      expect(Math.abs(one.wasserstein!.distance - other.wasserstein!.distance)).toBeLessThanOrEqual(other.wasserstein!.error + 1e-12);
      expect(other.ks!.error).toBeLessThan(0.001);
      expect([other.psi, other.jensenShannon, other.bins]).toEqual([one.psi, one.jensenShannon, one.bins]);
      expect({ ...other.baseline, mean: 0 }).toEqual({ ...one.baseline, mean: 0 });
    }
    expect(rough[1]).toEqual(exact[1]);
  });

  it('has the deciles of all values where those of its sample lie elsewhere', async () => {
    await write(file('striped'), `SELECT i % 977 / 977.0 + CASE WHEN i % 4096 < 2048 THEN 100 ELSE 0 END AS a FROM range(400000) AS t(i)`);
    const striped = { baseline: [file('striped')], features: features.slice(0, 1) };
    const [[exact], [read]] = await Promise.all([measure(striped), measure({ ...striped, heldRows: 0 })]);
    expect([read!.psi, read!.jensenShannon, read!.bins]).toEqual([exact!.psi, exact!.jensenShannon, exact!.bins]);
    expect(exact!.bins.edges!.filter((edge) => edge < 1)).toHaveLength(4);
  });

  it('says which file cannot be read, and goes on with the next measurement', async () => {
    writeFileSync(file('torn'), 'PAR1 not really');
    await expect(measure({ window: [file('torn')] })).rejects.toMatchObject({ type: 'DataUnreadable', message: expect.stringContaining('torn.parquet') as string });
    await expect(measure({ window: [file('gone')] })).rejects.toMatchObject({ type: 'DataNotFound' });
    await expect(measure({ features: [{ name: 'renamed', type: 'number' }] })).rejects.toThrow(/renamed/);
    expect(await measure()).toHaveLength(features.length);
  });

  it('waits for its turn', async () => {
    const [one, other] = await Promise.all([measure(), measure({ features: features.slice(0, 1) })]);
    expect(other).toEqual(one.slice(0, 1));
  });

  it('ends when it is called off', async () => {
    const stop = new AbortController();
    const running = measure({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await expect(measure({ signal: stop.signal })).rejects.toThrow('enough');
    expect(await measure()).toHaveLength(features.length);
  });
});
