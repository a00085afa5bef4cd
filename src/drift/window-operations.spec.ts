import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withDatabase } from '../data/duckdb.js';
import { ObservedFiles } from '../observations/testing/observed-files.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { failuresByType, type ObservedOperations, readOperations, receivedStretch } from './window-operations.js';

const START = Date.parse('2024-01-01T00:00:00Z');
const SEED = 20240702;
let files: ObservedFiles;

beforeAll(async () => {
  files = await ObservedFiles.make();
});
afterAll(() => files.remove());

const read = (observations: readonly string[], fromMs = START, untilMs = START + 60_000): Promise<ObservedOperations> =>
  withDatabase({ files: observations, scratch: files.folder }, (database) => readOperations(database, observations, { fromMs, untilMs, slowAfterMs: 4 }));

describe('what the observed rows say of how a window was served', () => {
  it('counts answers of all versions within the window, those to repeated predictions too', async () => {
    const observations = [
      await files.observations('range(0, 70) t(i)', {
        version: 'i % 2 + 1', stale: 'i < 5', guard: "CASE WHEN i % 10 = 0 THEN 'clamped' WHEN i = 7 THEN 'fallback' WHEN i = 8 THEN 'none' END",
        received_at: "TIMESTAMP '2024-01-01 00:00:00.25' + to_seconds(i)",
      }),
      await files.observations('range(58, 62) t(i)', { gateway: "'other'", sequence: '(1000 + i)::BIGINT', stale: 'true', received_at: "TIMESTAMP '2024-01-03'" }),
    ];
    expect(await read(observations)).toEqual({
      repeated: 2, stale: 7, guards: { clamped: 6, fallback: 1 }, latencyMs: { p50: 2.5, p95: 2.5, p99: 2.5, greatest: 2.5 },
      firstEvent: '2024-01-01T00:00:00.000Z', lastEvent: '2024-01-01T00:00:59.000Z', newestReceived: '2024-01-03T00:00:00.000Z',
      // Those that were asked for again count as first received.
      received: { first: '2024-01-01T00:00:00.250Z', last: '2024-01-01T00:00:59.250Z' }, arrivalLagMs: { p50: 250, p95: 250, greatest: 250 }, slow: { afterMs: 4, requests: 62, count: 0 },
    });
    const second = { firstEvent: '2024-01-01T00:00:10.000Z', lastEvent: '2024-01-01T00:00:10.000Z' };
    expect(await read(observations, START + 10_000, START + 11_000)).toMatchObject({ repeated: 0, stale: 0, guards: { clamped: 1 }, ...second });
  });

  it('counts the latency of a request once, whatever its rows; boots and gateways count requests for themselves', async () => {
    // Requests of 1, 2 and 97 rows with latencies 1, 2 and 3; another boot and another gateway have a request of the number 1 too.
    const rows = 'range(0, 100) t(i)';
    const request = 'CASE WHEN i = 0 THEN 1 WHEN i < 3 THEN 2 ELSE 3 END';
    const latency = { sequence: `(${request})::BIGINT`, latency_ms: `(${request})::FLOAT`, row: 'i', event_time: "TIMESTAMP '2024-01-01'" };
    const observations = [
      await files.observations(rows, latency),
      await files.observations('range(200, 202) t(i)', { ...latency, boot: "'next'", sequence: '1::BIGINT', latency_ms: '4::FLOAT' }),
      await files.observations('range(300, 301) t(i)', { ...latency, gateway: "'other'", sequence: '1::BIGINT', latency_ms: '5::FLOAT' }),
    ];
    const { latencyMs, slow } = await read(observations);
    expect(slow).toEqual({ afterMs: 4, requests: 5, count: 1 });
    expect(latencyMs).toEqual({ p50: 3, p95: expect.closeTo(4.8, 12), p99: expect.closeTo(4.96, 12), greatest: 5 });
  });

  it('interpolates percentiles between requests as its definition has it', async () => {
    const random = seededRandom(SEED);
    const latencies = Array.from({ length: 217 }, () => Math.fround(random() * 80));
    const values = latencies.map((latency, i) => `(${i}, ${latency}::FLOAT)`).join(', ');
    const observations = [await files.observations(`(VALUES ${values}) t(i, took)`, { latency_ms: 'took' })];
    const sorted = latencies.toSorted((one, other) => one - other);
    const at = (share: number): number => {
      const place = share * (sorted.length - 1);
      const below = Math.floor(place);
      return sorted[below]! + (place - below) * ((sorted[below + 1] ?? sorted[below]!) - sorted[below]!);
    };
    const { latencyMs } = await read(observations, START, START + 300_000);
    for (const [name, share] of [['p50', 0.5], ['p95', 0.95], ['p99', 0.99], ['greatest', 1]] as const) expect(latencyMs![name], name).toBeCloseTo(at(share), 9);
  });

  it('has how long after their events predictions were first received, by prediction and also where a clock is ahead', async () => {
    const lagOf = (i: string): string => `make_timestamp(epoch_us(TIMESTAMP '2024-01-01' + to_seconds(${i})) + (100 * ${i} - 200) * 1000)`;
    const observations = [
      await files.observations('range(0, 11) t(i)', { received_at: lagOf('i') }),
      // Asked for again a day later, under another time.
      await files.observations('range(0, 3) t(i)', { gateway: "'other'", sequence: '(1000 + i)::BIGINT', event_time: "TIMESTAMP '2024-01-01 00:00:30'", received_at: "TIMESTAMP '2024-01-02'" }),
      // Of another window.
      await files.observations('range(60, 80) t(i)', { received_at: "TIMESTAMP '2024-01-02'" }),
    ];
    const { arrivalLagMs } = await read(observations);
    expect(arrivalLagMs).toEqual({ p50: 300, p95: expect.closeTo(750, 9) as number, greatest: 800 });
  });

  it('has neither times nor latencies where nothing was answered', async () => {
    const none = { repeated: 0, stale: 0, guards: {}, latencyMs: null, firstEvent: null, lastEvent: null, newestReceived: null, received: null, arrivalLagMs: null, slow: { afterMs: 4, requests: 0, count: 0 } };
    expect(await read([])).toEqual(none);
    expect(await read([await files.observations('range(60, 70) t(i)')])).toEqual(none);
    expect((await read([await files.observations('range(0, 2) t(i)', { latency_ms: "CASE WHEN i = 0 THEN 'nan'::FLOAT END" })])).latencyMs).toBeNull();
  });
});

