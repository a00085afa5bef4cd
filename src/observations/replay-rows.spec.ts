import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LEFT_OUT } from '../contracts/replays.js';
import { withDatabase } from '../data/duckdb.js';
import { quoteLiteral } from '../data/feature-encoding.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { type ReplayQuery, readReplayable, REPLAYED_LABEL, REPLAYED_TIME } from './replay-rows.js';
import { ObservedFiles } from './testing/observed-files.js';

const START = Date.parse('2024-01-01T00:00:00Z');
const SECOND = 1_000;
const FEATURES: readonly FeatureSpec[] = [
  { name: 'size', type: 'number', maxMissing: 0 }, { name: 'colour', type: 'category', categories: ['red', 'blue'], maxMissing: 0, maxUnknown: 0 },
];
let files: ObservedFiles;

beforeAll(async () => {
  files = await ObservedFiles.make();
});
afterAll(() => files.remove());

const read = async (paths: { observations?: string[]; mirrors?: string[]; labels?: string[] }, changes: Partial<ReplayQuery> = {}) => {
  const query = {
    version: 3, features: FEATURES, champions: [{ epoch: 1, version: 1 }, { epoch: 2, version: 2 }, { epoch: 3, version: 3 }], lacking: [], fromMs: START, untilMs: START + 3_600 * SECOND,
    scratch: files.folder, files: { observations: [], mirrors: [], labels: [], ...paths }, ...changes,
  };
  const rows = await readReplayable(query);
  const left = Object.fromEntries(LEFT_OUT.map((name, place) => [name, rows.left.standing.filter((standing) => standing === place).length]));
  return { ...rows, left, inputRows: rows.inputs === null ? [] : await inputsOf(rows.inputs) };
};

const inputsOf = (path: string) => withDatabase({ files: [path], scratch: files.folder }, (database) =>
  database.rows(`SELECT size, colour, "${REPLAYED_LABEL}" AS label, epoch_ms("${REPLAYED_TIME}")::DOUBLE AS at FROM read_parquet(${quoteLiteral(path)})`));
const NONE = { ownAnswers: 0, withoutInputs: 0, lackingFeatures: 0, withoutChampion: 0 };

