import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type WindowAssessmentAnswer, windowAssessmentListSchema, windowAssessmentReportSchema } from '../../src/api/windows/window-assessments.dto.js';
import { sourceFileListSchema } from '../../src/api/windows/source-files.dto.js';
import { FolderStore } from '../../src/artifacts/folder-store.js';
import { query } from '../../src/data/data-fixture.js';
import { seededRandom } from '../../src/observations/testing/random-observations.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const MODEL = 'scored';
const DAY = Date.parse('2024-03-05T00:00:00.000Z');
const DAY_MS = 86_400_000;
const ROWS_A_DAY = 600 / 7;

let perennial: Installation;
let events: string;
beforeAll(async () => {
  perennial = await Installation.start();
});
afterAll(() => perennial?.stop());

/** A day's rows as a batch job would leave them, to be scored by the champion. */
async function leave(day: number, select = '*', name = `day-${day}`, copies = 1): Promise<void> {
  mkdirSync(join(perennial.dataDir, 'left'), { recursive: true });
  const [from, until] = [DAY + day * DAY_MS, DAY + (day + 1) * DAY_MS];
  await query(`COPY (SELECT ${select} FROM (SELECT * EXCLUDE (copy) REPLACE (id || '-' || copy AS id) FROM read_parquet('${events}'), range(${copies}) AS copies(copy)) WHERE epoch_ms(asked_at) >= ${from} AND epoch_ms(asked_at) < ${until}) TO '${join(perennial.dataDir, 'left', `${name}.parquet`)}' (FORMAT parquet)`);
}

const get = async (path: string): Promise<unknown> => (await perennial.call('GET', path)).body;
const assessments = async (): Promise<readonly WindowAssessmentAnswer[]> => windowAssessmentListSchema.parse(await get(`/v1/models/${MODEL}/windows/assessments?limit=500&revisions=all`)).items;
const assessed = (day: number, occasion: string): Promise<WindowAssessmentAnswer> =>
  eventually(async () => (await assessments()).find((one) => Date.parse(one.from) === DAY + day * DAY_MS && one.occasion === occasion), () => `day ${day} to be ${occasion}`);
const openAlarms = async (): Promise<{ kind: string; summary: string }[]> => ((await get('/v1/alarms?open=true&limit=100')) as { items: { kind: string; summary: string }[] }).items;

it('assesses windows of rows that no gateway answered, with the labels that stand beside them', async () => {
  events = await writeEvents(perennial.dataDir, MODEL);
  await leave(0);
  await leave(1, '* REPLACE (NULL::BOOLEAN AS bought)');
  await perennial.apply(smallSpec({ model: MODEL, monitoring: { checkEvery: 'PT2S', source: { path: 'left/*.parquet' } } }));
  await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(8) }));

  const closed = await assessed(0, 'closed');
  expect(closed).toMatchObject({ revision: 1, verdict: 'pass', version: 1, labelled: 0, drifted: [], complete: true });
  expect(Math.abs(closed.rows - ROWS_A_DAY)).toBeLessThan(1);
  const matured = await assessed(0, 'matured');
  expect(matured).toMatchObject({ labelled: closed.rows, version: 1, harm: { rows: closed.rows, alarm: null } });
  expect((await assessed(1, 'matured')).labelled).toBe(0);
});

