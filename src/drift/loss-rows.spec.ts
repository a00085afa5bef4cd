import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withDatabase } from '../data/duckdb.js';
import { quoteLiteral } from '../data/feature-encoding.js';
import { ObservedFiles } from '../observations/testing/observed-files.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { tooSmall } from './label-free-figures.js';
import { writeLossRows, writeServedInputs } from './loss-rows.js';
import { readServedRows } from './served-rows.js';

const START = Date.parse('2024-01-01T00:00:00Z');
const FEATURES: readonly FeatureSpec[] = [{ name: 'size', type: 'number', maxMissing: 0 }, { name: 'colour', type: 'category', categories: ['blue', 'red'], maxUnknown: 0, maxMissing: 0 }];
const SPEC = { task: 'regression', data: { features: FEATURES, label: 'minutes', eventTime: 'at', labelHorizon: 'PT0S' }, evaluation: { slices: [] } } as unknown as ModelSpec;
const signal = new AbortController().signal;

let files: ObservedFiles;
beforeAll(async () => {
  files = await ObservedFiles.make();
});
afterAll(() => files.remove());

const rowsOf = (path: string, columns: string): Promise<readonly object[]> =>
  withDatabase({ files: [path], scratch: files.folder }, (database) => database.rows(`SELECT ${columns} FROM ${quoteLiteral(path)}`));
const ENCODED = `CASE WHEN isnan(size) THEN NULL ELSE size END AS size, CASE WHEN isnan(colour) THEN NULL ELSE colour END AS colour`;
/** Of size and colour in row i: a missing number, an unknown category and a missing one among them. */
const SIZE = 'CASE WHEN i = 2 THEN NULL ELSE i / 4 END';
const COLOUR = "['red', 'blue', 'red', 'grey', NULL][i + 1]";

describe('what a loss model is trained on', () => {
  const baseline = (): Promise<string> => files.write(`SELECT ${SIZE} AS size, ${COLOUR} AS colour, CASE WHEN i = 5 THEN NULL ELSE i END AS minutes, TIMESTAMP '2024-01-01' + to_seconds(i) AS at FROM range(6) t(i)`);
  const judged = { task: 'regression', predictions: Float32Array.of(1, 1, NaN, 0, 6), labels: Float64Array.of(0, 1, 2, 3, 4), eventTimesMs: Float64Array.from({ length: 5 }, (_, i) => START + 1_000 * i) } as const;

  it('are the inputs as the model takes them, its output and both losses, of the rows that are taken and have an output', async () => {
    const file = { spec: SPEC, parquetPath: await baseline(), asOf: '2024-02-01T00:00:00.000Z', signal };
    const { path, places } = await writeLossRows({ file, judged, wanted: (row) => row !== 1, most: 10, scratch: await mkdtemp(join(files.folder, 'losses-')) });
    expect([...places]).toEqual([0, 3, 4]);
    expect(await rowsOf(path, `${ENCODED}, "model output" AS output, "absolute error" AS absolute, "squared error" AS squared, "row place" AS place, epoch_ms("event time")::DOUBLE AS at`)).toEqual([
      { size: 0, colour: 1, output: 1, absolute: 1, squared: 1, place: 0, at: START },
      { size: 0.75, colour: null, output: 0, absolute: 3, squared: 9, place: 3, at: START + 3_000 },
      { size: 1, colour: null, output: 6, absolute: 2, squared: 4, place: 4, at: START + 4_000 },
    ]);
  });

  it('are one in so many where there are more than wanted', async () => {
    const file = { spec: SPEC, parquetPath: await baseline(), asOf: '2024-02-01T00:00:00.000Z', signal };
    const { path, places } = await writeLossRows({ file, judged, wanted: () => true, most: 3, scratch: await mkdtemp(join(files.folder, 'losses-')) });
    expect([...places]).toEqual([0, 3]);
    expect(await rowsOf(path, 'size')).toEqual([{ size: 0 }, { size: 0.75 }]);
  });

  it('are refused where the file holds other rows than those that judged', async () => {
    const file = { spec: SPEC, parquetPath: await baseline(), asOf: '2024-02-01T00:00:00.000Z', signal };
    const fewer = { ...judged, labels: judged.labels.subarray(0, 4) };
    await expect(writeLossRows({ file, judged: fewer, wanted: () => true, most: 10, scratch: files.folder })).rejects.toMatchObject({ type: 'Internal' });
  });

  it('are two hundred at least', () => {
    expect(tooSmall(3, 200)).toBeNull();
    expect(tooSmall(3, 199)).toBe('The baseline of version 3 has 199 rows with a label; 200 are needed to learn its errors.');
  });
});

describe('what a loss model is asked in a window', () => {
  const query = (observations: readonly string[]) => ({ fromMs: START, untilMs: START + 60_000, files: { observations, labels: [] }, scratch: files.folder, signal });

  it("are the version's rows in the order of event time, encoded as in training, and whether they are known", async () => {
    const inputs = `CASE WHEN i = 1 THEN NULL ELSE {'size': ${SIZE}, 'colour': ${COLOUR}} END`;
    const observations = [
      await files.observations('range(3, 5) t(i)', { inputs, output: 'CASE WHEN i = 4 THEN NULL ELSE i END::FLOAT' }),
      await files.observations('range(0, 3) t(i)', { inputs, output: 'i::FLOAT' }), await files.observations('range(10, 12) t(i)', { version: '2' }),
    ];
    const asked = query(observations);
    const rows = (await readServedRows(asked, { slices: [], protectedFeatures: [], slowAfterMs: 250 }))!;
    const { path, known } = (await writeServedInputs(asked, rows, FEATURES))!;
    expect([...known]).toEqual([1, 0, 1, 1, 0]);
    expect(await rowsOf(path, `${ENCODED}, "model output" AS output`)).toEqual([
      { size: 0, colour: 1, output: 0 }, { size: null, colour: null, output: 1 }, { size: null, colour: 1, output: 2 }, { size: 0.75, colour: null, output: 3 }, { size: 1, colour: null, output: null },
    ]);
  });

  it('are none where a feature was not kept', async () => {
    const asked = query([await files.observations('range(0, 3) t(i)', { inputs: "{'size': i::FLOAT}" })]);
    const rows = (await readServedRows(asked, { slices: [], protectedFeatures: [], slowAfterMs: 250 }))!;
    expect(await writeServedInputs(asked, rows, FEATURES)).toBeNull();
  });
});
