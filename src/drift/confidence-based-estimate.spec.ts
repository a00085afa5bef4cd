import { describe, expect, it } from 'vitest';
import { estimateConfidenceBased, fitConfidenceBased, type ConfidenceBasedFit } from './confidence-based-estimate.js';
import { chunksOf, expectClose, expectEstimate, numbers, readLabelFreeReference } from './label-free-fixture.js';
import { estimateQuality } from './metric-estimate.js';
import { CLASSIFICATION_ESTIMATES, realisedClassification } from './realised-classification.js';

const cases = readLabelFreeReference().confidenceBased;

const fitOf = (known: (typeof cases)[number]): ConfidenceBasedFit => {
  const chunks = chunksOf(known.labels.length, known.chunkSize);
  return fitConfidenceBased({ probabilities: numbers(known.probabilities), labels: known.labels, chunks }, known.threshold);
};

describe.each(cases.map((known) => [known.name, known] as const))('confidence-based estimates equal NannyML: %s', (_, known) => {
  // As a record keeps it.
  const fit = JSON.parse(JSON.stringify(fitOf(known))) as ConfidenceBasedFit;

  it('calibration and thresholds', () => {
    expect(fit.calibration === null).toBe(known.calibration === null);
    known.calibration?.points.forEach((point, index) => expectClose(fit.calibration?.scores[index], point, `point ${index}`));
    known.calibration?.values.forEach((value, index) => expectClose(fit.calibration?.values[index], value, `value ${index}`));
    for (const metric of CLASSIFICATION_ESTIMATES) {
      expectClose(fit.metrics[metric].alertBelow, known.thresholds[metric]![0], `${metric} below`);
      expectClose(fit.metrics[metric].alertAbove, known.thresholds[metric]![1], `${metric} above`);
    }
  });

  it.each(known.windows.map((window) => [window.name, window] as const))('%s', (__, window) => {
    const probabilities = numbers(window.probabilities);
    const found = estimateConfidenceBased(fit, probabilities);
    const realised = realisedClassification(probabilities, window.labels, fit.threshold);
    const quality = estimateQuality(found.metrics, realised);
    expect(found).toMatchObject({ rows: probabilities.length - window.rowsLeftOut, rowsLeftOut: window.rowsLeftOut });
    expect(Object.keys(window.metrics).sort()).toEqual([...CLASSIFICATION_ESTIMATES].sort());
    for (const metric of CLASSIFICATION_ESTIMATES) {
      const expected = window.metrics[metric]!;
      expectEstimate(found.metrics[metric], expected, metric);
      expectClose(realised[metric], expected.realised, `${metric} realised`);
      if (expected.value === null || expected.realised === null) expect(quality[metric]).toBeNull();
      else expectClose(quality[metric]?.difference, expected.value - expected.realised, `${metric} difference`);
    }
  });
});

describe('confidence-based estimates', () => {
  const known = cases[0]!;
  const nothing = Object.fromEntries(CLASSIFICATION_ESTIMATES.map((metric) => [metric, null]));

  it('are null without rows', () => {
    expect(estimateConfidenceBased(fitOf(known), Float64Array.of(NaN, NaN))).toEqual({ rows: 0, rowsLeftOut: 2, metrics: nothing });
    expect(estimateConfidenceBased(fitOf(known), new Float64Array(0))).toEqual({ rows: 0, rowsLeftOut: 0, metrics: nothing });
    expect(realisedClassification(new Float64Array(0), [], 0.5)).toEqual(nothing);
  });

  it('leave out reference rows without a probability or a label, and count them', () => {
    const chunks = chunksOf(known.labels.length, known.chunkSize);
    const withGaps = {
      probabilities: Float64Array.of(0.4, NaN, ...numbers(known.probabilities), Infinity), labels: [NaN, 1, ...known.labels, 0], chunks: [0, 0, ...chunks, 99],
    };
    expect(fitConfidenceBased(withGaps, known.threshold)).toEqual({ ...fitOf(known), rowsLeftOut: 3 });
  });

  it('take chunks in any order of rows', () => {
    const order = known.labels.map((_, row) => (row * 7) % known.labels.length);
    const [probabilities, chunks] = [numbers(known.probabilities), chunksOf(known.labels.length, known.chunkSize)];
    const shuffled = {
      probabilities: Float64Array.from(order, (row) => probabilities[row]!), labels: order.map((row) => known.labels[row]!),
      chunks: order.map((row) => chunks[row]! * 1000 - 5),
    };
    const fit = fitConfidenceBased(shuffled, known.threshold);
    for (const metric of CLASSIFICATION_ESTIMATES) {
      expectClose(fit.metrics[metric].alertBelow, known.thresholds[metric]![0], `${metric} below`);
      expectClose(fit.metrics[metric].alertAbove, known.thresholds[metric]![1], `${metric} above`);
    }
  });

  it('decide on calibration by the rows in their own order, whatever their chunks', () => {
    const [probabilities, interleaved] = [numbers(known.probabilities), known.labels.map((_, row) => row % 7)];
    expect(fitConfidenceBased({ probabilities, labels: known.labels, chunks: interleaved }, known.threshold).need).toEqual(fitOf(known).need);
  });

  it('refuse a reference without rows, of unequal lengths, or with other labels', () => {
    expect(() => fitConfidenceBased({ probabilities: Float64Array.of(NaN), labels: [1], chunks: [0] }, 0.5)).toThrow(/no row with a probability and a label/);
    expect(() => fitConfidenceBased({ probabilities: Float64Array.of(0.1), labels: [1, 0], chunks: [0] }, 0.5)).toThrow(RangeError);
    expect(() => fitConfidenceBased({ probabilities: Float64Array.of(0.1), labels: [2], chunks: [0] }, 0.5)).toThrow(/a label is 0 or 1, not 2/);
    expect(() => realisedClassification(Float64Array.of(0.1), [1, 0], 0.5)).toThrow(RangeError);
  });
});

describe('estimate quality', () => {
  const estimate = { value: 0.8, samplingError: 0.02, low: 0.74, high: 0.86, alert: false };

  it('says whether the realised value lies in the band', () => {
    expect(estimateQuality({ auc: estimate }, { auc: 0.74 }).auc).toEqual({ realised: 0.74, difference: expect.closeTo(0.06, 12), withinBand: true });
    expect(estimateQuality({ auc: estimate }, { auc: 0.87 }).auc).toMatchObject({ withinBand: false });
    expect(estimateQuality({ auc: { ...estimate, samplingError: null, low: null, high: null } }, { auc: 0.8 }).auc).toMatchObject({ withinBand: null });
  });

  it('is null without an estimate or a realised value', () => {
    expect(estimateQuality({ auc: null, f1: estimate, recall: estimate }, { auc: 0.7, f1: null })).toEqual({ auc: null, f1: null, recall: null });
  });
});
