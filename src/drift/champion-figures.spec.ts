import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../contracts/canonical.js';
import { criticalValue } from '../evaluation/distributions.js';
import { meanEstimate, measure } from '../evaluation/metrics.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { limitOfBlocks, limitOfRows } from './baseline-limit.js';
import { championFigures, type ChampionFigures, lossLimit, rowLosses, sampleOf, type ScoredBaseline, shareAtLeast } from './champion-figures.js';
import { fitConfidenceBased } from './confidence-based-estimate.js';
import type { MonitoringPlan } from './monitoring-plan.js';

const SEED = 20240705;
const DAY = 86_400_000;
const START = Date.parse('2024-01-01T00:00:00Z');
const PLAN: MonitoringPlan = { metric: 'brier', bound: 1, dependence: 'blocks', blockMs: DAY, threshold: 0.5 };

/** Two rows on the first day, none on the second, three on the third; out of order. */
const FIVE: ScoredBaseline = {
  task: 'binary-classification', predictions: Float32Array.of(0.5, 0.25, 1, 0.75, 0), labels: Float64Array.of(1, 0, 0, 1, 0),
  eventTimesMs: Float64Array.of(START + 2 * DAY, START + 5, START + 3 * DAY - 1, START, START + 2.5 * DAY),
};

/** @param perDay rows of each day */
function drawn(perDay: readonly number[], seed = SEED): ScoredBaseline {
  const random = seededRandom(seed);
  const days = perDay.flatMap((rows, day) => Array<number>(rows).fill(day));
  const predictions = Float32Array.from(days, random);
  return {
    task: 'binary-classification', predictions, labels: Float64Array.from(predictions, (chance) => (random() < chance ? 1 : 0)),
    eventTimesMs: Float64Array.from(days, (day) => START + day * DAY + Math.floor(random() * DAY)),
  };
}

const limitWith = (rows: ScoredBaseline, plan: MonitoringPlan, delta: number): ReturnType<typeof lossLimit> => lossLimit(championFigures(rows, plan, { alpha: 0.05 }), delta);

describe('the figures of a version on its baseline', () => {
  it('are those of five rows as a hand works them out', () => {
    const figures = championFigures(FIVE, PLAN, { alpha: 0.05 });
    // Losses 0.25, 0.0625, 1, 0.0625, 0.
    const mean = 1.375 / 5;
    const variance = (0.025 ** 2 + 2 * 0.2125 ** 2 + 0.725 ** 2 + 0.275 ** 2) / 4;
    expect(figures).toMatchObject({ rows: 5, plan: PLAN, positiveShare: 0.6, positiveReach: expect.closeTo(criticalValue(0.05) * Math.sqrt((0.6 * 0.4) / 4), 12) as number });
    expect(figures.losses!.sample).toEqual({ rows: 5, mean, variance: expect.closeTo(variance, 12) });
    expect(figures.losses!.blocks).toEqual({ rows: [2, 3], sums: [0.125, 1.25] });
    expect(figures.measurement).toEqual(measure(FIVE, { alpha: 0.05, threshold: 0.5 }));
    expect(figures.measurement.metrics.brier!.value).toBeCloseTo(mean, 12);
  });

  it('take intervals, threshold and days from what they are asked for', () => {
    const rows = drawn([40, 0, 60, 50]);
    const plan: MonitoringPlan = { ...PLAN, metric: 'clippedLogLoss', bound: 2, threshold: 0.7, blockMs: 2 * DAY };
    const figures = championFigures(rows, plan, { alpha: 0.2 });
    expect(figures.measurement).toEqual(measure(rows, { alpha: 0.2, threshold: 0.7 }));
    expect(figures.measurement).not.toEqual(measure(rows, { alpha: 0.2, threshold: 0.5 }));
    expect(figures.positiveShare).toBe(rows.predictions.filter((output) => output >= 0.7).length / 150);
    // Blocks are counted from 1970, and 2024-01-01 is day 19723: the first block of two days holds that day alone.
    expect(figures.losses!.blocks.rows).toEqual([40, 60, 50]);
    expect(Math.max(...rowLosses(plan, rows.predictions, rows.labels)!)).toBe(2);
    const chunks = Float64Array.from(rows.eventTimesMs, (time) => Math.floor(time / plan.blockMs));
    expect(figures.confidence).toEqual(fitConfidenceBased({ probabilities: rows.predictions, labels: rows.labels, chunks }, 0.7));
  });

  it('know how far the share of positives may be off, by blocks where rows have them', () => {
    const rows = drawn([40, 30, 60, 50]);
    const decided = Float64Array.from(rows.predictions, (output) => (output >= 0.5 ? 1 : 0));
    const blocks = Int32Array.from(decided, (_, row) => row % 5);
    for (const judged of [rows, { ...rows, blocks }]) {
      const { high, value } = meanEstimate(decided, judged === rows ? undefined : blocks, 0.1)!;
      expect(championFigures(judged, PLAN, { alpha: 0.1 }).positiveReach).toBe(high! - value);
    }
    for (const threshold of [0, 1.1]) expect(championFigures(rows, { ...PLAN, threshold }, { alpha: 0.1 }).positiveReach).toBeNull();
  });

  it('of a regression have neither decisions nor confidence, and without a bound no losses', () => {
    const rows: ScoredBaseline = { ...FIVE, task: 'regression', predictions: Float32Array.of(1, 2, 3, 4, 50), labels: Float64Array.of(1, 4, 3, 4, 5) };
    const bounded = championFigures(rows, { ...PLAN, metric: 'absoluteError', bound: 10 }, { alpha: 0.05 });
    expect(bounded).toMatchObject({ confidence: null, positiveShare: null, positiveReach: null, losses: { sample: { rows: 5, mean: 12 / 5 }, blocks: { rows: [2, 3], sums: [2, 10] } } });
    expect(bounded.measurement.metrics.mae!.value).toBeCloseTo(47 / 5, 12);
    expect(championFigures(rows, { ...PLAN, metric: 'absoluteError', bound: null }, { alpha: 0.05 }).losses).toBeNull();
  });

  it('are the same after JSON', () => {
    const figures = championFigures(drawn([30, 30, 30]), PLAN, { alpha: 0.05 });
    expect(JSON.parse(canonicalJson(figures))).toEqual(figures);
  });
});