it('asks the champion as a gateway would', async () => {
  const [file] = await perennial.registry.query<{ digest: string }[]>("SELECT digest FROM observation_file WHERE model = $1 AND gateway = 'source' ORDER BY first_event_time LIMIT 1", [MODEL]);
  const path = await new FolderStore(perennial.environment.ARTIFACT_URL).localPath(file!.digest);
  const rows = await query(`SELECT inputs.size AS size, inputs.age AS age, inputs.colour AS colour, output FROM read_parquet('${path}') ORDER BY sequence`);
  const data = rows.flatMap(({ size, age, colour }) => [size, age, ['blue', 'green', 'red'].indexOf(String(colour))]);
  const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${MODEL}/infer`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: [{ name: 'features', shape: [rows.length, 3], datatype: 'FP32', data }] }),
  });
  const { outputs } = (await response.json()) as { outputs: { data: number[] }[] };
  expect(rows.map(({ output }) => output)).toEqual(outputs[0]!.data.filter((_, place) => place % 2 === 1).map(Math.fround));
});

it('counts labels that a file brings when it comes again, and its rows once', async () => {
  await leave(1);
  const amended = await assessed(1, 'amended');
  expect(amended.labelled).toBe(amended.rows);
  expect(Math.abs(amended.rows - ROWS_A_DAY)).toBeLessThan(1);
  const report = windowAssessmentReportSchema.parse(await get(amended.links.report));
  expect(report).toMatchObject({ versions: [{ version: 1, rows: amended.rows }], completeness: { complete: true, unconverted: 0 }, operations: { repeated: 0, latencyMs: null } });
  // Rows are as old as their file is when it is read.
  const { arrivalLagMs, received, firstEvent, checks } = report.operations!;
  expect(Math.abs(arrivalLagMs!.greatest - (Date.parse(received!.first) - Date.parse(firstEvent!)))).toBeLessThan(1);
  expect(checks!.arrivalLagP95Ms).toEqual({ value: arrivalLagMs!.p95, limit: null, by: 'windows', windows: expect.any(Number) as number, verdict: 'inconclusive' });
  // The same bytes under another name say nothing new.
  await leave(0, '*', 'day-0-again');
  const files = await eventually(async () => {
    const { items } = sourceFileListSchema.parse(await get(`/v1/models/${MODEL}/windows/source-files`));
    return items.length === 4 ? items : undefined;
  }, () => 'the fourth file');
  expect(files.map(({ file, rows, labelled }) => [file, rows > 0, labelled > 0])).toEqual([
    ['left/day-0-again.parquet', false, false], ['left/day-1.parquet', false, true], ['left/day-1.parquet', true, false], ['left/day-0.parquet', true, true],
  ]);
});

it('tells of a file that cannot be read, and goes on with the others', async () => {
  writeFileSync(join(perennial.dataDir, 'left', 'broken.parquet'), 'PAR1 and then nothing');
  await leave(2, '* RENAME (size AS sise)');
  await leave(3);
  const { rows } = await assessed(3, 'matured');
  expect(Math.abs(rows - ROWS_A_DAY)).toBeLessThan(1);
  const [alarm] = (await openAlarms()).filter(({ kind }) => kind === 'sourceUnreadable');
  expect(alarm!.summary).toMatch(/^Rows of monitoring\.source cannot be observed: left\/(broken|day-2)\.parquet .*(cut off|did you mean sise)/);
  rmSync(join(perennial.dataDir, 'left', 'broken.parquet'));
  await leave(2);
  await eventually(async () => ((await openAlarms()).every(({ kind }) => kind !== 'sourceUnreadable') ? true : undefined), () => 'the alarm to end');
  // Later windows were assessed already: this one stands beside them.
  const late = await assessed(2, 'backfilled');
  expect(late).toMatchObject({ revision: 1, labelled: late.rows, alarm: null });
  expect(Math.abs(late.rows - ROWS_A_DAY)).toBeLessThan(1);
  // More rows of the first day.
  const before = (await assessments()).filter(({ from }) => Date.parse(from) === DAY);
  await leave(0, "* REPLACE ('late-' || id AS id)", 'day-0-more');
  // Rows and their labels may come to two looks.
  const amended = await eventually(async () => (await assessments()).find((one) => Date.parse(one.from) === DAY && one.occasion === 'amended' && one.labelled === 2 * before[0]!.rows), () => 'day 0 to be amended');
  expect(amended).toMatchObject({ rows: 2 * before[0]!.rows });
  expect(amended.revision).toBeGreaterThan(before.length);
});

it('counts every row once, whenever the worker that reads it is killed', async () => {
  const seed = 20_261_124;
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  const days = Array.from({ length: 8 }, (_, place) => 4 + place);
  for (const day of days) await leave(day, '*', `killed-${day}`, 10);
  for (let kill = 0; kill < 4; kill++) {
    await pause(300 + 1_500 * random());
    process.kill(perennial.instance.roles.worker.pid as number, 'SIGKILL');
  }
  const matured = await Promise.all(days.map((day) => assessed(day, 'matured')));
  for (const { rows, labelled } of matured) {
    expect(Math.abs(rows - 10 * ROWS_A_DAY)).toBeLessThanOrEqual(10);
    expect(labelled).toBe(rows);
  }
  const [{ rows, files }] = await perennial.registry.query(
    "SELECT sum(file.rows)::int AS rows, count(*)::int AS files FROM observation_file file WHERE file.model = $1 AND file.gateway = 'source' AND file.first_event_time >= $2", [MODEL, new Date(DAY + 4 * DAY_MS)]);
  expect([files, rows]).toEqual([days.length, matured.reduce((sum, one) => sum + one.rows, 0)]);
  const { items } = sourceFileListSchema.parse(await get(`/v1/models/${MODEL}/windows/source-files?limit=100`));
  expect(items.filter(({ file }) => file.includes('killed')).map(({ file }) => file).sort()).toEqual(days.map((day) => `left/killed-${day}.parquet`).sort());
});
