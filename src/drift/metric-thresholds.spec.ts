import { describe, expect, it } from 'vitest';
import type { Measurement } from '../contracts/evaluations.js';
import { measure } from '../evaluation/metrics.js';
import { criticalValue } from '../evaluation/distributions.js';
import { timeBlocks } from '../evaluation/time-blocks.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { metricThresholds } from './metric-thresholds.js';

const OPTIONS = { alpha: 0.05, threshold: 0.5 };
const DAY_MS = 86_400_000;
const of = (metrics: Measurement['metrics']): Measurement => ({ metrics, undefinedBecause: {} });
const BASELINE = { rows: 3_000, measurement: of({ auc: { value: 0.8, low: 0.78, high: 0.82 }, brier: { value: 0.1, low: 0.09, high: 0.12 }, calibrationError: { value: 0.02, low: null, high: null } }) };

describe('what a metric may come to by chance', () => {
  it('lies on the worse side, further away the fewer rows a window has', () => {
    const window = { rows: 1_000, measurement: of({ auc: { value: 0.765, low: null, high: null }, brier: { value: 0.141, low: null, high: null } }) };
    expect(metricThresholds(BASELINE, window)).toEqual({
      auc: { limit: expect.closeTo(0.76, 12) as number, verdict: 'pass' }, brier: { limit: expect.closeTo(0.14, 12) as number, verdict: 'fail' },
    });
    expect(metricThresholds(BASELINE, { ...window, rows: 125 })).toMatchObject({ auc: { limit: expect.closeTo(0.7, 12) as number }, brier: { verdict: 'pass' } });
  });

  it('is the prediction interval of a mean: s times the quantile times the root of 1/n + 1/m', () => {
    const errors = Float32Array.of(1, 3, 2, 5, 4, 9, 2, 6);
    const measurement = measure({ task: 'regression', predictions: errors, labels: new Float64Array(8) }, OPTIONS);
    const mean = 4;
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / 7);
    const { mae } = metricThresholds({ rows: 8, measurement }, { rows: 5, measurement: of({}) });
    expect(mae).toEqual({ limit: expect.closeTo(mean + criticalValue(0.05) * deviation * Math.sqrt(1 / 8 + 1 / 5), 12) as number, verdict: 'inconclusive' });
  });

  it('is not known without labelled rows', () => {
    expect(metricThresholds(BASELINE, { rows: 0, measurement: of({}) })).toEqual({});
  });
});

/** Rows of days that have a fate of their own. */
function measured(random: () => number, days: number, worse: number): { rows: number; measurement: Measurement } {
  const [predictions, labels, times]: [number[], number[], number[]] = [[], [], []];
  for (let day = 0; day < days; day++) {
    const fate = 0.15 * (random() - 0.5);
    for (let row = 0; row < 100; row++) {
      const probability = 0.1 + 0.8 * random();
      predictions.push(probability);
      labels.push(random() < probability + fate - worse * (probability - 0.5) ? 1 : 0);
      times.push(day * DAY_MS + row);
    }
  }
  const rows = { task: 'binary-classification' as const, predictions: Float32Array.from(predictions), labels: Float64Array.from(labels), blocks: timeBlocks(Float64Array.from(times)) };
  return { rows: labels.length, measurement: measure(rows, OPTIONS) };
}

it('is passed in about one window in forty where nothing has changed, and where the model is worse nearly always (seed 20261122)', () => {
  const random = seededRandom(20_261_122);
  const [counts, windows] = [{ honest: 0, worse: 0 }, 400];
  for (let window = 0; window < windows; window++) {
    const baseline = measured(random, 40, 0);
    for (const [name, worse] of [['honest', 0], ['worse', 0.5]] as const) {
      if (metricThresholds(baseline, measured(random, 7, worse)).brier?.verdict === 'fail') counts[name] += 1;
    }
  }
  // 2.5 % is what is promised; three standard deviations of 400 windows are 2.3 %.
  expect(counts.honest / windows).toBeLessThan(0.05);
  expect(counts.worse / windows).toBeGreaterThan(0.95);
});
