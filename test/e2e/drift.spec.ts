import { afterAll, beforeAll, expect, it } from 'vitest';
import { windowDriftListSchema, windowDriftReportSchema } from '../../src/api/windows/window-drift.dto.js';
import { windowListSchema } from '../../src/api/windows/windows.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { readEnvironment } from '../../src/config/environment.js';
import { seededRandom } from '../../src/observations/testing/random-observations.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const MODEL = 'drifting';
const DAY = Date.parse('2024-04-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;
const HOURS = 24;
const ROWS = 100;

let perennial: Installation;
beforeAll(async () => {
  perennial = await Installation.start();
});
afterAll(() => perennial?.stop());

const uniform = seededRandom(20_261_122);

/** A day's requests, with the distributions of the events but for `size`. */
async function askADay(day: number, size: (uniform: () => number) => number): Promise<void> {
  for (let hour = 0; hour < HOURS; hour++) {
    const data = Array.from({ length: ROWS }, () => [size(uniform), uniform() < 0.1 ? null : 0.1 + 0.9 * uniform(), Math.floor(3 * uniform())]).flat();
    const parameters = { prediction_id: `${day}-${hour}`, event_time: new Date(DAY + (day * HOURS + hour) * HOUR_MS).toISOString() };
    const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${MODEL}/infer`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ parameters, inputs: [{ name: 'features', shape: [ROWS, 3], datatype: 'FP32', data }] }),
    });
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
  }
}

const get = async (path: string): Promise<unknown> => (await perennial.call('GET', path)).body;

it('holds the inputs of every closed window against the champion\'s baseline, and says which features moved', async () => {
  await writeEvents(perennial.dataDir, MODEL);
  await perennial.apply(smallSpec({ model: MODEL, monitoring: { checkEvery: 'PT2S' } }));
  await perennial.awaitRetrain(MODEL, await perennial.requestRetrain(MODEL, { asOf: asOfWeek(8) }));
  await askADay(0, (draw) => draw());
  await askADay(1, (draw) => draw() ** 2);
  // Event time has passed both days.
  await askADay(3, (draw) => draw());
  const items = await eventually(async () => {
    const list = windowDriftListSchema.parse(await get(`/v1/models/${MODEL}/windows/drift`)).items;
    return list.length >= 2 ? list : undefined;
  }, () => 'two windows');

  const [second, first] = items;
  const { snapshotDigest } = (await perennial.call<{ snapshotDigest: string }>('GET', `/v1/models/${MODEL}/versions/1`)).body;
  expect([first, second]).toMatchObject([
    { from: '2024-04-01T00:00:00.000Z', until: '2024-04-02T00:00:00.000Z', rows: HOURS * ROWS, championVersion: 1, baselineDigest: snapshotDigest, drifted: [] },
    { from: '2024-04-02T00:00:00.000Z', rows: HOURS * ROWS, drifted: ['size'] },
  ]);
  const report = windowDriftReportSchema.parse(await get(second!.links.report));
  expect(report.features.map(({ name }) => name)).toEqual(['size', 'age', 'colour']);
  expect(report.baseline).toMatchObject({ version: 1, snapshot: snapshotDigest, rows: 1_200 });
  const [size, age, colour] = report.features;
  // Of the square of a uniform number: F(x) = √x, farthest from x at ¼.
  expect(size!.ks!.statistic).toBeGreaterThan(0.2);
  expect(size!.psi).toBeGreaterThan(0.2);
  expect(age!.window.missing / report.rows).toBeCloseTo(0.1, 1);
  expect(colour!.bins).toMatchObject({ categories: ['blue', 'green', 'red'] });
  expect(colour!.chiSquared!.degreesOfFreedom).toBe(2);

  const page = await fetch(`${perennial.instance.apiUrl}${second!.links.page}`, { headers: { authorization: `Bearer ${perennial.apiKey}` } });
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(await page.text()).toMatch(/^<!DOCTYPE html>[^]*<h1>Drift of [^]*1 feature: [^\n]*size[^]*<svg[^]*<\/html>\n$/);

  // Drift harms nobody by itself.
  const looks = windowListSchema.parse(await get(`/v1/models/${MODEL}/windows`)).items.filter(({ look }) => look === 'drift');
  expect(looks.map(({ verdict, checks, alarm }) => [verdict, checks, alarm])).toEqual([['pass', 3, null], ['pass', 3, null]]);
  expect(await get(`/v1/models/${MODEL}/windows/2024-05-01T00:00:00Z/drift`)).toMatchObject({ type: expect.stringContaining('NotFound') as string });
  const terminal = new RecordedTerminal();
  expect(await runCli(['drift', MODEL], readEnvironment({ STATE_DIR: perennial.environment.STATE_DIR }), 'main.js', terminal)).toBe(0);
  expect(terminal.stdout).toMatch(/^drifting: 2400 rows .*\n\nFeature .*\nsize .* drifts\n/);
  expect(terminal.stdout).toMatch(/Found: size /);
});