describe('rows that can be replayed', () => {
  it('are none where nothing was observed', async () => {
    const { inputs, champion, left } = await read({});
    expect([inputs, champion.length, left]).toEqual([null, 0, NONE]);
  });

  it('stand beside the raw output of the champion of their epoch, by event time and prediction id, with their inputs and labels', async () => {
    const { inputRows, ...rows } = await read({
      observations: [
        await files.observations('range(0, 2) t(i)', { event_time: "TIMESTAMP '2024-01-01' + to_seconds(1 - i)", output: '0.5::FLOAT', raw_output: '(0.25 * (1 + i))::FLOAT' }),
        await files.observations('range(2, 4) t(i)', { epoch: '2::BIGINT', version: '2', output: '0.875::FLOAT' }),
      ],
      labels: [await files.labels("1, 1, 'p-0', NULL, NULL, 1, 5", "1, 2, 'p-3', NULL, NULL, 0, 5")],
    });
    expect([...rows.eventTimeMs].map((at) => (at - START) / SECOND)).toEqual([0, 1, 2, 3]);
    expect([...rows.champion]).toEqual([0.5, 0.25, 0.875, 0.875]);
    expect([...rows.championVersion]).toEqual([1, 1, 2, 2]);
    expect([...rows.label]).toEqual([NaN, 1, NaN, 0]);
    expect([...rows.championLatencyMs]).toEqual([2.5, 2.5, 2.5, 2.5]);
    expect(inputRows).toEqual([1, 0, 2, 3].map((size, index) => ({ size, colour: 'red', label: [null, 1, null, 0][index], at: START + index * SECOND })));
    expect(rows.left).toEqual(NONE);
  });

  it('take the mirrored output of the champion where a challenger answered, and leave out those that have none', async () => {
    const rows = await read({
      observations: [await files.observations('range(0, 4) t(i)', { version: 'CASE WHEN i = 0 THEN 1 ELSE 2 END', role: "'challenger'", output: '0.125::FLOAT' })],
      mirrors: [
        await files.mirrors('range(0, 2) t(i)', { version: '1', output: '0.75::FLOAT', latency_ms: '9::FLOAT' }),
        await files.mirrors('range(2, 3) t(i)', { version: '1', outcome: "'dropped'", output: 'NULL::FLOAT', latency_ms: 'NULL::FLOAT' }),
        await files.mirrors('range(0, 4) t(i)', { version: '3', output: '0.5::FLOAT' }),
      ],
    });
    expect([...rows.champion]).toEqual([0.125, 0.75]);
    expect([...rows.championLatencyMs]).toEqual([2.5, 9]);
    expect(rows.left).toEqual({ ...NONE, withoutChampion: 2 });
  });

  it('leave out what the version answered as champion, what was kept without inputs, and what lacks features', async () => {
    const observations = [
      await files.observations('range(0, 2) t(i)', { epoch: '3::BIGINT', version: '3' }),
      await files.observations('range(2, 5) t(i)', { inputs: "CASE WHEN i = 2 THEN NULL ELSE {'size': i::FLOAT, 'colour': 'blue'} END" }),
      await files.observations('range(5, 9) t(i)', { epoch: '2::BIGINT', version: '2', inputs: "{'size': i::FLOAT, 'weight': 1::FLOAT}" }),
      await files.observations('range(9, 10) t(i)', { epoch: '7::BIGINT' }),
    ];
    const rows = await read({ observations }, { lacking: [2] });
    expect(rows.left).toEqual({ ownAnswers: 2, withoutInputs: 1, lackingFeatures: 4, withoutChampion: 1 });
    expect(rows.inputRows).toEqual([3, 4].map((size) => ({ size, colour: 'blue', label: null, at: START + size * SECOND })));
  });

  it('are none where no file kept inputs, or none has a feature', async () => {
    const bare = await files.write("SELECT 'p' AS prediction_id, NULL::VARCHAR AS entity_key, TIMESTAMP '2024-01-01' AS event_time, TIMESTAMP '2024-01-01' AS received_at, 'g' AS gateway, 'b' AS boot, 0 AS segment, 1::BIGINT AS sequence, 0 AS row, 1 AS version, 1::BIGINT AS epoch, 1::BIGINT AS revision, 'champion' AS role, false AS stale, 1::FLOAT AS latency_ms, NULL::VARCHAR AS guard, 0.5::FLOAT AS output, NULL::FLOAT AS raw_output");
    expect((await read({ observations: [bare] })).left).toEqual({ ...NONE, withoutInputs: 1 });
    expect((await read({ observations: [await files.observations('range(0, 3) t(i)', { inputs: "{'size': 1::FLOAT}" })] })).left).toEqual({ ...NONE, lackingFeatures: 3 });
    const mixed = await read({ observations: [bare, await files.observations('range(0, 3) t(i)')] });
    expect([mixed.left, mixed.inputRows.length]).toEqual([{ ...NONE, withoutInputs: 1 }, 3]);
  });

  it('keep the bits of numbers that another file of the period holds as text', async () => {
    const numbers = await files.observations('range(0, 1) t(i)', { inputs: "{'size': 0.1::FLOAT, 'colour': 'red'}" });
    const texts = await files.observations('range(1, 2) t(i)', { inputs: "{'size': 'large', 'colour': 'green'}" });
    const { inputRows } = await read({ observations: [numbers, texts] });
    expect(inputRows).toEqual([{ size: Math.fround(0.1), colour: 'red', label: null, at: START }, { size: null, colour: 'green', label: null, at: START + SECOND }]);
  });

  it('count once, as first received, and lie in the period', async () => {
    const again = await files.observations('range(0, 5) t(i)', { prediction_id: "CASE WHEN i < 3 THEN 'same' ELSE 'p-' || i END", output: 'i::FLOAT' });
    expect([...(await read({ observations: [again] })).champion]).toEqual([0, 3, 4]);
    expect([...(await read({ observations: [again] }, { fromMs: START + 3 * SECOND, untilMs: START + 4 * SECOND })).champion]).toEqual([3]);
  });
});
