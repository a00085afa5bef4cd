import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataFolder, failureOf, HOURLY_ROWS, specWith } from '../data/data-fixture.js';
import { withDatabase } from '../data/duckdb.js';
import { findSourceFiles, hashSourceFile } from '../data/source-files.js';
import { modelSpecSchema } from '../spec/model-spec.js';
import { type SourceSection, type StagedSource, stageSource } from './observed-source.js';
import { writeSourceLabels, writeSourceObservations } from './source-observations.js';

const ZERO = Date.parse('2024-01-01T00:00:00Z');
const HOUR_MS = 3_600_000;
const RECEIVED_MS = Date.parse('2024-02-01T00:00:00Z');
const SECTION: SourceSection = { path: 'scored/*', format: 'parquet', deployment: 'default', delay: 'P1D' };
const ANSWERED: SourceSection = { ...SECTION, output: 'answer', version: 'by' };
/** Ten hours, with what somebody else answered. */
const SCORED = `SELECT *, i / 10.0 AS answer, 2 + i % 2 AS "by" FROM (${HOURLY_ROWS.replace("SELECT 'k' || i AS id", "SELECT i, 'k' || i AS id")}) WHERE i < 10`;

let folder: DataFolder;
let scratch: string;
beforeEach(async () => {
  folder = await DataFolder.make();
  scratch = mkdtempSync(join(folder.root, 'scratch-'));
});
afterEach(() => folder.remove());

const stage = async (name: string, section = ANSWERED, earlier: readonly string[] = [], spec = specWith()): Promise<StagedSource> => {
  const [listed] = await findSourceFiles(folder.dataDir, name);
  return stageSource({ spec, section, outcome: 'paid', file: await hashSourceFile(listed!, section.format), earlier, scratch, dataDir: folder.dataDir, workDir: scratch });
};
const write = (rows: string, more: { outputs?: Float32Array; observeInputs?: boolean; section?: SourceSection } = {}) =>
  writeSourceObservations(rows, {
    spec: specWith(), section: ANSWERED, model: 'trial', champion: { version: 7, epoch: 3, revision: 5 }, outputs: null, observeInputs: true, boot: 'b', receivedAtMs: RECEIVED_MS, scratch, ...more,
  });
const read = (path: string, select = '*') => withDatabase({ files: [path], scratch }, (database) => database.rows(`SELECT ${select} FROM read_parquet('${path}')`));