describe('the wall time in which predictions of a window were received', () => {
  const [window, second] = [{ fromMs: START, untilMs: START + 60_000 }, (seconds: number): string => new Date(START + 1_000 * seconds).toISOString()];
  const stretch = (first: number, last: number) => receivedStretch(window, { first: second(first), last: second(last) });

  it('is the window itself as long as predictions come as their events happen, and what came late', () => {
    expect(stretch(10, 50)).toEqual(window);
    expect(stretch(10, 75)).toEqual({ fromMs: START, untilMs: START + 75_001 });
    expect(stretch(-3, 50)).toEqual({ fromMs: START - 3_000, untilMs: START + 60_000 });
    expect(receivedStretch(window, null)).toEqual(window);
  });

  it('is from the first to the last of a replay', () => {
    expect(stretch(1_000, 1_010)).toEqual({ fromMs: START + 1_000_000, untilMs: START + 1_010_001 });
    expect(stretch(60, 60)).toEqual({ fromMs: START + 60_000, untilMs: START + 60_001 });
    expect(stretch(-9, -9)).toEqual({ fromMs: START - 9_000, untilMs: START - 8_999 });
  });
});

it('adds up the failures of all versions by their type', () => {
  expect(failuresByType([{ errors: { Overloaded: 2, InputInvalid: 1 } }, { errors: {} }, { errors: { Overloaded: 3 } }])).toEqual({ Overloaded: 5, InputInvalid: 1 });
  expect(failuresByType([])).toEqual({});
});
