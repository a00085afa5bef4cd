import { pseudoValues, type PseudoValues } from '../evaluation/pseudo-values.js';
import { meanOf, standardDeviation, type MetricReference } from './metric-estimate.js';
import { chunkRows, type ChunkedRows } from './reference-chunks.js';

export const CLASSIFICATION_ESTIMATES = ['auc', 'f1', 'precision', 'recall', 'specificity', 'accuracy', 'logLoss', 'brier'] as const;
export type ClassificationEstimate = (typeof CLASSIFICATION_ESTIMATES)[number];

/** Rows by predicted class and label: whole numbers, or their expectations. */
export interface ConfusionCounts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

/** What one row adds to a metric varies so much, over this share of the rows. */
export type RowSpread = Pick<MetricReference, 'spread' | 'share'>;

/** A row whose probability is in [0, 1]; NaN and ±Infinity are not. */
export const isProbability = (value: number): boolean => value >= 0 && value <= 1;

/**
 * The rows that have a probability in [0, 1] and a label, by chunk.
 * @throws RangeError where lengths differ, or a label is neither 0 nor 1 nor NaN (missing)
 */
export function labelledRows(probabilities: ArrayLike<number>, labels: ArrayLike<number>, chunks: ArrayLike<number>): ChunkedRows {
  const rows = chunkRows(probabilities, labels, chunks, (probability, label) => isProbability(probability) && !Number.isNaN(label));
  const odd = rows.labels.find((label) => label !== 0 && label !== 1);
  if (odd !== undefined) throw new RangeError(`a label is 0 or 1, not ${odd}`);
  return rows;
}

/**
 * The metrics of labelled rows, as NannyML defines them realised. Rows without a probability in [0, 1] or without a label do not count.
 * Null: AUC where one class is there alone; F1, precision and recall also where one class alone is predicted; specificity without
 * negatives; all without rows. Log loss clips probabilities to [2⁻⁵², 1 − 2⁻⁵²], as scikit-learn does.
 * @param probabilities of the positive class, n; @param labels 0 or 1, NaN where missing, n
 * @param threshold the probability from which a row counts as predicted positive
 * @throws RangeError where lengths differ, or a label is neither 0 nor 1 nor NaN
 */
export function realisedClassification(
  probabilities: Float32Array | Float64Array, labels: ArrayLike<number>, threshold: number,
): Record<ClassificationEstimate, number | null> {
  const rows = labelledRows(probabilities, labels, new Uint8Array(labels.length));
  return realisedOf(rows.predictions, rows.labels, threshold);
}

/** The same of rows that all have a probability and a label. */
export function realisedOf(probabilities: Float64Array, labels: Float64Array, threshold: number): Record<ClassificationEstimate, number | null> {
  const counts = confusionCounts(probabilities, labels, threshold);
  const { truePositives, falsePositives, falseNegatives, trueNegatives } = counts;
  const bothClasses = truePositives + falseNegatives > 0 && falsePositives + trueNegatives > 0;
  const bothPredicted = truePositives + falsePositives > 0 && falseNegatives + trueNegatives > 0;
  const { f1, precision, recall, specificity, accuracy } = ratesOf(counts);
  const whereBoth = (value: number | null): number | null => (bothClasses && bothPredicted ? value : null);
  const overRows = (metric: 'auc' | 'logLoss' | 'brier'): number | null => perRow(metric, probabilities, labels)?.value ?? null;
  return {
    auc: overRows('auc'), f1: whereBoth(f1), precision: whereBoth(precision), recall: whereBoth(recall),
    specificity, accuracy, logLoss: overRows('logLoss'), brier: overRows('brier'),
  };
}

