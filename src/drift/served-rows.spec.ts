import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sensitivityOf } from '../contracts/masking.js';
import { canonicalJson } from '../contracts/canonical.js';
import { normalizeLabels } from '../observations/label-batch.js';
import { ObservedFiles } from '../observations/testing/observed-files.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { fairnessSection } from '../spec/fairness-section.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { championFigures, type ChampionFigures, rowLosses } from './champion-figures.js';
import { followHarm } from './harm-course.js';
import type { MonitoringPlan } from './monitoring-plan.js';
import { readServedRows, type ServedColumns, type ServedRows } from './served-rows.js';
import { outcomeFigures } from './outcome-figures.js';
import { estimateFigures, outputFigures, qualityFigures } from './window-assessment.js';
import { windowFairness } from './window-fairness.js';

const START = Date.parse('2024-01-01T00:00:00Z');
const DAY = 86_400_000;
let files: ObservedFiles;

beforeAll(async () => {
  files = await ObservedFiles.make();
});
afterAll(() => files.remove());

interface Asked extends Partial<ServedColumns> {
  readonly observations: readonly string[];
  readonly labels?: readonly string[];
  readonly untilMs?: number;
}

const read = ({ observations, labels = [], slices = [], protectedFeatures = [], untilMs = START + 60_000 }: Asked): Promise<ServedRows | null> =>
  readServedRows({ fromMs: START, untilMs, files: { observations, labels }, scratch: files.folder }, { slices, protectedFeatures, slowAfterMs: 250 });

const number = (name: string): FeatureSpec => ({ name, type: 'number', maxMissing: 0 });
const category = (name: string, ...categories: string[]): FeatureSpec => ({ name, type: 'category', categories, maxUnknown: 0, maxMissing: 0 });

