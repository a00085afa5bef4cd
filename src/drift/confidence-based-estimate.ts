import { calibrationNeed, type CalibrationNeed } from './calibration-need.js';
import { calibrate, fitIsotonicCalibration, type IsotonicCalibration } from './isotonic-calibration.js';
import { alertThresholds, estimateOf, type MetricEstimate, type MetricRange, type MetricReference } from './metric-estimate.js';
import {
  CLASSIFICATION_ESTIMATES, isProbability, labelledRows, ratesOf, realisedOf, rowSpreads, type ClassificationEstimate,
} from './realised-classification.js';
import { ofEachChunk } from './reference-chunks.js';

/**
 * Confidence-based performance estimation (CBPE) of a binary classifier: with calibrated probabilities each row's label is known
 * in expectation, and with it the confusion matrix and every metric made of it. Definitions are NannyML's (0.13.1); log loss and
 * Brier score, which it does not have, are expectations of the same kind. The estimate sees a change of inputs, and not a
 * change of what labels follow from the same inputs.
 */
export interface ConfidenceBasedFit {
  /** The probability from which a row counts as predicted positive. */
  readonly threshold: number;
  /** Rows of the reference that were used, and those without a probability in [0, 1] or without a label. */
  readonly rows: number;
  readonly rowsLeftOut: number;
  readonly need: CalibrationNeed;
  /** Null where probabilities are taken as they are. */
  readonly calibration: IsotonicCalibration | null;
  readonly metrics: Readonly<Record<ClassificationEstimate, MetricReference>>;
}

export interface ConfidenceBasedEstimate {
  /** Rows with a probability in [0, 1], and the others. */
  readonly rows: number;
  readonly rowsLeftOut: number;
  /** Null where a metric is not defined on the window. */
  readonly metrics: Readonly<Record<ClassificationEstimate, MetricEstimate | null>>;
}

/** Labelled rows, their chunks such as days: equal numbers are one chunk. All of one length. */
export interface LabelledReference {
  readonly probabilities: Float32Array | Float64Array;
  /** 0 or 1; NaN where missing. */
  readonly labels: ArrayLike<number>;
  readonly chunks: ArrayLike<number>;
}

/** NannyML rounds its cumulative counts so, for the AUC. */
const AUC_ROUNDING = 1e5;

const rangeOf = (metric: ClassificationEstimate): MetricRange => (metric === 'logLoss' ? [0, Infinity] : [0, 1]);

/**
 * Learns from a labelled reference what estimates need: the calibration, if it helps (calibration-need.ts), sampling errors and
 * thresholds. O(n log n).
 * @param threshold the probability from which a row counts as predicted positive
 * @throws RangeError where lengths differ, no row has a probability and a label, or a label is neither 0 nor 1
 */
export function fitConfidenceBased(reference: LabelledReference, threshold: number): ConfidenceBasedFit {
  const { probabilities, labels, chunks } = reference;
  const usable = labelledRows(probabilities, labels, chunks);
  const rows = usable.labels.length;
  if (rows === 0) throw new RangeError('the reference has no row with a probability and a label');
  const spreads = rowSpreads(usable.predictions, usable.labels, threshold);
  const realised = ofEachChunk(usable, (scores, classes) => realisedOf(scores, classes, threshold));
  const metrics = byMetric((metric) => ({ ...spreads[metric], ...alertThresholds(realised.map((values) => values[metric]), rangeOf(metric)) }));
  // Splits are drawn by position: the reference's own order, as NannyML has it, and not that of chunks.
  const inOrder = labelledRows(probabilities, labels, new Uint8Array(probabilities.length));
  const need = calibrationNeed(inOrder.predictions, inOrder.labels);
  const calibration = need.needed ? fitIsotonicCalibration(inOrder.predictions, inOrder.labels) : null;
  return { threshold, rows, rowsLeftOut: probabilities.length - rows, need, calibration, metrics };
}