/** The rates of a confusion matrix; null where a denominator is 0. */
export function ratesOf(counts: ConfusionCounts): Record<'f1' | 'precision' | 'recall' | 'specificity' | 'accuracy', number | null> {
  const { truePositives, falsePositives, falseNegatives, trueNegatives } = counts;
  const ratio = (part: number, rest: number): number | null => (part + rest > 0 ? part / (part + rest) : null);
  return {
    f1: ratio(truePositives, (falsePositives + falseNegatives) / 2), precision: ratio(truePositives, falsePositives),
    recall: ratio(truePositives, falseNegatives), specificity: ratio(trueNegatives, falsePositives),
    accuracy: ratio(truePositives + trueNegatives, falsePositives + falseNegatives),
  };
}

/**
 * The spread of what a row adds to each metric, from a labelled reference: NannyML's components of the sampling error (0.13.1,
 * `sampling_error/binary_classification.py`). A rate is a mean of ones and zeros over its relevant rows, so that its spread is
 * √(q(1 − q)); F1's ones count 1/(1 − miss/2) each. A loss is a mean over all rows.
 * @param probabilities in [0, 1]; @param labels 0 or 1
 */
export function rowSpreads(probabilities: Float64Array, labels: Float64Array, threshold: number): Record<ClassificationEstimate, RowSpread> {
  const { truePositives, falsePositives, falseNegatives, trueNegatives } = confusionCounts(probabilities, labels, threshold);
  const rows = labels.length;
  const ofRate = (ones: number, zeros: number, weight = 1): RowSpread => {
    const relevant = ones + zeros;
    return { spread: relevant === 0 ? null : (weight * Math.sqrt(ones * zeros)) / relevant, share: relevant / rows };
  };
  const mistaken = falsePositives + falseNegatives;
  const ofLoss = (metric: 'logLoss' | 'brier'): RowSpread => ({ spread: standardDeviation(perRow(metric, probabilities, labels)!.perRow), share: 1 });
  return {
    auc: aucSpread(probabilities, labels), f1: ofRate(truePositives, mistaken, (truePositives + mistaken) / (truePositives + mistaken / 2)),
    precision: ofRate(truePositives, falsePositives), recall: ofRate(truePositives, falseNegatives),
    specificity: ofRate(trueNegatives, falsePositives), accuracy: ofRate(truePositives + trueNegatives, mistaken),
    logLoss: ofLoss('logLoss'), brier: ofLoss('brier'),
  };
}

/**
 * The spread of the placement values of the rarer class (positives where both are equally many), the share of the other class that
 * each of its rows is on the right side of, ties counting half. NannyML breaks ties by an unstable sort instead, so that
 * its spread of tied scores is larger and differs between processors. Where a row of the rarer class is the worst placed
 * of all rows, NannyML leaves one such row out; so does this, for figures to agree.
 */
function aucSpread(probabilities: Float64Array, labels: Float64Array): RowSpread {
  const rarer = meanOf(labels) > 0.5 ? 0 : 1;
  const placements = perRow('auc', probabilities, labels)?.perRow.filter((_, row) => labels[row] === rarer).sort();
  if (!placements) return { spread: null, share: 0 };
  return { spread: standardDeviation(placements.subarray(placements[0] === 0 ? 1 : 0)), share: placements.length / labels.length };
}

/** A metric that is a mean over rows, with each row's part in it; null where it is not defined. */
function perRow(metric: 'auc' | 'logLoss' | 'brier', probabilities: Float64Array, labels: Float64Array): PseudoValues | null {
  const found = pseudoValues(metric, { task: 'binary-classification', predictions: probabilities, labels }, 0);
  return 'undefinedBecause' in found ? null : found;
}

function confusionCounts(probabilities: Float64Array, labels: Float64Array, threshold: number): ConfusionCounts {
  const counts = { truePositives: 0, falsePositives: 0, falseNegatives: 0, trueNegatives: 0 };
  for (let row = 0; row < labels.length; row++) {
    if (probabilities[row]! >= threshold) counts[labels[row] === 1 ? 'truePositives' : 'falsePositives'] += 1;
    else counts[labels[row] === 1 ? 'falseNegatives' : 'trueNegatives'] += 1;
  }
  return counts;
}
