import { alertThresholds, estimateOf, meanOf, standardDeviation, type MetricEstimate, type MetricRange, type MetricReference } from './metric-estimate.js';
import { chunkRows, ofEachChunk } from './reference-chunks.js';

/**
 * Direct loss estimation (DLE) of a regressor: a second model, fitted on a labelled reference, predicts each row's loss from its
 * inputs, and the mean of its predictions estimates the metric. That model is a trainer's business; these are the definitions
 * of NannyML (0.13.1) around it.
 */
export type RegressionEstimate = 'mae' | 'mse' | 'rmse';

/** Which loss the second model predicts: |y − ŷ|, in the label's unit, or (y − ŷ)². */
export type PredictedLoss = 'absolute-error' | 'squared-error';

export interface DirectLossFit {
  /** Rows of the reference with a finite prediction and label, and the others. */
  readonly rows: number;
  readonly rowsLeftOut: number;
  readonly metrics: Readonly<Record<RegressionEstimate, MetricReference>>;
}

export interface DirectLossEstimate {
  /** Rows with a finite predicted loss, and the others. */
  readonly rows: number;
  readonly rowsLeftOut: number;
  /** MAE of absolute errors, MSE and RMSE of squared ones; null without rows. */
  readonly metrics: Readonly<Partial<Record<RegressionEstimate, MetricEstimate | null>>>;
}

/** Labelled rows, their chunks such as days: equal numbers are one chunk. All of one length; NaN where missing. */
export interface RegressionReference {
  readonly predictions: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
  readonly chunks: ArrayLike<number>;
}

const RANGE: MetricRange = [0, Infinity];

const areFinite = (prediction: number, label: number): boolean => Number.isFinite(prediction) && Number.isFinite(label);

/**
 * Learns sampling errors and thresholds from a labelled reference. An error's mean over n rows has standard error s/√n, of s with
 * divisor n; RMSE has s/(2 RMSE √n) of squared errors, by the delta method, and none (null) where every error is 0.
 * @throws RangeError where lengths differ or no row has a finite prediction and label
 */
export function fitDirectLoss({ predictions, labels, chunks }: RegressionReference): DirectLossFit {
  const usable = chunkRows(predictions, labels, chunks, areFinite);
  const rows = usable.labels.length;
  if (rows === 0) throw new RangeError('the reference has no row with a prediction and a label');
  const squared = errors(usable.predictions, usable.labels, 2);
  const [mse, squaredSpread] = [meanOf(squared), standardDeviation(squared)];
  const realised = ofEachChunk(usable, realisedOf);
  const reference = (metric: RegressionEstimate, spread: number | null): MetricReference =>
    ({ spread, share: 1, ...alertThresholds(realised.map((values) => values[metric]), RANGE) });
  return {
    rows, rowsLeftOut: labels.length - rows,
    metrics: {
      mae: reference('mae', standardDeviation(errors(usable.predictions, usable.labels, 1))),
      mse: reference('mse', squaredSpread),
      rmse: reference('rmse', mse === 0 || squaredSpread === null ? null : squaredSpread / (2 * Math.sqrt(mse))),
    },
  };
}

/**
 * Estimates a window's metrics without labels, from what the second model says of each row's loss, with sampling errors, bands
 * and alerts (metric-estimate.ts). A loss below 0 counts as 0.
 * @param losses one a row; those that are not finite are left out
 */
export function estimateDirectLoss(fit: DirectLossFit, kind: PredictedLoss, losses: Float32Array | Float64Array): DirectLossEstimate {
  const clipped = Float64Array.from(losses).filter(Number.isFinite).map((loss) => Math.max(0, loss));
  const rows = clipped.length;
  const mean = rows === 0 ? null : meanOf(clipped);
  const estimate = (metric: RegressionEstimate, value: number | null): MetricEstimate | null => estimateOf(value, rows, fit.metrics[metric], RANGE);
  const ofSquares = (): DirectLossEstimate['metrics'] => ({ mse: estimate('mse', mean), rmse: estimate('rmse', mean === null ? null : Math.sqrt(mean)) });
  return { rows, rowsLeftOut: losses.length - rows, metrics: kind === 'absolute-error' ? { mae: estimate('mae', mean) } : ofSquares() };
}

/**
 * The metrics of labelled rows, those with a finite prediction and label; null without any, and where a sum exceeds what a
 * number can hold.
 * @throws RangeError where lengths differ
 */
export function realisedRegression(predictions: ArrayLike<number>, labels: ArrayLike<number>): Record<RegressionEstimate, number | null> {
  const usable = chunkRows(predictions, labels, new Uint8Array(labels.length), areFinite);
  return realisedOf(usable.predictions, usable.labels);
}

function realisedOf(predictions: Float64Array, labels: Float64Array): Record<RegressionEstimate, number | null> {
  if (labels.length === 0) return { mae: null, mse: null, rmse: null };
  const mse = meanOf(errors(predictions, labels, 2));
  const where = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return { mae: where(meanOf(errors(predictions, labels, 1))), mse: where(mse), rmse: where(Math.sqrt(mse)) };
}

const errors = (predictions: Float64Array, labels: Float64Array, power: 1 | 2): Float64Array =>
  predictions.map((prediction, row) => Math.abs(prediction - labels[row]!) ** power);
