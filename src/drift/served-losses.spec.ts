import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson } from '../contracts/canonical.js';
import { ObservedFiles } from '../observations/testing/observed-files.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { baselineLosses, type FeatureLosses } from './baseline-losses.js';
import type { MonitoringPlan } from './monitoring-plan.js';
import { rowLosses } from './champion-figures.js';
import { readServedLosses, windowAttribution } from './served-losses.js';
import { readServedRows, type ServedRows } from './served-rows.js';

const START = Date.parse('2024-01-01T00:00:00Z');
const PLAN: MonitoringPlan = { metric: 'brier', bound: 1, dependence: 'rows', blockMs: 86_400_000, threshold: 0.5 };
const SPEC = {
  task: 'binary-classification',
  data: {
    eventTime: 'at', label: 'late', labelHorizon: 'P1D',
    features: [{ name: 'size', type: 'number', maxMissing: 1 }, { name: 'colour', type: 'category', categories: ['red', "bl'ue"], maxUnknown: 1, maxMissing: 1 }],
  },
  evaluation: { slices: ['nothing'] },
} as unknown as ModelSpec;

let files: ObservedFiles;
beforeAll(async () => {
  files = await ObservedFiles.make();
});
afterAll(() => files.remove());

/** 110 rows a minute apart: each eleventh has no label, and what comes last is too young to judge. Sizes are 0 … 9 and missing, one beyond float32. */
const judgedFile = (): Promise<string> => files.write(`SELECT TIMESTAMP '2023-12-01' + to_minutes(i) AS at, CASE WHEN i % 11 = 10 THEN NULL ELSE i % 2 END AS late,
  CASE WHEN i % 11 = 9 THEN NULL WHEN i = 0 THEN 1e300 ELSE (i % 11)::DOUBLE END AS size,
  CASE i % 5 WHEN 1 THEN 'bl''ue' WHEN 2 THEN 'green' WHEN 3 THEN NULL ELSE 'red' END AS colour
  FROM range(110) t(i)`);
const AS_OF = '2023-12-02T01:39:00Z';
const JUDGED = Array.from({ length: 100 }, (_, i) => i).filter((i) => i % 11 !== 10);
const judged = { losses: Float64Array.from(JUDGED, (i) => i / 100), eventTimesMs: Float64Array.from(JUDGED, (i) => Date.parse('2023-12-01T00:00:00Z') + i * 60_000) };
const baselineOf = async (plan = PLAN): Promise<FeatureLosses[]> =>
  baselineLosses({ spec: SPEC, parquetPath: await judgedFile(), asOf: AS_OF, signal: new AbortController().signal }, judged, plan);

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('losses of the baseline', () => {
  it('are counted in the bins of each feature, of the rows that judge', async () => {
    const [size, colour] = await baselineOf();
    expect(size!.bins).toMatchObject({ name: 'size', type: 'number' });
    const missing = JUDGED.filter((i) => i % 11 === 9 || i === 0);
    expect([size!.losses.rows.at(-1), size!.losses.rows.reduce((sum, rows) => sum + rows, 0)]).toEqual([missing.length, JUDGED.length]);
    expect(size!.losses.means.at(-1)).toBeCloseTo(mean(missing.map((i) => i / 100)), 12);
    expect(colour!.bins).toEqual({ name: 'colour', type: 'category', categories: ['red', "bl'ue"] });
    const groups = [(i: number) => i % 5 === 0 || i % 5 === 4, (i: number) => i % 5 === 1, (i: number) => i % 5 === 2, (i: number) => i % 5 === 3].map((is) => JUDGED.filter(is));
    expect(colour!.losses.rows).toEqual(groups.map(({ length }) => length));
    groups.forEach((group, bin) => {
      const losses = group.map((i) => i / 100);
      expect(colour!.losses.means[bin]).toBeCloseTo(mean(losses), 12);
      expect(colour!.losses.squares[bin]).toBeCloseTo(losses.reduce((sum, loss) => sum + (loss - mean(losses)) ** 2, 0), 12);
    });
  });

  it('know how alike rows of a block are, are the same after JSON, and are none of other rows', async () => {
    const hourly = await baselineOf({ ...PLAN, dependence: 'blocks', blockMs: 600_000 });
    expect(hourly[1]!.correlation!.losses).toBeGreaterThan(0.8);
    expect(JSON.parse(canonicalJson(hourly))).toEqual(hourly);
    const file = { spec: SPEC, parquetPath: await judgedFile(), asOf: AS_OF, signal: new AbortController().signal };
    for (const rows of [7, JUDGED.length + 1]) {
      await expect(baselineLosses(file, { losses: new Float64Array(rows), eventTimesMs: new Float64Array(rows) }, PLAN)).rejects.toMatchObject({ type: 'Internal' });
    }
    await expect(baselineLosses({ ...file, signal: AbortSignal.abort(new Error('enough')) }, judged, PLAN)).rejects.toThrow('enough');
  });
});

interface Served {
  readonly query: Parameters<typeof readServedLosses>[0];
  readonly rows: ServedRows & { readonly losses: Float64Array };
}

