import { rowLoss } from '../evaluation/row-loss.js';
import { calibrate, type IsotonicCalibration } from './isotonic-calibration.js';
import type { MonitoringPlan } from './monitoring-plan.js';
import { isProbability } from './realised-classification.js';

/**
 * What a classifier's loss of each row is in expectation: c · loss(p, 1) + (1 − c) · loss(p, 0), of its probability p and the calibrated chance c of a positive, by the
 * plan's metric and bound.
 * @param calibration null where probabilities are taken as they are @returns one a row; NaN where the output is no probability
 */
export function expectedErrors({ metric, bound }: Pick<MonitoringPlan, 'metric' | 'bound'>, calibration: IsotonicCalibration | null, outputs: Float32Array): Float64Array {
  const scores = Float64Array.from(outputs);
  const chances = calibration ? calibrate(calibration, scores) : scores;
  const most = bound ?? Infinity;
  return scores.map((score, row) => (isProbability(score) ? chances[row]! * rowLoss(metric, most, score, 1) + (1 - chances[row]!) * rowLoss(metric, most, score, 0) : NaN));
}

/** The loss that it is an expectation of, and of a regression the absolute error without a bound: only its order counts. NaN where there is no output. */
export function trueErrors({ metric, bound }: Pick<MonitoringPlan, 'metric' | 'bound'>, outputs: Float32Array, labels: Float64Array): Float64Array {
  const most = metric === 'absoluteError' ? Infinity : (bound ?? Infinity);
  return labels.map((label, row) => (Number.isNaN(outputs[row]!) || Number.isNaN(label) ? NaN : rowLoss(metric, most, outputs[row]!, label)));
}
