import { describe, expect, it } from 'vitest';
import { featureResponses } from './feature-responses.js';

const MOVES = [{ feature: 'size', move: 'up', step: 0.5 }, { feature: 'colour', move: 'exchanged', step: null }] as const;
const labels = Float64Array.from([0, 1, 0, 1]);
const rows = (moved: readonly number[], exchanged: readonly number[]) =>
  ({ task: 'binary-classification' as const, predictions: Float64Array.from([0.1, 0.9, 0.2, 0.8, ...moved, ...exchanged]), labels: Float64Array.from([...labels, ...labels, ...labels]) });

describe('how far a model moves with one feature', () => {
  it('is measured in its output and in its metrics, each move against the rows as they are', () => {
    const [size, colour] = featureResponses(rows([0.2, 1, 0.3, 0.9], [0.9, 0.1, 0.8, 0.2]), MOVES, { metrics: ['auc', 'brier'], threshold: 0.5 });
    expect(size).toMatchObject({ feature: 'size', move: 'up', step: 0.5, metrics: { auc: 1 }, metricsMoved: { auc: 0 } });
    expect(size!.outputMoved).toBeCloseTo(0.1, 12);
    expect(size!.metricsMoved.brier).toBeCloseTo((0.04 + 0 + 0.09 + 0.01) / 4 - (0.01 + 0.01 + 0.04 + 0.04) / 4, 12);
    expect(colour).toMatchObject({ metrics: { auc: 0 }, metricsMoved: { auc: -1 } });
    expect(colour!.outputMovedMost).toBeCloseTo(0.8, 12);
  });

  it('has no value where a metric has none', () => {
    const ones = { ...rows([0, 0, 0, 0], [0, 0, 0, 0]), labels: new Float64Array(12).fill(1) };
    expect(featureResponses(ones, MOVES, { metrics: ['auc'], threshold: 0.5 })[0]).toMatchObject({ metrics: { auc: null }, metricsMoved: { auc: null } });
  });

  it('refuses rows that are not so many times the same', () => {
    expect(() => featureResponses({ ...rows([], []), labels }, MOVES, { metrics: ['auc'], threshold: 0.5 })).toThrow(/4 rows are not 3 times the same/);
  });
});
