import { describe, expect, it } from 'vitest';
import { measure } from '../evaluation/metrics.js';
import { measureSlices } from '../evaluation/slices.js';
import { timeBlocks } from '../evaluation/time-blocks.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { championFigures, type ChampionFigures } from './champion-figures.js';
import { estimateConfidenceBased } from './confidence-based-estimate.js';
import { fitDirectLoss } from './direct-loss-estimate.js';
import { driftThresholds, shareThreshold } from './drift-thresholds.js';
import type { MonitoringPlan } from './monitoring-plan.js';
import { numericDrift } from './numeric-drift.js';
import type { ServedRows } from './served-rows.js';
import { directLossFigures, estimateFigures, outputFigures, qualityFigures } from './window-assessment.js';

const SEED = 20240706;
const DAY = 86_400_000;
const START = Date.parse('2024-03-01T00:00:00Z');
const PLAN: MonitoringPlan = { metric: 'brier', bound: 1, dependence: 'blocks', blockMs: DAY, threshold: 0.6 };
const OPTIONS = { task: 'binary-classification', alpha: 0.1, labelRevision: 4 } as const;

type Rows = Pick<ServedRows, 'outputs' | 'labels' | 'eventTimesMs' | 'slices'>;

/** Calibrated rows over `days`; every ninth without an output, every fourth without a label. */
function draw(rows: number, days: number, seed = SEED): Rows {
  const random = seededRandom(seed);
  const chances = Float32Array.from({ length: rows }, random);
  return {
    labels: Float64Array.from(chances, (chance, row) => (row % 4 === 3 ? NaN : random() < chance ? 1 : 0)),
    outputs: chances.map((chance, row) => (row % 9 === 8 ? NaN : chance)),
    eventTimesMs: Float64Array.from(chances, (_, row) => START + Math.floor((row * days * DAY) / rows)),
    slices: [{ column: 'colour', values: ['red', null, '(others)'], codes: Int32Array.from({ length: rows }, (_, row) => (row % 10 < 6 ? 0 : row % 10 < 9 ? 1 : 2)) }],
  };
}

const served = (rows: Rows): ServedRows => ({
  ...rows, outcomes: rows.labels.map(() => NaN), versions: [{ version: 1, rows: rows.outputs.length }], protectedColumns: [],
  operations: { repeated: 0, stale: 0, guards: {}, latencyMs: null, firstEvent: null, lastEvent: null, newestReceived: null, received: null, arrivalLagMs: null, slow: { afterMs: 250, requests: 0, count: 0 } },
});
const whereKnown = ({ outputs, labels }: Rows): Int32Array => Int32Array.from(labels.keys()).filter((row) => !Number.isNaN(labels[row]! + outputs[row]!));
const take = (values: ArrayLike<number>, rows: Int32Array): Float64Array => Float64Array.from(rows, (row) => values[row]!);
const NONE: Rows = {
  outputs: new Float32Array(0), labels: new Float64Array(0), eventTimesMs: new Float64Array(0), slices: [{ column: 'colour', values: [], codes: new Int32Array(0) }],
};
const ONE: Rows = {
  outputs: Float32Array.of(0.75), labels: Float64Array.of(1), eventTimesMs: Float64Array.of(START), slices: [{ column: 'colour', values: ['red'], codes: Int32Array.of(0) }],
};
const UNANSWERED: Rows = { ...ONE, outputs: Float32Array.of(NaN) };
const UNLABELLED: Rows = { ...ONE, labels: Float64Array.of(NaN) };

const baseline = draw(3_000, 30, SEED + 1);
const known = whereKnown(baseline);
const judgedBefore = {
  task: 'binary-classification', predictions: Float32Array.from(take(baseline.outputs, known)), labels: take(baseline.labels, known), eventTimesMs: take(baseline.eventTimesMs, known),
} as const;
const figures: ChampionFigures = { version: 1, snapshot: 'sha256:0', from: '', until: '', outputsDigest: 'sha256:1', ...championFigures(judgedBefore, PLAN, { alpha: 0.1 }) };
const fit = figures.confidence!;
const window = draw(900, 1);