describe('a file of a source', () => {
  it('becomes observations of whoever answered, in the order of event time', async () => {
    await folder.write('scored/a.parquet', `${SCORED} ORDER BY hash(id)`);
    const written = await write((await stage('scored/a.parquet')).fresh);
    expect(written).toMatchObject({
      model: 'trial', deployment: 'default', kind: 'observation', rows: 10, firstSequence: 1, lastSequence: 10, firstEventMs: ZERO, lastEventMs: ZERO + 9 * HOUR_MS,
      newestReceivedMs: RECEIVED_MS, leadMs: ZERO + 9 * HOUR_MS - RECEIVED_MS,
    });
    const rows = await read(written!.path, 'prediction_id, gateway, boot, sequence::INTEGER AS sequence, version, epoch::INTEGER AS epoch, role, guard, output, inputs.speed AS speed, inputs.side AS side');
    expect(rows.map(({ prediction_id: id }) => id)).toEqual(Array.from({ length: 10 }, (_, hour) => `k${hour}`));
    expect(rows[3]).toEqual({ prediction_id: 'k3', gateway: 'source', boot: 'b', sequence: 4, version: 3, epoch: 3, role: 'champion', guard: 'none', output: Math.fround(0.3), speed: 10, side: 'south' });
  });

  it('becomes those of the champion where the champion was asked, and no number is no answer', async () => {
    await folder.write('scored/a.parquet', SCORED);
    const written = await write((await stage('scored/a.parquet', SECTION)).fresh, { section: SECTION, outputs: Float32Array.from({ length: 10 }, (_, row) => (row === 4 ? NaN : row)) });
    const rows = await read(written!.path, 'version, output');
    expect(rows.map(({ output }) => output)).toEqual([0, 1, 2, 3, null, 5, 6, 7, 8, 9]);
    expect(new Set(rows.map(({ version }) => version))).toEqual(new Set([7]));
  });

  it('leaves inputs out where they may not be kept', async () => {
    await folder.write('scored/a.parquet', SCORED);
    const written = await write((await stage('scored/a.parquet')).fresh, { observeInputs: false });
    expect(Object.keys((await read(written!.path))[0]!)).not.toContain('inputs');
  });

  it('is read from CSV alike', async () => {
    await folder.write('scored/a.parquet', SCORED);
    await folder.write('scored/a.csv', SCORED);
    const columns = 'prediction_id, event_time, version, output, inputs';
    const parquet = await read((await write((await stage('scored/a.parquet')).fresh))!.path, columns);
    const csv = await read((await write((await stage('scored/a.csv', { ...ANSWERED, format: 'csv' })).fresh))!.path, columns);
    expect(csv).toEqual(parquet);
  });

  it('that has grown adds its new rows alone, and all of its labels', async () => {
    await folder.write('scored/a.parquet', `SELECT * REPLACE (NULL::BOOLEAN AS late) FROM (${SCORED}) WHERE i < 6`);
    const first = await stage('scored/a.parquet');
    const known = (await write(first.fresh))!.path;
    const labels = join(scratch, 'labels.parquet');
    expect(await writeSourceLabels(first.path, { spec: specWith(), outcome: null, scratch, path: labels })).toBe(0);
    await folder.write('scored/a.parquet', SCORED);
    const kept = join(mkdtempSync(join(folder.root, 'kept-')), 'kept.parquet');
    await withDatabase({ files: [known], scratch: folder.root }, (database) => database.run(`COPY (FROM read_parquet('${known}')) TO '${kept}'`));
    const second = await stage('scored/a.parquet', ANSWERED, [kept]);
    expect((await write(second.fresh))!.rows).toBe(4);
    expect(await writeSourceLabels(second.path, { spec: specWith(), outcome: 'paid', scratch, path: labels })).toBe(10);
    expect(await read(labels, 'prediction_id, label')).toEqual(Array.from({ length: 10 }, (_, hour) => ({ prediction_id: `k${hour}`, label: hour % 3 === 0 })));
    expect(await write((await stage('scored/a.parquet', ANSWERED, [kept, (await write(second.path))!.path])).fresh)).toBeNull();
  });

  it('brings the business outcome beside the label, or alone', async () => {
    await folder.write('scored/a.parquet', `SELECT * REPLACE (CASE WHEN i < 3 THEN late END AS late), CASE WHEN i > 1 THEN i * 10 END AS paid FROM (${SCORED})`);
    const labels = join(scratch, 'labels.parquet');
    expect(await writeSourceLabels((await stage('scored/a.parquet')).path, { spec: specWith(), outcome: 'paid', scratch, path: labels })).toBe(10);
    expect((await read(labels, 'label, outcome::DOUBLE AS outcome')).slice(0, 5)).toEqual([{ label: true, outcome: null }, { label: false, outcome: null }, { label: false, outcome: 20 }, { label: null, outcome: 30 }, { label: null, outcome: 40 }]);
  });

  it('need not have the label, nor slices', async () => {
    await folder.write('scored/a.parquet', `SELECT * EXCLUDE (late) FROM (${SCORED})`);
    const { path, fresh } = await stage('scored/a.parquet', ANSWERED, [], specWith({ evaluation: { slices: ['elsewhere'] } }));
    expect(await writeSourceLabels(path, { spec: specWith(), outcome: 'paid', scratch, path: join(scratch, 'none.parquet') })).toBe(0);
    expect((await write(fresh))!.rows).toBe(10);
  });

  it('gets the joined values that training gets', async () => {
    // The speed of each hour is known an hour late, and mended once, long after.
    await folder.write('speeds.parquet', `SELECT id, moment + to_hours(CASE WHEN mended THEN 500 ELSE -1 END) AS known, CASE WHEN mended THEN -1 ELSE speed END AS speed
      FROM (${HOURLY_ROWS}) CROSS JOIN (VALUES (false), (true)) AS versions(mended)`);
    const joins = [{ name: 'speeds', source: { path: 'speeds.parquet' }, on: ['id'], knownAt: 'known', columns: ['speed'] }];
    const spec = specWith({ data: { joins } });
    await folder.write('rows.parquet', `SELECT * EXCLUDE (speed) FROM (${HOURLY_ROWS})`);
    const trained = await folder.read(await folder.snapshot(spec), 'train', 'id, speed::FLOAT AS speed');
    await folder.write('scored/a.parquet', `SELECT * EXCLUDE (speed) FROM (${SCORED})`);
    const written = await write((await stage('scored/a.parquet', ANSWERED, [], spec)).fresh);
    const observed = await read(written!.path, 'prediction_id AS id, inputs.speed AS speed');
    expect(observed).toEqual(trained.slice(0, 10));
    expect(observed.map(({ speed }) => speed)).toEqual(Array.from({ length: 10 }, (_, hour) => (hour * 37) % 101));
  });

  it.each([
    ['lacks columns', 'SELECT * RENAME (speed AS sped) FROM (%)', /scored\/a\.parquet cannot be observed: .*no column speed; did you mean sped/],
    ['has text for a number', "SELECT * REPLACE ('fast' AS speed) FROM (%)", /Feature speed is VARCHAR; write it as a number/],
    ['has answers that are none', "SELECT * REPLACE (CASE i WHEN 3 THEN 'high' ELSE '1' END AS answer) FROM (%)", /1 rows have a value of answer that is no number/],
    ['has answers that are no probabilities', 'SELECT * REPLACE (i * 20 AS answer) FROM (%)', /9 rows have a value of answer outside of 0 to 1; write the probability/],
    ['has versions that are none', 'SELECT * REPLACE (i / 2.0 AS "by") FROM (%)', /6 rows have a value of by that is no version/],
    ['has rows without a key', "SELECT * REPLACE (nullif(id, 'k5') AS id) FROM (%)", /1 rows lack a value of id/],
    ['has rows without an event time', 'SELECT * REPLACE (CASE WHEN i > 7 THEN moment END AS moment) FROM (%)', /8 of the source's 10 rows have no event time/],
  ])('that %s is refused whole', async (_fault, sql, message) => {
    await folder.write('scored/a.parquet', sql.replace('%', SCORED));
    const failure = await failureOf(stage('scored/a.parquet'));
    expect([failure.type, failure.message]).toEqual(['DataInvalid', expect.stringMatching(message)]);
  });
});

it('a spec names who answered only beside the answers', () => {
  const parsed = modelSpecSchema.safeParse({ ...specWith(), monitoring: { source: { path: 'scored/*', version: 'by' } } });
  expect(parsed.error?.issues.map(({ path, message }) => [path.join('.'), message])).toEqual([['monitoring.source.version', expect.stringContaining('needs output')]]);
});
