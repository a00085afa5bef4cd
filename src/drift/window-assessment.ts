import type { EstimatedMetric, EstimateFigures, OutputFigures, QualityFigures } from '../contracts/window-assessment-report.js';
import { meanEstimate, measure, type MeasureOptions } from '../evaluation/metrics.js';
import { type JudgedRows, selectRows } from '../evaluation/judged-rows.js';
import { measureSlices } from '../evaluation/slices.js';
import { timeBlocks } from '../evaluation/time-blocks.js';
import { type ChampionFigures, rowLosses, sampleOf, shareAtLeast } from './champion-figures.js';
import { countLimit } from './chance-limits.js';
import { type ConfidenceBasedFit, estimateConfidenceBased } from './confidence-based-estimate.js';
import { type DirectLossFit, estimateDirectLoss, realisedRegression } from './direct-loss-estimate.js';
import { driftThresholds, judged, shareThreshold } from './drift-thresholds.js';
import { type EstimateQuality, estimateQuality, type MetricEstimate } from './metric-estimate.js';
import { metricThresholds } from './metric-thresholds.js';
import { numericDrift } from './numeric-drift.js';
import { realisedClassification } from './realised-classification.js';
import type { ServedRows } from './served-rows.js';

type BaselineOutputs = Pick<ChampionFigures, 'plan' | 'rows' | 'positiveShare' | 'positiveReach'>;

/** The version's outputs beside those on its baseline, with what they may come to by chance. @param baseline outputs, in any order @param alpha of the thresholds */
export function outputFigures({ outputs }: Pick<ServedRows, 'outputs'>, baseline: Float32Array, figures: BaselineOutputs, alpha: number): OutputFigures {
  const { plan, rows: baselineRows, positiveShare, positiveReach } = figures;
  const answered = outputs.filter((output) => !Number.isNaN(output));
  const [rows, withoutOutput] = [outputs.length, outputs.length - answered.length];
  const drift = numericDrift('output', Float64Array.from(baseline), Float64Array.from(answered));
  const positives = positiveShare === null || answered.length === 0 ? null : { window: shareAtLeast(answered, plan.threshold), baseline: positiveShare };
  return {
    rows, withoutOutput, drift: { ...drift, thresholds: driftThresholds(drift, alpha) }, positiveShare: positives,
    thresholds: {
      positiveShare: positives && shareThreshold(positives.window, answered.length, { rows: baselineRows, share: positives.baseline, reach: positiveReach }, alpha),
      withoutOutput: rows === 0 ? null : judged(withoutOutput / rows, countLimit(0, { baseline: baselineRows, window: rows }, alpha) / rows),
    },
  };
}

/**
 * What the metrics of the window are by the model's own confidence (confidence-based-estimate.ts), and how good that estimate was where labels are
 * there: on the labelled rows, of which alone the truth is known.
 * @returns null without any row that has an output
 */
export function estimateFigures(fit: ConfidenceBasedFit, rows: Pick<ServedRows, 'outputs' | 'labels'>, labelsDue: boolean): EstimateFigures | null {
  const judged = labelsDue ? labelledOnly(rows) : null;
  const estimate = estimateConfidenceBased(fit, judged?.outputs ?? rows.outputs);
  if (estimate.rows === 0) return null;
  const realised = judged && estimateQuality(estimate.metrics, realisedClassification(judged.outputs, judged.labels, fit.threshold));
  return { method: 'cbpe', rows: estimate.rows, metrics: metricsOf(estimate.metrics, realised) };
}

/** What loss models (loss-model.ts) predict of each row; NaN where inputs or output are not known. */
export interface PredictedLosses {
  readonly absolute: Float32Array;
  readonly squared: Float32Array;
}

/**
 * What MAE and RMSE of the window are by the predicted losses (direct-loss-estimate.ts), and how good that was where labels are there: on the labelled rows.
 * @returns null without any row that has a predicted loss
 */
