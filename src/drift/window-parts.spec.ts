import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FolderStore } from '../artifacts/folder-store.js';
import { canonicalJson } from '../contracts/canonical.js';
import type { FeatureDrift } from '../contracts/feature-drift.js';
import { ObservedFiles } from '../observations/testing/observed-files.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { DriftMeter } from './drift-meter.js';
import { measureWindowDrift, type WindowDrift } from './window-drift.js';
import { type ObservedStretch, WindowParts } from './window-parts.js';

const SEED = Math.floor(Math.random() * 2 ** 31);
const START = Date.parse('2024-01-01T00:00:00Z');
const HOUR_MS = 3_600_000;
const signal = new AbortController().signal;

/** `later` came with a version: most files have not got it. */
const FEATURES = [
  ...['amount', 'tied', 'constant', 'absent', 'later'].map((name) => ({ name, type: 'number' })), ...['colour', 'alone'].map((name) => ({ name, type: 'category' })),
] as unknown as readonly FeatureSpec[];

/** Row i with heavy tails, ties, values that are missing, infinite (which the model takes as missing) and constant. */
const inputs = (shift: number, colours: string, more = ''): string => `{'amount': CASE hash(i * 3 + 1) % 50 WHEN 0 THEN NULL WHEN 1 THEN 'inf'::DOUBLE WHEN 2 THEN 1e300 WHEN 3 THEN 0.1
  ELSE exp(hash(i * 3 + 2) % 100003 / 12500.0 - 4) * (1 - 2 * (hash(i) % 2)::INT) + ${shift} END,
  'tied': (hash(i * 5) % 10)::DOUBLE - ${shift}, 'constant': -1.5::FLOAT, 'absent': NULL::FLOAT, 'colour': ${colours}[(hash(i * 7) % 4)::INT + 1], 'alone': 'x'${more}}`;
const KNOWN = "['red', 'green', 'blue', NULL]";

let files: ObservedFiles;
let store: FolderStore;
let baseline: string;
/** In the order of their first event. */
let observed: readonly string[];
let earlier: readonly string[];
const meter = new DriftMeter();
const workers: WindowParts[] = [];

beforeAll(async () => {
  files = await ObservedFiles.make();
  store = new FolderStore(join(files.folder, 'store'));
  for (const worker of ['one', 'other']) {
    mkdirSync(join(files.folder, worker));
    workers.push(new WindowParts(store, new DriftMeter(), join(files.folder, worker)));
  }
  baseline = await files.write(`SELECT inputs.* FROM (SELECT ${inputs(0, KNOWN, ", 'later': (i % 100)::FLOAT")} AS inputs FROM range(900000, 906000) t(i))`);
  observed = [
    await files.observations('range(0, 1300) t(i)', { inputs: inputs(0.3, KNOWN) }),
    // Its first and last row alone lie in the window, so that a part of it may be empty.
    await files.observations('range(1300, 1700) t(i)', { event_time: "CASE WHEN i IN (1300, 1699) THEN TIMESTAMP '2024-01-01 00:10:00' ELSE TIMESTAMP '2024-01-02' END", inputs: inputs(0.3, KNOWN) }),
    await files.observations('range(1700, 2900) t(i)', { inputs: inputs(0.3, "['red', 'green', 'new here', 'new '||(i % 3)]", ", 'later': (i % 90)::FLOAT"), version: '2' }),
    // Asked again under their ids, with other inputs: those received first count.
    await files.observations('range(1200, 1900) t(i)', { gateway: "'again'", inputs: inputs(9, KNOWN), received_at: "CASE WHEN i < 1400 THEN TIMESTAMP '2023-12-31' ELSE TIMESTAMP '2024-01-03' END" }),
  ];
  observed = [...observed, await files.write(`SELECT * EXCLUDE (inputs) REPLACE ('bare-' || prediction_id AS prediction_id, 'bare' AS gateway) FROM read_parquet('${observed[0]}')`)];
  earlier = [await files.observations('range(0, 5000) t(i)', { prediction_id: "'q-' || (i % 4990)", event_time: "TIMESTAMP '2023-12-31 23:00:00' + to_milliseconds(i * 500)", inputs: inputs(0.1, KNOWN) })];
  for (const path of [...observed, ...earlier]) await store.putFile(path);
});
afterAll(() => files.remove());