describe('the rows of a window', () => {
  it('are those of the version that answered most, by event time, whatever file they are in', async () => {
    const observations = [
      await files.observations('range(30, 50) t(i)', { version: '2', output: 'i::FLOAT', sequence: '(1000 - i)::BIGINT' }),
      await files.observations('range(10, 29) t(i)', { version: '1' }),
      await files.observations('range(0, 10) t(i)', { version: '2', output: 'i::FLOAT', sequence: '(1000 - i)::BIGINT' }),
      await files.observations('range(60, 90) t(i)', { version: '1' }),
    ];
    const rows = (await read({ observations }))!;
    expect(rows.versions).toEqual([{ version: 2, rows: 30 }, { version: 1, rows: 19 }]);
    const asked = Array.from({ length: 50 }, (_, i) => i).filter((i) => i < 10 || i >= 30);
    expect([...rows.outputs]).toEqual(asked);
    expect([...rows.eventTimesMs]).toEqual(asked.map((i) => START + i * 1_000));
    expect(rows.labels).toEqual(new Float64Array(30).fill(NaN));
    expect(rows.operations).toMatchObject({ repeated: 0, firstEvent: '2024-01-01T00:00:00.000Z', lastEvent: '2024-01-01T00:00:49.000Z', latencyMs: { p50: 2.5 } });
  });

  it('are those of the newer version where two answered as many', async () => {
    const observations = [await files.observations('range(0, 5) t(i)', { version: '3' }), await files.observations('range(5, 10) t(i)', { version: '12' })];
    expect((await read({ observations }))!.versions).toEqual([{ version: 12, rows: 5 }, { version: 3, rows: 5 }]);
  });

  it('hold a prediction that was asked for again once, as it was first answered', async () => {
    const observations = [
      await files.observations('range(5, 8) t(i)', { gateway: "'later'", received_at: "TIMESTAMP '2024-02-01'", output: '9::FLOAT' }),
      await files.observations('range(0, 10) t(i)', { output: 'i::FLOAT' }),
    ];
    const rows = (await read({ observations }))!;
    expect([...rows.outputs]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([rows.versions[0]!.rows, rows.operations.repeated]).toEqual([10, 3]);
  });

  it('have the labels that are known last, and say where an output or a label is missing', async () => {
    const observations = [await files.observations('range(0, 5) t(i)', { output: 'CASE WHEN i = 3 THEN NULL ELSE 0.5 END::FLOAT' })];
    const labels = [
      await files.labels("3, 1, 'p-0', NULL, NULL, 0, 50", "3, 2, 'p-3', NULL, NULL, 1, 50"),
      await files.labels("1, 1, 'p-0', NULL, NULL, 1, 90", "1, 2, 'p-1', NULL, NULL, 0, 90", `1, 3, NULL, 'e-4', ${START + 4_000}, 1, 90`),
    ];
    const rows = (await read({ observations, labels }))!;
    expect(rows.labels).toEqual(Float64Array.of(1, 0, NaN, 1, 1));
    expect(rows.outputs).toEqual(Float32Array.of(0.5, 0.5, 0.5, NaN, 0.5));
  });

  it('are none where nothing was observed in the window', async () => {
    expect(await read({ observations: [] })).toBeNull();
    expect(await read({ observations: [await files.observations('range(60, 90) t(i)')] })).toBeNull();
  });
});

describe('slices', () => {
  it('hold the most frequent values first, missing as null, and the rest from the fifty-first on together', async () => {
    const observations = [await files.observations('range(0, 200) t(i)', {
      event_time: "TIMESTAMP '2024-01-01' + to_milliseconds(i)",
      // 20 rows without a value, 40 of it's, and two of each of v0 … v69.
      inputs: "{'colour': CASE WHEN i < 20 THEN NULL WHEN i < 60 THEN 'it''s' ELSE 'v' || (i % 70) END, 'size': 1.5::FLOAT}",
    })];
    const { slices } = (await read({ observations, slices: ['colour', 'weight', 'size'] }))!;
    expect(slices.map(({ column }) => column)).toEqual(['colour', 'size']);
    const [colour, size] = slices;
    expect(colour!.values).toHaveLength(51);
    expect([colour!.values.slice(0, 2), colour!.values.at(-1)]).toEqual([["it's", null], '(others)']);
    expect([...colour!.codes.slice(0, 20)]).toEqual(Array(20).fill(1));
    expect([...colour!.codes.slice(20, 60)]).toEqual(Array(40).fill(0));
    for (const row of [...colour!.codes.keys()].slice(60)) {
      const value = colour!.values[colour!.codes[row]!];
      expect([`v${row % 70}`, '(others)']).toContain(value);
      expect(colour!.values.slice(0, 50).includes(`v${row % 70}`)).toBe(value !== '(others)');
    }
    expect([size!.values, new Set(size!.codes)]).toEqual([['1.5'], new Set([0])]);
  });

  it('are of the version alone that the rows are of', async () => {
    const observations = [
      await files.observations('range(0, 20) t(i)', { inputs: "{'colour': 'red'}" }),
      await files.observations('range(20, 25) t(i)', { version: '2', inputs: "{'colour': 'blue'}" }),
    ];
    expect((await read({ observations, slices: ['colour'] }))!.slices).toEqual([{ column: 'colour', values: ['red'], codes: new Int32Array(20) }]);
  });
});

describe('protected columns', () => {
  it('have as groups all values that the spec lists, and -1 where the value is another one or missing', async () => {
    const listed = Array.from({ length: 80 }, (_, index) => `v'${index}`);
    const observations = [await files.observations('range(0, 85) t(i)', {
      event_time: "TIMESTAMP '2024-01-01' + to_milliseconds(i)", inputs: "{'colour': CASE WHEN i = 84 THEN NULL ELSE 'v''' || i END}",
    })];
    const rows = (await read({ observations, protectedFeatures: [category('colour', ...listed), number('weight')] }))!;
    expect(rows.protectedColumns).toEqual([{ column: 'colour', groups: listed, codes: Int32Array.from({ length: 85 }, (_, i) => (i < 80 ? i : -1)) }]);
  });

  it('that are numbers have their fifty most frequent values as groups', async () => {
    const observations = [await files.observations('range(0, 130) t(i)', {
      event_time: "TIMESTAMP '2024-01-01' + to_milliseconds(i)", inputs: "{'size': CASE WHEN i < 100 THEN i % 50 + 1000 WHEN i = 129 THEN NULL ELSE i END::FLOAT}",
    })];
    const [size] = (await read({ observations, protectedFeatures: [number('size')] }))!.protectedColumns;
    expect(size!.groups).toEqual(Array.from({ length: 50 }, (_, index) => `${1_000 + index}.0`));
    expect([...size!.codes]).toEqual(Array.from({ length: 130 }, (_, i) => (i < 100 ? i % 50 : -1)));
  });

  it('without any value know no group, and are left out where inputs were not kept', async () => {
    const observations = [await files.observations('range(0, 3) t(i)', { inputs: "{'size': NULL::FLOAT}" })];
    expect((await read({ observations, protectedFeatures: [number('size')] }))!.protectedColumns).toEqual([{ column: 'size', groups: [], codes: Int32Array.of(-1, -1, -1) }]);
    const bare = [await files.observations('range(0, 3) t(i)', { inputs: 'NULL::STRUCT(size FLOAT)' })];
    expect((await read({ observations: bare, protectedFeatures: [number('size')] }))!.protectedColumns).toEqual([]);
  });
});

const PLAN: MonitoringPlan = { metric: 'brier', bound: 1, dependence: 'blocks', blockMs: DAY, threshold: 0.5 };
const FAIRNESS = fairnessSection.parse({ groups: ['colour'], limits: { equalizedOddsDifference: 0.2 } });
const TRUTH_SEED = 20240704;
const ROWS = 600;
const UNTIL = START + 12 * DAY;

/** A label as a caller sends it. */
interface Sent {
  readonly index: number;
  readonly label: number;
  readonly outcome?: number;
  readonly knownAtMs: number;
  readonly byEntity: boolean;
}

const eventOf = (index: number): number => START + Math.floor((index * 12 * DAY) / ROWS);

/** The truth of all rows but some that never get one; a third of it named by entity and event time. */
function truth(): Sent[] {
  const random = seededRandom(TRUTH_SEED);
  const all = Array.from({ length: ROWS }, (_, index): Sent => ({
    index, label: random() < 0.2 + (0.6 * (index % 7)) / 7 ? 1 : 0, knownAtMs: eventOf(index) + 2 * DAY, byEntity: index % 3 === 0, ...(index % 4 === 0 ? {} : { outcome: Math.floor(50 * random()) }),
  }));
  return all.filter(({ index }) => index % 11 !== 5);
}

const lineOf = ({ index, label, outcome, knownAtMs, byEntity }: Sent): string => JSON.stringify({
  ...(byEntity ? { entity_key: `e-${index % 10}`, event_time: eventOf(index) } : { prediction_id: `p-${index}` }), label, ...(outcome === undefined ? {} : { outcome }), known_at: new Date(knownAtMs).toISOString(),
});

/** Sends batches as the label path takes them. @returns the files that it keeps */
async function send(batches: readonly (readonly Sent[])[]): Promise<string[]> {
  const folder = await mkdtemp(join(files.folder, 'labels-'));
  return Promise.all(batches.map(async (batch, at) => {
    const [path, target] = [join(folder, `sent-${at}`), join(folder, `labels-${at}.parquet`)];
    await writeFile(path, batch.map(lineOf).join('\n'));
    const receivedAtMs = UNTIL + (at + 10) * DAY;
    const { invalid } = await normalizeLabels({ path, format: 'ndjson', batch: at + 1, receivedAtMs, task: 'binary-classification', target, scratch: folder });
    expect(invalid).toBe(0);
    return target;
  }));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items.map((item) => ({ item, place: random() })).sort((one, other) => one.place - other.place).map(({ item }) => item);
}

/** The truth in an order of its own and in several batches, some of it twice or three times, some of it wrong until it was corrected later. */
function disorderly(seed: number): Sent[][] {
  const random = seededRandom(seed);
  const sent = truth().flatMap((one): Sent[] => [
    one, ...Array.from({ length: Math.floor(random() * 3) }, () => ({ ...one, byEntity: random() < 0.5 })),
    ...(random() < 0.2 ? [{ ...one, label: 1 - one.label, ...(one.outcome === undefined ? {} : { outcome: -1 }), knownAtMs: one.knownAtMs - DAY }] : []),
  ]);
  const batches = Array.from({ length: 6 }, (): Sent[] => []);
  for (const one of shuffled(sent, random)) batches[Math.floor(random() * batches.length)]!.push(one);
  return batches;
}

function baseline(): ChampionFigures {
  const random = seededRandom(TRUTH_SEED + 1);
  const predictions = Float32Array.from({ length: 2_000 }, random);
  const rows = {
    task: 'binary-classification' as const, predictions, labels: Float64Array.from(predictions, (chance) => (random() < chance ? 1 : 0)),
    eventTimesMs: Float64Array.from(predictions, (_, row) => START - 40 * DAY + Math.floor((row * 40 * DAY) / 2_000)),
  };
  return { version: 1, snapshot: 'sha256:0', from: '', until: '', outputsDigest: 'sha256:1', ...championFigures(rows, PLAN, { alpha: 0.05 }) };
}

/** Everything that an assessment says of a window once labels are due. */
function everyFigure(rows: ServedRows, figures: ChampionFigures): string {
  const losses = rowLosses(PLAN, rows.outputs, rows.labels)!;
  return canonicalJson({
    outputs: outputFigures(rows, Float32Array.of(0.1, 0.6, 0.9), figures, 0.05), estimate: estimateFigures(figures.confidence!, rows, true),
    quality: qualityFigures(rows, figures, { task: 'binary-classification', alpha: 0.05, labelRevision: 1 }),
    harm: followHarm(null, { fromMs: START, untilMs: UNTIL, figures, terms: { falseAlarms: 0.1, share: 1, tolerance: 0.1 }, losses, eventTimesMs: rows.eventTimesMs, resolved: false }),
    fairness: windowFairness(rows, { section: FAIRNESS, threshold: 0.5, alpha: 0.05, labelsDue: true, sensitivity: sensitivityOf() }),
    outcome: outcomeFigures(rows, { section: { name: 'revenue' }, task: 'binary-classification', threshold: 0.5, alpha: 0.05 }),
  });
}

describe(`figures of a window with labels (seed ${TRUTH_SEED})`, () => {
  const figures = baseline();
  const columns: ServedColumns = { slices: ['colour'], protectedFeatures: [category('colour', 'red', 'blue')] };
  let observations: string[];
  const readWith = async (labels: readonly string[]): Promise<ServedRows> => (await read({ observations, labels, untilMs: UNTIL, ...columns }))!;

  beforeAll(async () => {
    observations = [await files.observations(`range(0, ${ROWS}) t(i)`, {
      event_time: `make_timestamp((${START} + i * ${12 * DAY} // ${ROWS})::BIGINT * 1000)`, received_at: `make_timestamp((${START} + i * ${12 * DAY} // ${ROWS})::BIGINT * 1000)`,
      output: 'CASE WHEN i % 40 = 39 THEN NULL ELSE (i * 37 % 101) / 101.0 END::FLOAT', inputs: "{'colour': CASE WHEN i % 2 = 0 THEN 'red' ELSE 'blue' END}",
    })];
  });

  it.each([1, 2, 3, 4])('are bit for bit the same when labels come late, more than once, corrected and in any order (seed %d)', async (seed) => {
    const [inOrder, sent] = [await readWith(await send([truth()])), await send(disorderly(seed))];
    const late = await readWith(shuffled(sent, seededRandom(seed)));
    expect(inOrder.labels.filter((label) => !Number.isNaN(label))).toHaveLength(truth().length);
    expect(inOrder.outcomes.filter((outcome) => !Number.isNaN(outcome))).toHaveLength(truth().filter(({ outcome }) => outcome !== undefined).length);
    expect(new Uint8Array(late.outcomes.buffer)).toEqual(new Uint8Array(inOrder.outcomes.buffer));
    expect(new Uint8Array(late.labels.buffer)).toEqual(new Uint8Array(inOrder.labels.buffer));
    expect(everyFigure(late, figures)).toBe(everyFigure(inOrder, figures));
  });

  it('are others while a batch of them is missing, and where a correction counts', async () => {
    const whole = everyFigure(await readWith(await send([truth()])), figures);
    expect(everyFigure(await readWith((await send(disorderly(1))).slice(1)), figures)).not.toBe(whole);
    const [first, ...others] = truth();
    const corrected = { ...first!, label: 1 - first!.label, knownAtMs: first!.knownAtMs + 1 };
    expect(everyFigure(await readWith(await send([[corrected], [first!, ...others]])), figures)).not.toBe(whole);
  });
});