describe('outputs beside the baseline', () => {
  const before = Float32Array.from(take(baseline.outputs, known));

  it('are compared and counted without the rows that have none', () => {
    const { rows, withoutOutput, drift, positiveShare, thresholds } = outputFigures(window, before, figures, 0.1);
    const answered = window.outputs.filter((output) => !Number.isNaN(output));
    expect([rows, withoutOutput, answered.length]).toEqual([900, 100, 800]);
    const compared = numericDrift('output', Float64Array.from(before), Float64Array.from(answered));
    expect(drift).toEqual({ ...compared, thresholds: driftThresholds(compared, 0.1) });
    expect(positiveShare).toEqual({ window: answered.filter((output) => output >= 0.6).length / 800, baseline: before.filter((output) => output >= 0.6).length / before.length });
    const baselineShare = { rows: figures.rows, share: positiveShare!.baseline, reach: figures.positiveReach };
    expect(thresholds).toEqual({ positiveShare: shareThreshold(positiveShare!.window, 800, baselineShare, 0.1), withoutOutput: { limit: 1 / 900, verdict: 'fail' } });
  });

  it('have no share of positives where nothing was answered, and where the model decides nothing', () => {
    expect(outputFigures(UNANSWERED, before, figures, 0.1)).toMatchObject({ rows: 1, withoutOutput: 1, positiveShare: null, thresholds: { positiveShare: null, withoutOutput: { limit: 0, verdict: 'fail' } } });
    expect(outputFigures(NONE, before, figures, 0.1)).toMatchObject({ rows: 0, withoutOutput: 0, positiveShare: null, thresholds: { positiveShare: null, withoutOutput: null } });
    expect(outputFigures(window, before, { ...figures, positiveShare: null }, 0.1).positiveShare).toBeNull();
    expect(outputFigures(ONE, before, figures, 0.1).positiveShare!.window).toBe(1);
  });
});

describe('the estimate before labels', () => {
  it('is of all rows with an output, and has nothing that labels showed', () => {
    const found = estimateFigures(fit, window, false)!;
    const expected = estimateConfidenceBased(fit, window.outputs);
    expect([found.method, found.rows]).toEqual(['cbpe', 800]);
    expect(Object.keys(found.metrics)).toEqual(Object.keys(expected.metrics));
    const { value, low, high, alert } = expected.metrics.auc!;
    expect(found.metrics['auc']).toEqual({ value, low, high, alert, realised: null });
  });

  it('is held against the truth on the labelled rows alone', () => {
    const found = estimateFigures(fit, window, true)!;
    const rows = whereKnown(window);
    expect(found.rows).toBe(rows.length);
    expect(found.metrics['auc']!.value).toBe(estimateConfidenceBased(fit, take(window.outputs, rows)).metrics.auc!.value);
    const truth = measure({ task: 'binary-classification', predictions: take(window.outputs, rows), labels: take(window.labels, rows) }, { alpha: 0.1, threshold: 0.6 }).metrics;
    for (const name of ['auc', 'brier', 'f1', 'logLoss'] as const) {
      const { value, low, high, realised } = found.metrics[name]!;
      expect(realised!.value, name).toBeCloseTo(truth[name]!.value, 9);
      expect(realised!.difference, name).toBe(value - realised!.value);
      expect(realised!.withinBand, name).toBe(realised!.value >= low! && realised!.value <= high!);
    }
  });

  it('is none without a row to make it of', () => {
    for (const rows of [NONE, UNANSWERED]) expect(estimateFigures(fit, rows, false)).toBeNull();
    for (const rows of [NONE, UNANSWERED, UNLABELLED]) expect(estimateFigures(fit, rows, true)).toBeNull();
    expect(estimateFigures(fit, ONE, true)).toMatchObject({ rows: 1, metrics: { auc: null, brier: { realised: { value: 0.0625 } } } });
  });
});

describe('the estimate of a regression before labels', () => {
  const rows = { outputs: Float32Array.of(1, 2, NaN, 4, 5), labels: Float64Array.of(2, NaN, 3, 1, 5) };
  const losses = { absolute: Float32Array.of(0.5, 1.5, NaN, 2, -1), squared: Float32Array.of(1, 2, NaN, 6, 0) };
  const regressionFit = fitDirectLoss({ predictions: [0, 0, 0, 0, 0, 0], labels: [1, 1, 2, 1, 2, 1], chunks: [0, 0, 0, 1, 1, 1] });

  it('is of all rows with a predicted loss', () => {
    const found = directLossFigures(regressionFit, losses, rows, false)!;
    // A loss below 0 counts as 0.
    expect(found).toMatchObject({ method: 'dle', rows: 4, metrics: { mae: { value: 1, alert: true, realised: null }, rmse: { value: 1.5, realised: null } } });
    const { spread } = regressionFit.metrics.mae;
    expect(found.metrics['mae']!.high! - 1).toBeCloseTo((3 * spread!) / 2, 12);
  });

  it('is held against the truth on the labelled rows alone', () => {
    const found = directLossFigures(regressionFit, losses, rows, true)!;
    // Errors of 1, 3 and 0.
    expect(found.rows).toBe(3);
    expect(found.metrics['mae']).toMatchObject({ value: 2.5 / 3, realised: { value: 4 / 3, difference: 2.5 / 3 - 4 / 3, withinBand: true } });
    expect(found.metrics['rmse']!.value).toBeCloseTo(Math.sqrt(7 / 3), 12);
    expect(found.metrics['rmse']!.realised!.value).toBeCloseTo(Math.sqrt(10 / 3), 12);
  });

  it('is none where no row has a predicted loss, or a label where those are due', () => {
    const nothing = new Float32Array(5).fill(NaN);
    expect(directLossFigures(regressionFit, { absolute: nothing, squared: losses.squared }, rows, false)).toBeNull();
    expect(directLossFigures(regressionFit, losses, { ...rows, labels: new Float64Array(5).fill(NaN) }, true)).toBeNull();
  });
});