/** What the record has of files. */
async function stretch(paths: readonly string[], fromMs: number): Promise<ObservedStretch> {
  const observations = [];
  for (const path of paths) observations.push((await store.putFile(path)).digest);
  return { fromMs, untilMs: fromMs + HOUR_MS, observations, rowsOfFiles: 10_000 };
}

interface Query {
  readonly partRows: number;
  readonly window?: readonly string[];
  readonly before?: readonly string[] | null;
}

const inOrder = (parts: number): number[] => Array.from({ length: parts }, (_, part) => part);

const planned = async ({ partRows, window = observed, before = earlier }: Query, worker = workers[0]!) => worker.plan({
  version: 1, snapshot: 'sha256:of the champion', features: FEATURES, baseline, window: await stretch(window, START), before: before && (await stretch(before, START - HOUR_MS)), partRows,
}, signal);

/** Parts in an order of their own, by workers who take what comes. */
async function inParts(query: Query, order = inOrder): Promise<{ readonly parts: number; readonly drift: WindowDrift; readonly profiles: readonly string[] }> {
  const plan = (await planned(query))!;
  const profiles: string[] = [];
  for (const part of order(plan.parts)) profiles[part] = await workers[part % workers.length]!.profile(plan.plan, part, signal);
  return { parts: plan.parts, drift: await workers[0]!.compare(await workers[0]!.read(plan.plan), profiles, signal), profiles };
}

const atOnce = ({ window = observed, before = earlier }: Partial<Query> = {}): Promise<WindowDrift> => measureWindowDrift(meter, {
  fromMs: START, untilMs: START + HOUR_MS, files: { observations: window, labels: [] }, scratch: files.folder, features: FEATURES, baseline,
  before: before && { fromMs: START - HOUR_MS, untilMs: START, files: { observations: before, labels: [] } },
});

const of = (features: readonly FeatureDrift[] | null, name: string): FeatureDrift => features!.find((feature) => feature.name === name)!;
const left = (): string[] => ['one', 'other'].flatMap((worker) => readdirSync(join(files.folder, worker)));

/** KS and Wasserstein within the error that they carry. */
function expectWithin(found: FeatureDrift, exact: FeatureDrift): void {
  const [ks, wasserstein] = [found.ks ?? { statistic: 0, error: 0 }, found.wasserstein ?? { distance: 0, error: 0 }];
  expect([found.ks === null, found.wasserstein === null]).toEqual([exact.ks === null, exact.wasserstein === null]);
  expect(Math.abs(ks.statistic - (exact.ks?.statistic ?? 0)), found.name).toBeLessThanOrEqual(ks.error + 1e-12);
  expect(Math.abs(wasserstein.distance - (exact.wasserstein?.distance ?? 0)), found.name).toBeLessThanOrEqual(wasserstein.error + 1e-9);
}

