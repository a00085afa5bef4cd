import type { MetricName } from '../contracts/verdict.js';
import type { JudgedRows } from './judged-rows.js';
import { SortedScores } from './sorted-scores.js';

/**
 * Each metric written as a mean of one number per row. For a plain mean (log loss, Brier, MAE) that number is the row's
 * loss. For a smooth function of means (RMSE, R², F1) it is the metric plus the row's influence, the first-order (delta
 * method) expansion. So one estimator gives every variance, and the difference of two models' numbers on the same row
 * gives the variance of a paired comparison. AUC is a mean over pairs: its numbers are DeLong's placement values.
 */
export interface PseudoValues {
  /** The metric itself. */
  readonly value: number;
  /** One number a row. Their mean is the value; for AUC their mean over the positives is, and that over the negatives. */
  readonly perRow: Float64Array;
}

export interface Undefined {
  readonly undefinedBecause: string;
}

/** The smallest probability that a log loss sees, as scikit-learn clips float64: 2⁻⁵². */
const LOG_LOSS_EPSILON = Number.EPSILON;
/** Calibration error is taken over this many bins of equal width. */
export const CALIBRATION_BINS = 10;

/**
 * @param threshold probability from which a row counts as positive (F1)
 */
export function pseudoValues(metric: MetricName, rows: JudgedRows, threshold: number): PseudoValues | Undefined {
  if (rows.labels.length === 0) return { undefinedBecause: 'there are no rows' };
  switch (metric) {
    case 'auc': return auc(rows);
    case 'logLoss': return meanOf(rows, logLossOf);
    case 'brier': return meanOf(rows, (prediction, label) => (prediction - label) ** 2);
    case 'calibrationError': return calibrationError(rows);
    case 'f1': return f1(rows, threshold);
    case 'mae': return meanOf(rows, (prediction, label) => Math.abs(prediction - label));
    case 'rmse': return rmse(rows);
    case 'r2': return r2(rows);
  }
}

function logLossOf(probability: number, label: number): number {
  const clipped = Math.min(Math.max(probability, LOG_LOSS_EPSILON), 1 - LOG_LOSS_EPSILON);
  return -Math.log(label === 1 ? clipped : 1 - clipped);
}

function meanOf({ predictions, labels }: JudgedRows, loss: (prediction: number, label: number) => number): PseudoValues {
  const perRow = new Float64Array(labels.length);
  let sum = 0;
  for (let row = 0; row < perRow.length; row++) sum += perRow[row] = loss(predictions[row]!, labels[row]!);
  return { value: sum / perRow.length, perRow };
}

/** √MSE, with (e² − MSE) / (2 RMSE) as a row's influence. */
function rmse(rows: JudgedRows): PseudoValues {
  const { value: mse, perRow } = meanOf(rows, (prediction, label) => (prediction - label) ** 2);
  const value = Math.sqrt(mse);
  if (value > 0) for (let row = 0; row < perRow.length; row++) perRow[row] = value + (perRow[row]! - mse) / (2 * value);
  return { value, perRow };
}

/** 1 − SSE/SST, with −(e² − (1 − R²)(y − ȳ)²) / (SST/n) as a row's influence. */
function r2({ predictions, labels }: JudgedRows): PseudoValues | Undefined {
  const n = labels.length;
  let mean = 0;
  for (const label of labels) mean += label / n;
  let residual = 0;
  let total = 0;
  for (let row = 0; row < n; row++) {
    residual += (predictions[row]! - labels[row]!) ** 2;
    total += (labels[row]! - mean) ** 2;
  }
  if (labels.every((label) => label === labels[0]) || total === 0) return { undefinedBecause: 'all labels are the same, so there is nothing to explain' };
  const value = 1 - residual / total;
  const perRow = new Float64Array(n);
  for (let row = 0; row < n; row++) {
    const squared = (predictions[row]! - labels[row]!) ** 2;
    perRow[row] = value - (squared - (1 - value) * (labels[row]! - mean) ** 2) / (total / n);
  }
  return { value, perRow };
}