describe('losses', () => {
  it('are those of rows that have a label and an output', () => {
    expect(rowLosses(PLAN, Float32Array.of(0.5, NaN, 0.25, 1), Float64Array.of(1, 1, NaN, 0))).toEqual(Float64Array.of(0.25, NaN, NaN, 1));
    expect(rowLosses({ ...PLAN, metric: 'absoluteError', bound: 3 }, Float32Array.of(1, 9), Float64Array.of(2, 2))).toEqual(Float64Array.of(1, 3));
    expect(rowLosses({ ...PLAN, bound: null }, Float32Array.of(1), Float64Array.of(1))).toBeNull();
  });

  it('have the mean and the unbiased variance of those that are known', () => {
    expect(sampleOf(Float64Array.of(NaN, 1, 3, NaN, 8))).toEqual({ rows: 3, mean: 4, variance: 13 });
    expect(sampleOf(Float64Array.of(NaN, 0.5))).toEqual({ rows: 1, mean: 0.5, variance: 0 });
  });
});

it('counts the share of outputs at the threshold and above among those that are numbers', () => {
  expect(shareAtLeast(Float32Array.of(0.25, 0.5, NaN, 0.75, NaN), 0.5)).toBe(2 / 3);
});

describe('the limit of a version\'s losses', () => {
  it('is the bound of its rows where rows are independent', () => {
    const rows = drawn([50, 70]);
    const sample = sampleOf(rowLosses(PLAN, rows.predictions, rows.labels)!);
    expect(limitWith(rows, { ...PLAN, dependence: 'rows' }, 0.01)).toEqual(limitOfRows(sample, 1, 0.01));
  });

  it('is the bound of its blocks where those share their fate, of at least eight with rows', () => {
    const rows = drawn([30, 40, 50, 0, 30, 40, 50, 60, 20]);
    const losses = rowLosses(PLAN, rows.predictions, rows.labels)!;
    const sums = Float64Array.from({ length: 9 }, (_, day) => losses.reduce((sum, loss, row) => sum + (Math.floor((rows.eventTimesMs[row]! - START) / DAY) === day ? loss : 0), 0));
    const expected = limitOfBlocks({ rows: Float64Array.of(30, 40, 50, 0, 30, 40, 50, 60, 20), sums }, Math.sqrt(sampleOf(losses).variance), 0.01)!;
    const found = limitWith(rows, PLAN, 0.01)!;
    for (const [name, value] of Object.entries(expected)) expect(found[name as 'mean'], name).toEqual(typeof value === 'number' ? expect.closeTo(value, 12) : value);
    expect(found.upper).toBeGreaterThan(found.mean);
    expect(limitWith(drawn([30, 40, 50, 0, 30, 40, 50, 60]), PLAN, 0.01)).toBeNull();
  });

  it('is null where losses have no bound', () => {
    const figures: Pick<ChampionFigures, 'losses' | 'plan'> = championFigures(drawn([50, 70]), { ...PLAN, dependence: 'rows', bound: null }, { alpha: 0.05 });
    expect(lossLimit(figures, 0.01)).toBeNull();
  });
});
