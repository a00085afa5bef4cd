import { describe, expect, it } from 'vitest';
import { estimateDirectLoss, fitDirectLoss, realisedRegression, type DirectLossFit } from './direct-loss-estimate.js';
import { chunksOf, expectClose, expectEstimate, numbers, readLabelFreeReference } from './label-free-fixture.js';
import { estimateQuality } from './metric-estimate.js';

const cases = readLabelFreeReference().directLoss;
const METRICS = ['mae', 'mse', 'rmse'] as const;

const fitOf = (known: (typeof cases)[number]): DirectLossFit =>
  fitDirectLoss({ predictions: numbers(known.predictions), labels: numbers(known.labels), chunks: chunksOf(known.labels.length, known.chunkSize) });

describe.each(cases.map((known) => [known.name, known] as const))('direct loss estimates equal NannyML: %s', (_, known) => {
  // As a record keeps it.
  const fit = JSON.parse(JSON.stringify(fitOf(known))) as DirectLossFit;

  it('thresholds', () => {
    for (const metric of METRICS) {
      expectClose(fit.metrics[metric].alertBelow, known.thresholds[metric]![0], `${metric} below`);
      expectClose(fit.metrics[metric].alertAbove, known.thresholds[metric]![1], `${metric} above`);
    }
    expect(fit.rowsLeftOut).toBe(numbers(known.labels).filter(Number.isNaN).length);
  });

  it.each(known.windows.map((window) => [window.name, window] as const))('%s', (__, window) => {
    const absolute = estimateDirectLoss(fit, 'absolute-error', numbers(window.losses['absolute-error']));
    const squared = estimateDirectLoss(fit, 'squared-error', numbers(window.losses['squared-error']));
    const found = { ...absolute.metrics, ...squared.metrics };
    const realised = realisedRegression(numbers(window.predictions), numbers(window.labels));
    const quality = estimateQuality(found, realised);
    expect(Object.keys(found).sort()).toEqual(Object.keys(window.metrics).sort());
    for (const metric of METRICS) {
      const expected = window.metrics[metric]!;
      expectEstimate(found[metric], expected, metric);
      expectClose(realised[metric], expected.realised, `${metric} realised`);
      expectClose(quality[metric]?.difference, expected.value! - expected.realised!, `${metric} difference`);
    }
  });
});

describe('direct loss estimates', () => {
  const fit = fitOf(cases[0]!);

  it('leave out losses that are not finite, and count them', () => {
    const found = estimateDirectLoss(fit, 'absolute-error', Float64Array.of(1, NaN, 3, Infinity, -Infinity));
    expect(found).toEqual({ ...estimateDirectLoss(fit, 'absolute-error', Float64Array.of(1, 3)), rowsLeftOut: 3 });
    expect(found.metrics.mae?.value).toBe(2);
  });

  it('are null without rows', () => {
    expect(estimateDirectLoss(fit, 'squared-error', Float64Array.of(NaN))).toEqual({ rows: 0, rowsLeftOut: 1, metrics: { mse: null, rmse: null } });
    expect(realisedRegression([1, NaN], [NaN, 2])).toEqual({ mae: null, mse: null, rmse: null });
  });

  it('hold no NaN where squares exceed what a number can hold', () => {
    const { metrics } = fitDirectLoss({ predictions: [1e200, -1e200], labels: [0, 1], chunks: [0, 1] });
    expect(metrics.mse).toEqual({ spread: null, share: 1, alertBelow: null, alertAbove: null });
    expect(metrics.rmse).toEqual(metrics.mse);
  });

  it('have no sampling error of RMSE where every error is 0', () => {
    expect(fitDirectLoss({ predictions: [1, 2], labels: [1, 2], chunks: [0, 0] }).metrics.rmse.spread).toBeNull();
  });

  it('refuse a reference without rows or of unequal lengths', () => {
    expect(() => fitDirectLoss({ predictions: [NaN], labels: [1], chunks: [0] })).toThrow(/no row with a prediction and a label/);
    expect(() => fitDirectLoss({ predictions: [1], labels: [1], chunks: [] })).toThrow(RangeError);
  });
});