/**
 * F1 = 2TP / (2TP + FP + FN), a ratio of two means a/b with influence (aᵢ − F1 bᵢ) / b̄: the delta method on the
 * confusion matrix's multinomial counts (Takahashi et al. 2022, "Confidence interval for micro-averaged F1 and
 * macro-averaged F1 scores").
 */
function f1({ predictions, labels }: JudgedRows, threshold: number): PseudoValues | Undefined {
  const n = labels.length;
  let both = 0;
  let either = 0;
  for (let row = 0; row < n; row++) {
    const said = predictions[row]! >= threshold;
    const was = labels[row] === 1;
    if (said && was) both += 1;
    if (said !== was) either += 1;
  }
  const denominator = 2 * both + either;
  if (denominator === 0) return { undefinedBecause: `no row is positive and none was predicted so at threshold ${threshold}` };
  const value = (2 * both) / denominator;
  const scale = n / denominator;
  const perRow = new Float64Array(n);
  for (let row = 0; row < n; row++) {
    const said = predictions[row]! >= threshold;
    const was = labels[row] === 1;
    const influence = said && was ? 2 - 2 * value : said !== was ? -value : 0;
    perRow[row] = value + influence * scale;
  }
  return { value, perRow };
}

/**
 * Expected calibration error: over ten bins of equal width (the last one closed), the gap between mean probability and
 * share of positives, weighted by the bin's rows (Naeini et al. 2015; Guo et al. 2017). Equal to Σ_bins |Σ (p − y)| / n, so that
 * a row's number is its p − y with its bin's sign. It is biased upward in small samples and has a kink where a
 * bin's gap is zero; that is why it is reported without an interval, while a difference of two models has one.
 */
function calibrationError({ predictions, labels }: JudgedRows): PseudoValues {
  const n = labels.length;
  const gaps = new Float64Array(CALIBRATION_BINS);
  const binOf = (probability: number): number => Math.min(CALIBRATION_BINS - 1, Math.max(0, Math.floor(probability * CALIBRATION_BINS)));
  for (let row = 0; row < n; row++) gaps[binOf(predictions[row]!)]! += predictions[row]! - labels[row]!;
  const perRow = new Float64Array(n);
  for (let row = 0; row < n; row++) perRow[row] = Math.sign(gaps[binOf(predictions[row]!)]!) * (predictions[row]! - labels[row]!);
  return { value: gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / n, perRow };
}

/**
 * The probability that a positive row ranks above a negative one, ties counting half. A positive's placement value is the
 * share of negatives below it, a negative's the share of positives above it (DeLong, DeLong & Clarke-Pearson 1988), found
 * in O(n log n) from sorted scores (Sun & Xu 2014).
 */
function auc({ predictions, labels }: JudgedRows): PseudoValues | Undefined {
  const [positives, negatives] = splitSorted(predictions, labels);
  if (positives.length === 0) return { undefinedBecause: 'no row is positive' };
  if (negatives.length === 0) return { undefinedBecause: 'every row is positive' };
  const [ranksAmongPositives, ranksAmongNegatives] = [new SortedScores(positives), new SortedScores(negatives)];
  const perRow = new Float64Array(labels.length);
  let doubled = 0;
  for (let row = 0; row < perRow.length; row++) {
    const score = predictions[row]!;
    if (labels[row] === 1) {
      const below = ranksAmongNegatives.twiceBelow(score);
      doubled += below;
      perRow[row] = below / (2 * negatives.length);
    } else {
      perRow[row] = 1 - ranksAmongPositives.twiceBelow(score) / (2 * positives.length);
    }
  }
  return { value: doubled / (2 * positives.length * negatives.length), perRow };
}

function splitSorted(scores: Float32Array | Float64Array, labels: JudgedRows['labels']): [Float64Array, Float64Array] {
  let count = 0;
  for (const label of labels) if (label === 1) count += 1;
  const positives = new Float64Array(count);
  const negatives = new Float64Array(labels.length - count);
  let positive = 0;
  let negative = 0;
  for (let row = 0; row < labels.length; row++) {
    if (labels[row] === 1) positives[positive++] = scores[row]!;
    else negatives[negative++] = scores[row]!;
  }
  return [positives.sort(), negatives.sort()];
}