export function directLossFigures(fit: DirectLossFit, { absolute, squared }: PredictedLosses, rows: Pick<ServedRows, 'outputs' | 'labels'>, labelsDue: boolean): EstimateFigures | null {
  const judged = (labelsDue ? knownRows(rows) : Int32Array.from(rows.outputs.keys())).filter((row) => Number.isFinite(absolute[row]! + squared[row]!));
  if (judged.length === 0) return null;
  const of = (losses: Float32Array): Float32Array => Float32Array.from(judged, (row) => losses[row]!);
  const { mae = null } = estimateDirectLoss(fit, 'absolute-error', of(absolute)).metrics;
  const { rmse = null } = estimateDirectLoss(fit, 'squared-error', of(squared)).metrics;
  const realised = labelsDue ? estimateQuality({ mae, rmse }, realisedRegression(of(rows.outputs), Float64Array.from(judged, (row) => rows.labels[row]!))) : null;
  return { method: 'dle', rows: judged.length, metrics: metricsOf({ mae, rmse }, realised) };
}

function metricsOf(estimates: Readonly<Record<string, MetricEstimate | null>>, realised: Readonly<Record<string, EstimateQuality | null>> | null): EstimateFigures['metrics'] {
  const metrics = Object.entries(estimates).map(([name, metric]): [string, EstimatedMetric | null] => {
    const truth = realised?.[name];
    return [name, metric && {
      value: metric.value, low: metric.low, high: metric.high, alert: metric.alert,
      realised: truth ? { value: truth.realised, difference: truth.difference, withinBand: truth.withinBand } : null,
    }];
  });
  return Object.fromEntries(metrics);
}

/** Metrics of the rows whose label is known, with intervals, whole and by slice, beside what they may come to by chance. */
export function qualityFigures(
  rows: ServedRows, { plan, rows: baselineRows, measurement: baseline }: Pick<ChampionFigures, 'plan' | 'rows' | 'measurement'>, options: { readonly task: JudgedRows['task']; readonly alpha: number; readonly labelRevision: number },
): QualityFigures {
  const known = knownRows(rows);
  const measured: MeasureOptions = { alpha: options.alpha, threshold: plan.threshold };
  const judged = selectRows({ task: options.task, predictions: rows.outputs, labels: rows.labels }, known);
  const withBlocks: JudgedRows = known.length === 0 ? judged : { ...judged, blocks: timeBlocks(Float64Array.from(known, (row) => rows.eventTimesMs[row]!)) };
  const slices = rows.slices.map(({ column, values, codes }) => ({ column, values, codes: Int32Array.from(known, (row) => codes[row]!) }));
  const losses = rowLosses(plan, rows.outputs, rows.labels);
  const measurement = measure(withBlocks, measured);
  return {
    labelRevision: options.labelRevision, labelled: known.length, unlabelled: rows.labels.length - known.length,
    measurement, thresholds: metricThresholds({ rows: baselineRows, measurement: baseline }, { rows: known.length, measurement }),
    bias: options.task === 'regression' ? meanEstimate(Float64Array.from(known, (row) => rows.outputs[row]! - rows.labels[row]!), withBlocks.blocks, options.alpha) : null,
    slices: measureSlices(withBlocks, slices, measured),
    meanLoss: losses && known.length > 0 ? sampleOf(losses).mean : null,
  };
}

/** Rows with a label and an output. */
const knownRows = ({ outputs, labels }: Pick<ServedRows, 'outputs' | 'labels'>): Int32Array =>
  Int32Array.from(labels.keys()).filter((row) => !Number.isNaN(labels[row]!) && !Number.isNaN(outputs[row]!));

function labelledOnly(rows: Pick<ServedRows, 'outputs' | 'labels'>): Pick<ServedRows, 'outputs' | 'labels'> {
  const known = knownRows(rows);
  return { outputs: Float32Array.from(known, (row) => rows.outputs[row]!), labels: Float64Array.from(known, (row) => rows.labels[row]!) };
}