describe('a window in parts', () => {
  it(`has the same figures to the last bit, whatever the parts, who profiles them and in which order (seed ${SEED})`, async () => {
    const uniform = seededRandom(SEED);
    const whole = await inParts({ partRows: 4_950 });
    const shuffled = (parts: number): number[] => inOrder(parts).map((part) => [part, uniform()] as const).sort(([, one], [, other]) => one - other).map(([part]) => part);
    expect(whole.parts).toBe(1 + 2);
    // A hundred and fifty leave a part without any row.
    for (const partRows of [150, 200 + Math.floor(uniform() * 2_000)]) {
      const { parts, drift } = await inParts({ partRows }, shuffled);
      expect(parts).toBeGreaterThan(whole.parts);
      expect(canonicalJson(drift)).toBe(canonicalJson(whole.drift));
    }
    expect(left()).toEqual([]);
  });

  it('has the figures of one pass, KS and Wasserstein within their errors', async () => {
    const [{ drift: { features, changes } }, exact] = [await inParts({ partRows: 500 }), await atOnce()];
    expect(features.map(({ name }) => name)).toEqual(['amount', 'tied', 'constant', 'absent', 'later', 'colour', 'alone']);
    for (const feature of features) {
      const expected = of(exact.features, feature.name);
      const rough = { ks: null, wasserstein: null };
      const sides = (one: FeatureDrift) => [one.baseline, one.window].map((column) => ({ ...column, median: null, mean: column.mean === null ? null : expect.closeTo(column.mean, 9) as number }));
      expect({ ...feature, ...rough, baseline: null, window: null }).toEqual({ ...expected, ...rough, baseline: null, window: null });
      expect([feature.baseline, feature.window].map((column) => ({ ...column, median: null }))).toEqual(sides(expected));
      expectWithin(feature, expected);
    }
    expect(of(features, 'amount').ks!.error).toBeLessThan(0.01);
    expect(changes!.map(({ name }) => name)).toEqual(exact.changes!.map(({ name }) => name));
    for (const change of changes!) {
      const expected = of(exact.changes, change.name);
      expect(change.window).toMatchObject({ rows: expected.window.rows, missing: expected.window.missing });
      expectWithin(change, expected);
    }
    expect(of(changes, 'colour')).toEqual(of(exact.changes, 'colour'));
    expect(of(changes, 'later')).toBeUndefined();
  });

  it('counts a prediction once that was asked for again under its id, as first received, and rows of other windows not at all', async () => {
    const { drift: { features } } = await inParts({ partRows: 300 });
    expect(of(features, 'amount').window.rows).toBe(2_900);
    expect(of(features, 'colour').newCategories.map(({ value }) => value).sort()).toEqual(['new 0', 'new 1', 'new 2', 'new here']);
  });

  it('is planned alike by every worker, and profiled alike', async () => {
    const [one, other] = [await planned({ partRows: 700 }, workers[0]), await planned({ partRows: 700 }, workers[1])];
    expect(one).toEqual(other);
    const profiles = await Promise.all(workers.map((worker) => worker.profile(one!.plan, 1, signal)));
    expect(profiles[0]).toBe(profiles[1]);
  });

  it('that has none before it, or whose one before kept no input, is held against the baseline alone', async () => {
    const { drift, parts } = await inParts({ partRows: 1_000, before: null });
    expect(drift.changes).toBeNull();
    expect(parts).toBeGreaterThan(1);
    expect((await inParts({ partRows: 1_000, before: [observed.at(-1)!] })).drift.changes).toEqual([]);
    expect((await atOnce({ before: [observed.at(-1)!] })).changes).toEqual([]);
  });

  it('is held closely against the one before where both have left the baseline', async () => {
    const scaled = (shift: number): string => `{'amount': 1000 * ${inputs(shift, KNOWN)}.amount}`;
    const [window, before] = [await files.observations('range(0, 3000) t(i)', { inputs: scaled(0.3) }), await files.observations('range(0, 3000) t(i)', { event_time: "TIMESTAMP '2023-12-31 23:00:00' + to_seconds(i)", inputs: scaled(0.1) })];
    const query = { partRows: 500, window: [window], before: [before] };
    const [{ drift: { changes } }, exact] = [await inParts(query), await atOnce(query)];
    expectWithin(of(changes, 'amount'), of(exact.changes, 'amount'));
    expect(of(changes, 'amount').ks!.error).toBeLessThan(0.01);
  });

  it('is none where it and the one before are small, or no input was kept', async () => {
    expect(await planned({ partRows: 5_000 })).toBeNull();
    expect(await planned({ partRows: 9_999, before: null })).toBeNull();
    expect(await planned({ partRows: 100, window: [observed.at(-1)!] })).toBeNull();
    expect(left()).toEqual([]);
  });

  it('leaves nothing behind where a file has gone, and has the same profile when it is back', async () => {
    const { plan } = (await planned({ partRows: 400 }))!;
    const profile = await workers[0]!.profile(plan, 0, signal);
    const { window: { parts } } = await workers[0]!.read(plan);
    const path = await store.localPath(parts[0]![0]!.digest);
    renameSync(path, `${path}.away`);
    await expect(workers[1]!.profile(plan, 0, signal)).rejects.toMatchObject({ type: 'ArtifactMissing' });
    expect(left()).toEqual([]);
    renameSync(`${path}.away`, path);
    expect(await workers[1]!.profile(plan, 0, signal)).toBe(profile);
    const stopped = new AbortController();
    stopped.abort(new Error('called off'));
    await expect(workers[1]!.profile(plan, 0, stopped.signal)).rejects.toThrow('called off');
    expect(left()).toEqual([]);
  });
});
