import { describe, expect, it } from 'vitest';
import type { MetricName } from '../contracts/verdict.js';
import type { JudgedRows } from './judged-rows.js';
import { measure } from './metrics.js';
import { compareOnSameRows } from './paired-comparison.js';
import { timeBlocks } from './time-blocks.js';

const DAYS = 28;
const ROWS_A_DAY = 60;
const REPETITIONS = 400;
const OPTIONS = { alpha: 0.05, threshold: 0.5 };

/** Mulberry32: a small generator whose stream is fixed by its seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * Days that have a character of their own: it shifts the labels of all the day's rows and how far each model is off.
 * The two models are exchangeable, so that the true gain is zero in every metric.
 */
function days(random: () => number): { candidate: JudgedRows; champion: JudgedRows } {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const n = DAYS * ROWS_A_DAY;
  const [ours, theirs, labels, blocks] = [new Float64Array(n), new Float64Array(n), new Float64Array(n), new Int32Array(n)];
  for (let day = 0, row = 0; day < DAYS; day++) {
    const [weather, oursOff, theirsOff] = [0.5 * normal(), normal(), normal()];
    for (let within = 0; within < ROWS_A_DAY; within++, row++) {
      const signal = normal();
      labels[row] = random() < sigmoid(signal + weather) ? 1 : 0;
      ours[row] = sigmoid(signal * (1 + 0.3 * oursOff) + 0.5 * oursOff + 0.3 * normal());
      theirs[row] = sigmoid(signal * (1 + 0.3 * theirsOff) + 0.5 * theirsOff + 0.3 * normal());
      blocks[row] = day;
    }
  }
  const rows = { task: 'binary-classification', labels, blocks } as const;
  return { candidate: { ...rows, predictions: ours }, champion: { ...rows, predictions: theirs } };
}

/** The share of repetitions whose interval of the gain holds the true value, zero. */
function coverage(metric: MetricName, keepBlocks: boolean): number {
  const random = randomFrom(20130101);
  let held = 0;
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    const { candidate, champion } = days(random);
    const strip = ({ blocks, ...rows }: JudgedRows): JudgedRows => (keepBlocks && blocks ? { ...rows, blocks } : rows);
    const found = compareOnSameRows(metric, strip(candidate), strip(champion), OPTIONS);
    if ('gain' in found && found.gain.low! <= 0 && found.gain.high! >= 0) held += 1;
  }
  return held / REPETITIONS;
}

describe('intervals of the gain hold the truth as often as they say, when days have a character', () => {
  // At 95 % and 400 repetitions the binomial error is 1.1 points; below 0.92 or above 0.98 something is wrong.
  it.each(['auc', 'logLoss', 'brier', 'f1'] as const)('%s', (metric) => {
    const withBlocks = coverage(metric, true);
    expect(withBlocks).toBeGreaterThan(0.92);
    expect(withBlocks).toBeLessThan(0.985);
    // Rows taken as independent promise far more than they hold: the reason for blocks.
    expect(coverage(metric, false)).toBeLessThan(0.85);
  }, 60_000);
});

describe('time blocks', () => {
  const DAY_MS = 86_400_000;
  it('are UTC days, also when a day is empty', () => {
    const start = Date.UTC(2013, 0, 1, 23);
    const times = Float64Array.from([start, start + 3_600_000, start + 2 * DAY_MS, start + 30 * DAY_MS]);
    expect(Array.from(timeBlocks(times))).toEqual([0, 1, 2, 30]);
  });

  it('are a twentieth of a shorter window', () => {
    const hours = Float64Array.from({ length: 100 }, (_, hour) => hour * 3_600_000);
    const blocks = timeBlocks(hours);
    expect(new Set(blocks).size).toBe(20);
    expect(blocks[0]).toBe(0);
    expect(blocks[99]).toBe(19);
  });

  it('do not divide what happened at one instant, and take no rows', () => {
    expect(Array.from(timeBlocks(new Float64Array(3).fill(5)))).toEqual([0, 0, 0]);
    expect(timeBlocks(new Float64Array(0))).toHaveLength(0);
  });
});

describe('without blocks', () => {
  it('a metric keeps its value and changes its interval only', () => {
    const { candidate } = days(randomFrom(7));
    const { task, predictions, labels } = candidate;
    const [clustered, independent] = [measure(candidate, OPTIONS).metrics, measure({ task, predictions, labels }, OPTIONS).metrics];
    expect(clustered.logLoss!.value).toBe(independent.logLoss!.value);
    expect(clustered.logLoss!.low).toBeLessThan(independent.logLoss!.low!);
  });
});