async function serve(observations: readonly string[], labels: readonly string[] = []): Promise<Served> {
  const query = { fromMs: START, untilMs: START + 600_000, files: { observations, labels }, scratch: files.folder };
  const rows = (await readServedRows(query, { slices: [], protectedFeatures: [], slowAfterMs: 250 }))!;
  return { query, rows: { ...rows, losses: rowLosses(PLAN, rows.outputs, rows.labels)! } };
}

describe('losses of a window', () => {
  const inputs = "{'colour': CASE i % 4 WHEN 0 THEN 'red' WHEN 1 THEN 'bl''ue' WHEN 2 THEN 'green' ELSE NULL END, 'other': 1, 'size': (i % 10)::FLOAT}";

  it('are those of its rows with a loss and inputs, in whatever files they are', async () => {
    const baseline = await baselineOf();
    const observations = [
      await files.observations('range(40, 80) t(i)', { inputs, output: '0.5::FLOAT' }), await files.observations('range(0, 40) t(i)', { inputs, output: '0.5::FLOAT' }),
      await files.observations('range(80, 90) t(i)', { inputs: "NULL::STRUCT(colour VARCHAR, other INTEGER, size FLOAT)" }), await files.observations('range(90, 99) t(i)', { version: '2', inputs }),
      // Asked for again, with other inputs: what was first received counts.
      await files.observations('range(0, 10) t(i)', { gateway: "'late'", received_at: "TIMESTAMP '2024-02-01'", inputs: "{'colour': 'red', 'other': 1, 'size': 1::FLOAT}" }),
    ];
    const { query, rows } = await serve(observations);
    const losses = Float64Array.from(rows.outputs, (_, i) => (i % 8 === 7 ? NaN : i / 100));
    const [size, colour] = await readServedLosses(query, { ...rows, losses }, baseline, PLAN);
    const counted = Array.from({ length: 80 }, (_, i) => i).filter((i) => i % 8 !== 7);
    expect(colour!.baseline).toBe(baseline[1]);
    [0, 1, 2, 3].forEach((bin) => {
      const own = counted.filter((i) => i % 4 === bin).map((i) => i / 100);
      expect([colour!.window.rows[bin], colour!.window.means[bin]]).toEqual([own.length, expect.closeTo(mean(own), 12)]);
    });
    expect(size!.window.rows.reduce((sum, count) => sum + count, 0)).toBe(counted.length);
    const turned = await serve([...observations].reverse());
    expect(canonicalJson(await readServedLosses(turned.query, { ...turned.rows, losses }, baseline, PLAN))).toBe(canonicalJson([size, colour]));
  });

  it('become an attribution once labels are there', async () => {
    const observations = [await files.observations('range(0, 400) t(i)', { inputs, output: '0.25::FLOAT' })];
    const labels = [await files.labels(...Array.from({ length: 300 }, (_, i) => `1, ${i}, 'p-${i}', NULL, NULL, ${i % 4 === 1 ? 1 : 0}, 50`))];
    const [{ query, rows }, unlabelled] = [await serve(observations, labels), await serve(observations)];
    const featureLosses = await baselineOf();
    const found = (await windowAttribution(query, rows, { plan: PLAN, featureLosses }, 0.05))!;
    // Three quarters lose 0.0625, those that are blue 0.5625.
    expect(found).toMatchObject({ rows: 300, baselineRows: JUDGED.length, meanLoss: expect.closeTo(0.1875, 12) as number });
    for (const { shift, change } of found.features) expect(shift.value + change).toBeCloseTo(found.rise, 12);
    expect(found.features.find(({ name }) => name === 'colour')!.bins[0]).toMatchObject({ category: "bl'ue", meanLoss: 0.5625 });
    expect(await windowAttribution(unlabelled.query, unlabelled.rows, { plan: PLAN, featureLosses }, 0.05)).toBeNull();
    expect(await windowAttribution(query, rows, { plan: { ...PLAN, bound: null }, featureLosses }, 0.05)).toBeNull();
    expect(await windowAttribution(query, rows, { plan: PLAN, featureLosses: null }, 0.05)).toBeNull();
  });

  it('are none where inputs were not kept, and refused of other rows', async () => {
    const featureLosses = await baselineOf();
    const bare = await serve([await files.observations('range(0, 20) t(i)', { inputs: 'NULL::STRUCT(size FLOAT)' })]);
    expect(await windowAttribution(bare.query, { ...bare.rows, losses: new Float64Array(20) }, { plan: PLAN, featureLosses }, 0.05)).toBeNull();
    const { query, rows } = await serve([await files.observations('range(0, 20) t(i)', { inputs: "{'size': i::FLOAT}" })]);
    expect(await readServedLosses(query, { ...rows, losses: new Float64Array(20) }, featureLosses, PLAN)).toHaveLength(1);
    await expect(readServedLosses(query, { ...rows, losses: new Float64Array(21), eventTimesMs: new Float64Array(21) }, featureLosses, PLAN)).rejects.toMatchObject({ type: 'Internal' });
  });
});