describe('quality', () => {
  it('is what the metrics say of rows with a label and an output, in blocks of event time, whole and by slice', () => {
    const found = qualityFigures(served(window), figures, OPTIONS);
    const rows = whereKnown(window);
    const judged = {
      task: 'binary-classification', predictions: take(window.outputs, rows), labels: take(window.labels, rows), blocks: timeBlocks(take(window.eventTimesMs, rows)),
    } as const;
    expect(found).toMatchObject({ labelRevision: 4, labelled: rows.length, unlabelled: 900 - rows.length });
    expect(found.measurement).toEqual(measure(judged, { alpha: 0.1, threshold: 0.6 }));
    const { blocks: _, ...independent } = judged;
    expect(found.measurement).not.toEqual(measure(independent, { alpha: 0.1, threshold: 0.6 }));
    const [colour] = window.slices;
    expect(found.slices).toEqual(measureSlices(judged, [{ ...colour!, codes: Int32Array.from(take(colour!.codes, rows)) }], { alpha: 0.1, threshold: 0.6 }));
    expect(found.slices.map(({ value, rows: count }) => [value, count])).toEqual([['red', expect.any(Number)], [null, expect.any(Number)], ['(others)', expect.any(Number)]]);
    expect(found.slices.reduce((sum, { rows: count }) => sum + count, 0)).toBe(rows.length);
    const losses = Array.from(rows, (row) => (window.outputs[row]! - window.labels[row]!) ** 2);
    expect(found.meanLoss).toBeCloseTo(losses.reduce((sum, loss) => sum + loss, 0) / rows.length, 12);
  });

  it('of one row is its loss, and names why other metrics are not defined', () => {
    const { labelled, unlabelled, meanLoss, measurement, slices } = qualityFigures(served(ONE), figures, OPTIONS);
    expect([labelled, unlabelled, meanLoss, measurement.metrics.brier]).toEqual([1, 0, 0.0625, { value: 0.0625, low: null, high: null }]);
    expect(measurement.undefinedBecause.auc).toEqual(expect.any(String));
    expect(slices).toMatchObject([{ column: 'colour', value: 'red', rows: 1 }]);
  });

  it.each([['without labels', UNLABELLED, 1], ['without outputs', UNANSWERED, 1], ['without rows', NONE, 0]])('of a window %s is nothing', (_, rows, unlabelled) => {
    const found = qualityFigures(served(rows), figures, OPTIONS);
    expect(found).toMatchObject({ labelled: 0, unlabelled, meanLoss: null, slices: [], measurement: { metrics: {} } });
    expect(Object.keys(found.measurement.undefinedBecause).length).toBeGreaterThan(0);
  });

  it('has no mean loss where losses have no bound, and the rest all the same', () => {
    const regression: ServedRows = served({ ...ONE, outputs: Float32Array.of(3), labels: Float64Array.of(5) });
    const found = qualityFigures(regression, { ...figures, plan: { ...PLAN, metric: 'absoluteError', bound: null } }, { ...OPTIONS, task: 'regression' });
    expect(found).toMatchObject({ meanLoss: null, bias: { value: -2, low: null, high: null }, measurement: { metrics: { mae: { value: 2 }, rmse: { value: 2 } } } });
  });

  it('is JSON through and through', () => {
    for (const rows of [window, ONE, UNLABELLED, NONE]) {
      const found = qualityFigures(served(rows), figures, OPTIONS);
      expect(JSON.parse(JSON.stringify(found))).toEqual(found);
    }
  });
});