/**
 * Estimates the metrics of a window without labels, with sampling errors, bands and alerts (metric-estimate.ts). O(n log n).
 * AUC is null for one row and where no positive or no negative is expected; a rate is null where its denominator is 0 (NannyML
 * says 0 there); all are null without rows.
 * @param probabilities of the positive class, as the model gave them; those that are not in [0, 1], such as NaN, are left out
 */
export function estimateConfidenceBased(fit: ConfidenceBasedFit, probabilities: Float32Array | Float64Array): ConfidenceBasedEstimate {
  const scores = Float64Array.from(probabilities).filter(isProbability).sort();
  const chances = fit.calibration ? calibrate(fit.calibration, scores) : scores;
  const values = expectedMetrics(scores, chances, fit.threshold);
  const metrics = byMetric((metric) => estimateOf(values[metric], scores.length, fit.metrics[metric], rangeOf(metric)));
  return { rows: scores.length, rowsLeftOut: probabilities.length - scores.length, metrics };
}

const byMetric = <Value>(valueOf: (metric: ClassificationEstimate) => Value): Record<ClassificationEstimate, Value> =>
  Object.fromEntries(CLASSIFICATION_ESTIMATES.map((metric) => [metric, valueOf(metric)])) as Record<ClassificationEstimate, Value>;

/**
 * @param scores the model's probabilities, rising: they rank and predict; @param chances calibrated, of the same rows: they say what is
 * true in expectation
 */
function expectedMetrics(scores: Float64Array, chances: Float64Array, threshold: number): Record<ClassificationEstimate, number | null> {
  const counts = { truePositives: 0, falsePositives: 0, falseNegatives: 0, trueNegatives: 0 };
  for (let row = 0; row < scores.length; row++) {
    const said = scores[row]! >= threshold;
    counts[said ? 'truePositives' : 'falseNegatives'] += chances[row]!;
    counts[said ? 'falsePositives' : 'trueNegatives'] += 1 - chances[row]!;
  }
  return { auc: expectedAuc(chances), ...ratesOf(counts), ...expectedLosses(scores, chances) };
}

/**
 * The area under the curve of expected counts, by trapezoids: from the highest score down, each row adds its chance to the true
 * positives and the rest of 1 to the false ones. Counts are rounded to five decimals, as NannyML rounds them.
 * @param chances of rows sorted by rising score
 */
function expectedAuc(chances: Float64Array): number | null {
  let [positives, caught, raised, area] = [0, 0, 0, 0];
  if (chances.length < 2) return null;
  for (let row = chances.length - 1, seen = 1; row >= 0; row--, seen++) {
    positives += chances[row]!;
    const [nextCaught, nextRaised] = [roundHalfEven(positives * AUC_ROUNDING), roundHalfEven((seen - positives) * AUC_ROUNDING)];
    area += ((nextRaised - raised) * (nextCaught + caught)) / 2;
    [caught, raised] = [nextCaught, nextRaised];
  }
  return caught > 0 && raised > 0 ? area / (caught * raised) : null;
}

function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/**
 * E[loss] = c · loss(p, 1) + (1 − c) · loss(p, 0) averaged over rows, of the model's own probability p where c is the calibrated
 * chance of a positive. Log loss clips p to [2⁻⁵², 1 − 2⁻⁵²].
 */
function expectedLosses(scores: Float64Array, chances: Float64Array): Record<'logLoss' | 'brier', number | null> {
  let logLoss = 0;
  let brier = 0;
  for (let row = 0; row < scores.length; row++) {
    const [score, chance] = [scores[row]!, chances[row]!];
    const clipped = Math.min(Math.max(score, Number.EPSILON), 1 - Number.EPSILON);
    logLoss -= chance * Math.log(clipped) + (1 - chance) * Math.log(1 - clipped);
    brier += chance * (1 - score) ** 2 + (1 - chance) * score ** 2;
  }
  return scores.length === 0 ? { logLoss: null, brier: null } : { logLoss: logLoss / scores.length, brier: brier / scores.length };
}
