import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../contracts/canonical.js';
import { DataFolder, failureOf, HOURLY_ROWS, specWith } from './data-fixture.js';
import { withSource } from './source-rows.js';

let folder: DataFolder;

beforeEach(async () => {
  folder = await DataFolder.make();
  await folder.write('rows.parquet', HOURLY_ROWS);
  return () => folder.remove();
});

const FEATURES = [{ name: 'speed', type: 'number' }, { name: 'wind', type: 'number' }];
const WEATHER = { name: 'weather', source: { path: 'weather/*.parquet' }, on: ['side'], knownAt: 'known', tieBreaker: ['revision'], columns: ['wind'] };
const spec = specWith({ data: { features: FEATURES, joins: [WEATHER] } });

/** Every two hours for each side four revisions that became known at once, and a copy of each. */
const REVISIONS = `SELECT CASE i % 2 WHEN 0 THEN 'north' ELSE 'south' END AS side, TIMESTAMP '2023-12-31' + to_hours(2 * (i // 8 % 220)) AS known, i // 2 % 4 AS revision,
  (i % 1760)::DOUBLE AS wind FROM range(0, 3520) AS numbers(i)`;
const writeWeather = (sql = REVISIONS): Promise<void> => folder.write('weather/1.parquet', sql);

describe('a snapshot with joins', () => {
  it('gives the same bytes whatever the order of the table, the number of threads and the memory', async () => {
    const parts = new Set<string>();
    for (const [order, limits] of [['wind', { threads: 1, memoryMb: 64 }], ['hash(wind)', { threads: 4, memoryMb: 512 }], ['revision, known DESC', { threads: 2, memoryMb: 128 }], ['hash(wind + 1), side', { threads: 3, memoryMb: 64 }]] as const) {
      await writeWeather(`SELECT * FROM (${REVISIONS}) ORDER BY ${order}`);
      const snapshot = await folder.snapshot(spec, { limits });
      parts.add(`${snapshot.manifest.train.artifact.digest} ${snapshot.manifest.evaluation.artifact.digest}`);
      // 2023-12-31 is 24 hours before the first row, so that row i sees the pair of hours 12 + i // 2, in its last revision.
      expect(await folder.read(snapshot, 'train', `count(*)::INTEGER AS rows, count_if(wind = 8 * (12 + substr(id, 2)::INTEGER // 2) + 6 + substr(id, 2)::INTEGER % 2)::INTEGER AS right_ones`)).toEqual([{ rows: 240, right_ones: 240 }]);
    }
    expect([...parts]).toHaveLength(1);
  });

  it('says which files were joined, and is another one when they change', async () => {
    await writeWeather();
    const { manifest, digest } = await folder.snapshot(spec);
    expect(manifest.columns.map(({ name }) => name)).toEqual(['id', 'moment', 'late', 'speed', 'wind']);
    expect(manifest.source.otherColumns).toEqual([]);
    expect(manifest.joins).toEqual([{
      name: 'weather', path: 'weather/*.parquet', format: 'parquet', columns: ['wind'],
      files: [{ name: 'weather/1.parquet', bytes: (await readFile(folder.path('weather/1.parquet'))).byteLength, digest: sha256(await readFile(folder.path('weather/1.parquet'))) }],
    }]);
    expect((await folder.snapshot(spec)).digest).toBe(digest);
    await folder.write('weather/2.parquet', `SELECT 'west' AS side, TIMESTAMP '2030-01-01' AS known, 1 AS revision, 1.5::DOUBLE AS wind`);
    const more = await folder.snapshot(spec);
    expect(more.manifest.train.artifact).toEqual(manifest.train.artifact);
    expect(more.digest).not.toBe(digest);
    expect('joins' in (await folder.snapshot(specWith())).manifest).toBe(false);
  });

  it('is validated by what was joined', async () => {
    await writeWeather(`SELECT * FROM (${REVISIONS}) WHERE known >= TIMESTAMP '2024-01-01 04:00:00'`);
    expect((await folder.validate(spec)).violations).toMatchObject([{ check: 'missing', column: 'wind', part: 'train', rows: 4 }]);
  });

  it('holds what the champion had joined beside the spec, and not what the spec joins itself', async () => {
    await writeWeather(`SELECT *, wind + 1 AS gust FROM (${REVISIONS})`);
    const champion = specWith({ data: { features: [...FEATURES, { name: 'gust', type: 'number' }], joins: [{ ...WEATHER, columns: ['wind', 'gust'] }] } }).data;
    const snapshot = await folder.snapshot(spec, { alsoFeatures: champion.features, alsoJoins: champion.joins! });
    expect(snapshot.manifest.joins?.map(({ name, columns }) => [name, columns])).toEqual([['weather', ['wind']], ['weather of the champion', ['gust']]]);
    expect(await folder.read(snapshot, 'train', 'count_if(gust = wind + 1)::INTEGER AS both')).toEqual([{ both: 240 }]);
    const unjoined = await folder.snapshot(specWith(), { alsoFeatures: champion.features, alsoJoins: champion.joins! });
    expect(unjoined.manifest.columns.map(({ name }) => name)).toEqual(['id', 'moment', 'late', 'speed', 'side', 'wind', 'gust']);
    expect((await folder.snapshot(spec, { alsoFeatures: spec.data.features, alsoJoins: spec.data.joins! })).digest).toBe((await folder.snapshot(spec)).digest);
  });

  it('is refused when a joined file changes meanwhile, or is broken, by its name', async () => {
    await writeWeather();
    const request = { spec, dataDir: folder.dataDir, workDir: join(folder.root, 'work') };
    expect((await failureOf(withSource(request, () => appendFile(folder.path('weather/1.parquet'), 'more')))).message).toContain('weather/1.parquet changed while it was being read');
    await writeWeather();
    const bytes = await readFile(folder.path('weather/1.parquet'));
    await writeFile(folder.path('weather/1.parquet'), bytes.fill(0x55, 100, 2_000));
    expect(await failureOf(folder.snapshot(spec))).toMatchObject({ type: 'DataUnreadable', details: { file: expect.stringMatching(/1\.parquet$/) } });
  });
});
