import { pseudoValues } from '../evaluation/pseudo-values.js';
import { calibrate, groupScores, poolAdjacentViolators, type ScoreGroups } from './isotonic-calibration.js';
import { seededDraws, type SeededDraws } from './seeded-draws.js';

/** Whether isotonic calibration brings probabilities closer to what came true, on rows that it was not fitted to. */
export interface CalibrationNeed {
  readonly needed: boolean;
  /** Expected calibration error of the probabilities as they are, on all held-out rows; null where none were held out. */
  readonly errorBefore: number | null;
  /** And after calibration. */
  readonly errorAfter: number | null;
}

/** NannyML's: ten draws of a tenth of the rows, ten bins of equally many rows, scikit-learn's splits at seed 42. */
const SPLITS = 10;
const HELD_OUT = 0.1;
const BINS = 10;
const SEED = 42;
/** Above this AUC the classes part almost perfectly, and there is nothing to calibrate. */
const SEPARATED = 0.999;

const UNTESTED: CalibrationNeed = { needed: false, errorBefore: null, errorAfter: null };

/**
 * NannyML's test (0.13.1, `needs_calibration`): calibrate on nine tenths and compare the expected calibration error before and
 * after on the held-out tenth, over ten stratified splits taken together. The splits are scikit-learn's StratifiedShuffleSplit,
 * draw for draw. Not needed where one class is there alone, where the AUC is above 0.999, and where a split cannot be made: a
 * class of one row, or fewer than eleven rows (NannyML raises an error there).
 *
 * Rows of equal probability share their mean label before they are cut into bins. NannyML cuts them in the order that an
 * unstable sort leaves, which is another one on another processor, so that close cases may be decided otherwise.
 * @param probabilities n finite numbers; @param labels 0 or 1, in the same order
 */
export function calibrationNeed(probabilities: Float64Array, labels: Float64Array): CalibrationNeed {
  const classes = [0, 1].map((label) => rowsOfClass(labels, label));
  const held = Math.ceil(HELD_OUT * labels.length);
  if (held < classes.length || classes.some((rows) => rows.length < 2)) return UNTESTED;
  const auc = pseudoValues('auc', { task: 'binary-classification', predictions: probabilities, labels }, 0);
  if ('undefinedBecause' in auc || auc.value > SEPARATED) return UNTESTED;
  const groups = groupScores(probabilities);
  const draws = seededDraws(SEED);
  const tested = { labels: new Float64Array(SPLITS * held), before: new Float64Array(SPLITS * held), after: new Float64Array(SPLITS * held) };
  for (let split = 0; split < SPLITS; split++) {
    const rows = stratifiedDraw(classes, held, draws);
    const before = Float64Array.from(rows, (row) => probabilities[row]!);
    tested.labels.set(Float64Array.from(rows, (row) => labels[row]!), split * held);
    tested.before.set(before, split * held);
    tested.after.set(calibrate(calibrationWithout(rows, groups, labels), before), split * held);
  }
  const errorBefore = expectedCalibrationError(tested.before, tested.labels);
  const errorAfter = expectedCalibrationError(tested.after, tested.labels);
  return { needed: errorBefore > errorAfter, errorBefore, errorAfter };
}

/**
 * Σ over ten bins of equally many rows, sorted by probability, of |mean probability − mean label| / 10 (Naeini et al. 2015, with
 * bins of equal size). Rows of equal probability share their mean label, so that the order of rows does not matter.
 * @param probabilities finite numbers, their count a multiple of ten; @param labels 0 or 1, in the same order
 */
export function expectedCalibrationError(probabilities: Float64Array, labels: Float64Array): number {
  const sorted = Float64Array.from(probabilities).sort();
  const sums = labelSumsByStart(probabilities, labels, sorted);
  const width = sorted.length / BINS;
  const gaps = new Float64Array(BINS);
  let start = 0;
  for (let end = 1; end <= sorted.length; end++) {
    if (end < sorted.length && sorted[end] === sorted[start]) continue;
    const gap = sorted[start]! - sums[start]! / (end - start);
    for (; start < end; start++) gaps[Math.floor(start / width)]! += gap;
  }
  return gaps.reduce((total, gap) => total + Math.abs(gap), 0) / sorted.length;
}

/** The labels of the rows of one probability, summed at the place where that probability begins among the sorted ones. */
function labelSumsByStart(probabilities: Float64Array, labels: Float64Array, sorted: Float64Array): Float64Array {
  const sums = new Float64Array(sorted.length);
  for (let row = 0; row < labels.length; row++) {
    let low = 0;
    let high = sorted.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sorted[middle]! < probabilities[row]!) low = middle + 1;
      else high = middle;
    }
    sums[low]! += labels[row]!;
  }
  return sums;
}

function rowsOfClass(labels: Float64Array, label: number): Int32Array {
  let count = 0;
  for (const found of labels) if (found === label) count += 1;
  const rows = new Int32Array(count);
  let index = 0;
  for (let row = 0; row < labels.length; row++) if (labels[row] === label) rows[index++] = row;
  return rows;
}

/** The held-out rows of one split, classes in their shares. */
function stratifiedDraw(classes: readonly Int32Array[], held: number, draws: SeededDraws): Int32Array {
  const counts = classes.map((rows) => rows.length);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const kept = shareOut(counts, total - held, draws);
  const tested = shareOut(counts.map((count, index) => count - kept[index]!), held, draws);
  const drawn = new Int32Array(held);
  let filled = 0;
  classes.forEach((rows, index) => {
    const order = draws.permutation(rows.length).subarray(kept[index], kept[index]! + tested[index]!);
    drawn.set(order.map((place) => rows[place]!), filled);
    filled += order.length;
  });
  // scikit-learn shuffles both sides once more; only the next split's draws depend on that.
  draws.skipPermutation(total - held);
  draws.skipPermutation(held);
  return drawn;
}

/** Shares out draws over classes by their sizes: whole parts first, then by the largest remainder, equal ones in random order. */
function shareOut(counts: readonly number[], wanted: number, draws: SeededDraws): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const exact = counts.map((count) => (count / total) * wanted);
  const shares = exact.map(Math.floor);
  let missing = wanted - shares.reduce((sum, share) => sum + share, 0);
  const remainders = exact.map((part, index) => part - shares[index]!);
  for (const remainder of [...new Set(remainders)].sort((a, b) => b - a)) {
    if (missing <= 0) break;
    const alike = remainders.flatMap((found, index) => (found === remainder ? [index] : []));
    const chosen = draws.permutation(alike.length).subarray(0, missing);
    for (const place of chosen) shares[alike[place]!]! += 1;
    missing -= chosen.length;
  }
  return shares;
}

/** The calibration fitted to all rows but the held-out ones. */
function calibrationWithout(held: Int32Array, { scores, groupOf }: ScoreGroups, labels: Float64Array): ReturnType<typeof poolAdjacentViolators> {
  const sums = new Float64Array(scores.length);
  const weights = new Float64Array(scores.length);
  const count = (row: number, sign: number): void => {
    sums[groupOf[row]!]! += sign * labels[row]!;
    weights[groupOf[row]!]! += sign;
  };
  for (let row = 0; row < labels.length; row++) count(row, 1);
  for (const row of held) count(row, -1);
  return poolAdjacentViolators(scores, sums, weights);
}
