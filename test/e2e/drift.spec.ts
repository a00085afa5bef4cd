import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { windowDriftListSchema, windowDriftReportSchema } from '../../src/api/windows/window-drift.dto.js';
import { windowListSchema } from '../../src/api/windows/windows.dto.js';
import { runCli } from '../../src/cli/cli.js';
import { RecordedTerminal } from '../../src/cli/testing/recorded-terminal.js';
import { FolderStore } from '../../src/artifacts/folder-store.js';
import { readEnvironment } from '../../src/config/environment.js';
import type { SnapshotManifest } from '../../src/contracts/artifacts.js';
import { monitorWindowWorkflowId } from '../../src/contracts/motion.js';
import type { FeatureDrift } from '../../src/contracts/feature-drift.js';
import type { WindowDriftReport } from '../../src/contracts/window-drift.js';
import { DriftMeter } from '../../src/drift/drift-meter.js';
import { measureWindowDrift, type WindowDrift } from '../../src/drift/window-drift.js';
import { seededRandom } from '../../src/observations/testing/random-observations.js';
import type { FeatureSpec } from '../../src/spec/model-spec.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

const MODEL = 'drifting';
const DAY = Date.parse('2024-04-01T00:00:00.000Z');
const HOUR_MS = 3_600_000;
const HOURS = 24;
/** Of a request: an ordinary day is compared in one pass, a large one in parts. */
const [ROWS, MANY_ROWS] = [100, 500];
const DAY_MS = HOURS * HOUR_MS;
const DIES = new URL('../dies-in-a-part.mjs', import.meta.url).href;

let perennial: Installation;
let second: ChildProcess;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-drift-'));
  perennial = await Installation.start({ DRIFT_PART_ROWS: String(HOURS * ROWS), NODE_OPTIONS: `--import ${DIES}`, DIES_IN_A_PART: join(folder, 'died') });
  second = perennial.startWorker('data');
});
afterAll(async () => {
  second?.kill('SIGKILL');
  await perennial?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const uniform = seededRandom(20_261_122);

/** A day's requests, with the distributions of the events but for `size`. */
async function askADay(day: number, size: (uniform: () => number) => number, rows = ROWS): Promise<void> {
  for (let hour = 0; hour < HOURS; hour++) {
    const data = Array.from({ length: rows }, () => [size(uniform), uniform() < 0.1 ? null : 0.1 + 0.9 * uniform(), Math.floor(3 * uniform())]).flat();
    const parameters = { prediction_id: `${day}-${hour}`, event_time: new Date(DAY + (day * HOURS + hour) * HOUR_MS).toISOString() };
    const response = await fetch(`${perennial.instance.gatewayUrl}/v2/models/${MODEL}/infer`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ parameters, inputs: [{ name: 'features', shape: [rows, 3], datatype: 'FP32', data }] }),
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
  await askADay(1, (draw) => draw() ** 2, MANY_ROWS);
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
    { from: '2024-04-02T00:00:00.000Z', rows: HOURS * MANY_ROWS, drifted: ['size'] },
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
  expect(terminal.stdout).toMatch(/^drifting: 12000 rows .*\n\nFeature .*\nsize .* drifts\n/);
  expect(terminal.stdout).toMatch(/Found: size /);
});

/** Activities of a window's runs in the order in which they were scheduled, and the highest attempt of each type. */
async function activitiesOf(day: number): Promise<{ readonly scheduled: string[]; readonly attempts: ReadonlyMap<string, number> }> {
  const workflowId = monitorWindowWorkflowId(MODEL, 'default', DAY + day * DAY_MS);
  const [scheduled, attempts] = [[] as string[], new Map<string, number>()];
  for await (const { runId } of perennial.temporal.workflow.list({ query: `WorkflowId = "${workflowId}"` })) {
    const { events } = await perennial.temporal.workflow.getHandle(workflowId, runId).fetchHistory();
    const types = new Map(events!.flatMap(({ eventId, activityTaskScheduledEventAttributes: one }) => (one ? [[String(eventId), one.activityType!.name!]] : [])));
    scheduled.push(...types.values());
    for (const { activityTaskStartedEventAttributes: one } of events!) {
      const type = types.get(String(one?.scheduledEventId));
      if (one && type !== undefined) attempts.set(type, Math.max(attempts.get(type) ?? 0, one.attempt ?? 1));
    }
  }
  return { scheduled, attempts };
}

/** What one pass over the same files comes to. */
async function inOnePass(day: number, { features, baseline }: WindowDriftReport): Promise<WindowDrift> {
  const store = new FolderStore(perennial.environment.ARTIFACT_URL);
  const files: { digest: string }[] = await perennial.registry.query("SELECT digest FROM observation_file WHERE model = $1 AND kind = 'observation'", [MODEL]);
  const observations = await Promise.all(files.map(({ digest }) => store.localPath(digest)));
  const [snapshot] = await perennial.registry.query<{ manifest: SnapshotManifest }[]>('SELECT manifest FROM snapshot WHERE digest = $1', [baseline.snapshot]);
  const stretch = (from: number) => ({ fromMs: DAY + from * DAY_MS, untilMs: DAY + (from + 1) * DAY_MS, files: { observations, labels: [] } });
  mkdirSync(join(folder, 'check'));
  return measureWindowDrift(new DriftMeter(), {
    ...stretch(day), scratch: join(folder, 'check'), features: features as unknown as readonly FeatureSpec[], baseline: await store.localPath(snapshot!.manifest.evaluation.artifact.digest), before: stretch(day - 1),
  });
}

it('has a large window compared in parts by all workers, with the figures of one pass, although a worker dies in one', async () => {
  const report = windowDriftReportSchema.parse(await get(`/v1/models/${MODEL}/windows/2024-04-02T00:00:00.000Z/drift`)) as WindowDriftReport;
  const [small, large] = [await activitiesOf(0), await activitiesOf(1)];
  const partActivities = (types: readonly string[]): string[] => types.filter((type) => /Part|compare/.test(type));
  expect(partActivities(small.scheduled)).toEqual(['compareWindow']);
  expect(report.parts).toBeGreaterThanOrEqual(MANY_ROWS / ROWS + 1);
  expect(partActivities(large.scheduled)).toEqual(['compareWindow', ...Array.from({ length: report.parts! }, () => 'profileWindowPart'), 'compareParts']);
  expect([existsSync(join(folder, 'died')), large.attempts.get('profileWindowPart')]).toEqual([true, 2]);

  const exact = (await inOnePass(1, report)).features;
  report.features.forEach(({ thresholds, ...feature }, place) => {
    const expected = exact[place]!;
    const lax = (one: FeatureDrift) => ({ ...one, ks: null, wasserstein: null, baseline: { ...one.baseline, median: null, mean: null }, window: { ...one.window, median: null, mean: null } });
    expect(thresholds).toBeDefined();
    expect(lax(feature)).toEqual(lax(expected));
    for (const side of ['baseline', 'window'] as const) expect(feature[side].mean ?? 0).toBeCloseTo(expected[side].mean ?? 0, 9);
    expect(Math.abs((feature.ks?.statistic ?? 0) - (expected.ks?.statistic ?? 0))).toBeLessThanOrEqual((feature.ks?.error ?? 0) + 1e-12);
    expect(Math.abs((feature.wasserstein?.distance ?? 0) - (expected.wasserstein?.distance ?? 0))).toBeLessThanOrEqual((feature.wasserstein?.error ?? 0) + 1e-9);
  });
  expect(report.faults).toEqual([]);
});
