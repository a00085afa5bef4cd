import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingShare, pairBlocks, readPairs, type Pairs } from './pairs.js';
import { isMature, streamTime } from './stream-time.js';
import { ObservedFiles } from './testing/observed-files.js';

const START = Date.parse('2024-01-01T00:00:00Z');
const SECOND = 1_000;
let files: ObservedFiles;

beforeAll(async () => {
  files = await ObservedFiles.make();
});
afterAll(() => files.remove());

const read = (paths: { observations?: string[]; mirrors?: string[]; labels?: string[] }, range: { fromMs?: number; untilMs?: number } = {}) =>
  readPairs({ champion: 1, challenger: 2, fromMs: START, untilMs: START + 3_600 * SECOND, scratch: files.folder, files: { observations: [], mirrors: [], labels: [], ...paths }, ...range });

const rounded = ({ champion, challenger }: Pairs) => [champion, challenger].map((outputs) => [...outputs].map((value) => Math.round(value * 100) / 100));

describe('pairs', () => {
  it('are none where nothing was observed', async () => {
    const pairs = await read({});
    expect(pairs.champion).toHaveLength(0);
    expect(pairs.mirrored).toEqual({ executed: 0, dropped: 0, failed: 0 });
    expect(missingShare(pairs)).toBeNull();
  });

  it('put champion and challenger of each row side by side, whoever of them answered', async () => {
    const pairs = await read({
      observations: [
        await files.observations('range(0, 3) t(i)', { output: '0.1::FLOAT' }),
        await files.observations('range(3, 5) t(i)', { version: '2', role: "'challenger'", output: '0.2::FLOAT', inputs: "{'other': 1}" }),
      ],
      mirrors: [
        await files.mirrors('range(0, 3) t(i)', { output: '0.3::FLOAT' }),
        await files.mirrors('range(3, 5) t(i)', { version: '1', output: '0.4::FLOAT', latency_ms: '9::FLOAT' }),
        await files.mirrors('range(0, 5) t(i)', { version: '3', output: '0.9::FLOAT' }),
      ],
    });
    expect(rounded(pairs)).toEqual([[0.1, 0.1, 0.1, 0.4, 0.4], [0.3, 0.3, 0.3, 0.2, 0.2]]);
    expect([...pairs.eventTimeMs]).toEqual([0, 1, 2, 3, 4].map((second) => START + second * SECOND));
    expect([...pairs.championLatencyMs]).toEqual([2.5, 2.5, 2.5, 9, 9]);
    expect([...pairs.challengerLatencyMs]).toEqual([4.5, 4.5, 4.5, 2.5, 2.5]);
    expect(pairs.mirrored).toEqual({ executed: 5, dropped: 0, failed: 0 });
    expect(missingShare(pairs)).toBe(1);
  });

  it('compare what the models gave, not what a guard rail made of it', async () => {
    const pairs = await read({ observations: [await files.observations('range(0, 1) t(i)', { output: '0.5::FLOAT', raw_output: '0.75::FLOAT', guard: "'clamped'" })], mirrors: [await files.mirrors('range(0, 1) t(i)')] });
    expect(rounded(pairs)[0]).toEqual([0.75]);
  });

  it('count dropped and failed requests, and take no pair from them', async () => {
    const pairs = await read({
      observations: [await files.observations('range(0, 30) t(i)', { sequence: '(i // 3)::BIGINT', row: '(i % 3)' })],
      mirrors: [
        await files.mirrors('range(0, 9) t(i)', { sequence: '(i // 3)::BIGINT', row: '(i % 3)' }),
        await files.mirrors('range(3, 7) t(i)', { outcome: "'dropped'", output: 'NULL::FLOAT', latency_ms: 'NULL::FLOAT' }),
        await files.mirrors('range(7, 9) t(i)', { outcome: "'failed'", output: 'NULL::FLOAT' }),
      ],
    });
    expect(pairs.champion).toHaveLength(9);
    expect(pairs.mirrored).toEqual({ executed: 3, dropped: 4, failed: 2 });
  });

  it('hold the event time from the start on and before the end, in its order and then by prediction id', async () => {
    const pairs = await read(
      { observations: [await files.observations('range(0, 20) t(i)', { event_time: "TIMESTAMP '2024-01-01' + to_seconds(10 - i // 2)", output: 'i::FLOAT' })], mirrors: [await files.mirrors('range(0, 20) t(i)')] },
      { fromMs: START + 3 * SECOND, untilMs: START + 6 * SECOND },
    );
    expect([...pairs.eventTimeMs].map((time) => (time - START) / SECOND)).toEqual([3, 3, 4, 4, 5, 5]);
    expect([...pairs.champion]).toEqual([14, 15, 12, 13, 10, 11]);
  });

  it('count a prediction once that was asked for again under its id', async () => {
    const pairs = await read({ observations: [await files.observations('range(0, 4) t(i)', { prediction_id: "'same'", output: 'i::FLOAT' })], mirrors: [await files.mirrors('range(0, 4) t(i)')] });
    expect([...pairs.champion]).toEqual([0]);
  });

  it('come in blocks that together are the whole', async () => {
    const paths = { observations: [await files.observations('range(0, 100) t(i)', { output: 'i::FLOAT' })], mirrors: [await files.mirrors('range(0, 100) t(i)')], labels: [] };
    const query = { champion: 1, challenger: 2, fromMs: START, untilMs: START + 95 * SECOND, scratch: files.folder, files: paths };
    const blocks: number[][] = [];
    for await (const { pairs } of pairBlocks(query, 40 * SECOND)) blocks.push([...pairs.champion]);
    expect(blocks.map(({ length }) => length)).toEqual([40, 40, 15]);
    expect(blocks.flat()).toEqual([...(await readPairs(query)).champion]);
  });
});

describe('the label of a pair', () => {
  const labelled = async (...labels: string[]): Promise<number[]> => {
    const pairs = await read({ observations: [await files.observations('range(0, 3) t(i)')], mirrors: [await files.mirrors('range(0, 3) t(i)')], labels });
    return [...pairs.label];
  };

  it('comes by prediction id, or by entity and event time', async () => {
    expect(await labelled(await files.labels("1, 1, 'p-0', NULL, NULL, 1, 5", `1, 2, NULL, 'e-2', ${START + 2 * SECOND}, 0, 5`, `1, 3, NULL, 'e-1', ${START}, 1, 5`))).toEqual([1, NaN, 0]);
  });

  it('is the one that was known last, of several at once that which came last', async () => {
    expect(await labelled(
      await files.labels("1, 1, 'p-0', NULL, NULL, 1, 50", "1, 2, 'p-1', NULL, NULL, 1, 50", "1, 3, 'p-2', NULL, NULL, 1, 50", "1, 4, 'p-2', NULL, NULL, 0, 50"),
      await files.labels("2, 1, 'p-0', NULL, NULL, 0, 40", `2, 2, NULL, 'e-1', ${START + SECOND}, 0, 50`),
    )).toEqual([1, 0, 0]);
  });

  it('is as it was when the later batches are left away', async () => {
    const first = await files.labels("1, 1, 'p-0', NULL, NULL, 1, 50");
    const correction = await files.labels("2, 1, 'p-0', NULL, NULL, 0, 60");
    expect(await labelled(first)).toEqual([1, NaN, NaN]);
    expect(await labelled(first, correction)).toEqual([0, NaN, NaN]);
  });
});

describe('stream time', () => {
  it('is the clock in production, follows a replay, and is not carried into the future', () => {
    expect(streamTime(-3, 1_000)).toBe(997);
    expect(streamTime(START - 1_800_000_000_000, 1_800_000_000_500)).toBe(START + 500);
    expect(streamTime(1e12, 1_000)).toBe(1_000);
    expect(streamTime(null, 1_000)).toBeNull();
  });

  it('closes a block when the horizon of its last label has passed', () => {
    expect([isMature(100, 50, 149), isMature(100, 50, 150), isMature(100, 50, null)]).toEqual([false, true, false]);
  });
});
