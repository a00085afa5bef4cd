/**
 * Isotonic regression of labels on scores, and the calibration that it gives: the non-decreasing function that is closest to
 * the labels in least squares, found by pooling adjacent violators (Ayer et al. 1955; Barlow et al. 1972) and read between its
 * points by linear interpolation. It equals scikit-learn's IsotonicRegression(increasing=True, out_of_bounds='clip').
 */

/** The function's corner points, as plain JSON. */
export interface IsotonicCalibration {
  /** Rising scores. */
  readonly scores: readonly number[];
  /** The calibrated value at each of them, never falling. */
  readonly values: readonly number[];
}

/** Rows sorted into groups of equal score. */
export interface ScoreGroups {
  /** The smallest score of each group, rising. */
  readonly scores: Float64Array;
  /** The group of each row. */
  readonly groupOf: Int32Array;
}

/** Scores closer than this to the smallest of their group count as equal: scikit-learn's resolution of a 64-bit number. */
const RESOLUTION = 1e-15;

/**
 * Fits the function to rows of equal weight. Rows of equal score (to 1e-15) share their mean label.
 * @param scores n finite numbers; @param labels n finite numbers in the same order
 * @throws RangeError without rows, or where lengths differ
 */
export function fitIsotonicCalibration(scores: Float64Array, labels: Float64Array): IsotonicCalibration {
  if (scores.length === 0 || scores.length !== labels.length) throw new RangeError(`${scores.length} scores and ${labels.length} labels cannot be calibrated`);
  const groups = groupScores(scores);
  const sums = new Float64Array(groups.scores.length);
  const weights = new Float64Array(groups.scores.length);
  for (let row = 0; row < scores.length; row++) {
    const group = groups.groupOf[row]!;
    sums[group]! += labels[row]!;
    weights[group]! += 1;
  }
  return poolAdjacentViolators(groups.scores, sums, weights);
}

/** Groups n finite scores by their value, in O(n log n). */
export function groupScores(scores: Float64Array): ScoreGroups {
  const sorted = Float64Array.from(scores).sort();
  const starts = new Float64Array(sorted.length);
  let groups = 0;
  for (const score of sorted) if (groups === 0 || score - starts[groups - 1]! >= RESOLUTION) starts[groups++] = score;
  const distinct = starts.slice(0, groups);
  const groupOf = new Int32Array(scores.length);
  for (let row = 0; row < scores.length; row++) groupOf[row] = lastNotAbove(distinct, scores[row]!);
  return { scores: distinct, groupOf };
}

/**
 * Pools neighbouring groups until their means rise.
 * @param scores rising, one a group; @param sums of the group's labels; @param weights of the group's rows, of which some may be 0: such a
 * group is not there
 */
export function poolAdjacentViolators(scores: Float64Array, sums: Float64Array, weights: Float64Array): IsotonicCalibration {
  const [first, last] = [new Int32Array(scores.length), new Int32Array(scores.length)];
  const [pooledSums, pooledWeights] = [new Float64Array(scores.length), new Float64Array(scores.length)];
  let top = -1;
  for (let group = 0; group < scores.length; group++) {
    if (weights[group] === 0) continue;
    top += 1;
    first[top] = last[top] = group;
    pooledSums[top] = sums[group]!;
    pooledWeights[top] = weights[group]!;
    while (top > 0 && pooledSums[top - 1]! / pooledWeights[top - 1]! >= pooledSums[top]! / pooledWeights[top]!) {
      last[top - 1] = last[top]!;
      pooledSums[top - 1]! += pooledSums[top]!;
      pooledWeights[top - 1]! += pooledWeights[top]!;
      top -= 1;
    }
  }
  const calibration = { scores: [] as number[], values: [] as number[] };
  for (let block = 0; block <= top; block++) {
    const ends = first[block] === last[block] ? [first[block]!] : [first[block]!, last[block]!];
    for (const end of ends) {
      calibration.scores.push(scores[end]!);
      calibration.values.push(pooledSums[block]! / pooledWeights[block]!);
    }
  }
  return calibration;
}

/**
 * The calibrated value of each score, O(log k) each for k points. A score beyond the fitted ones, ±Infinity too, has the value
 * of the nearest; NaN stays NaN.
 * @returns as many values as scores
 */
export function calibrate({ scores: points, values }: IsotonicCalibration, scores: Float64Array): Float64Array {
  const [xs, ys] = [Float64Array.from(points), Float64Array.from(values)];
  const [least, greatest] = [xs[0]!, xs.at(-1)!];
  const calibrated = new Float64Array(scores.length);
  for (let row = 0; row < scores.length; row++) {
    const score = scores[row]!;
    if (score <= least) calibrated[row] = ys[0]!;
    else if (score >= greatest) calibrated[row] = ys.at(-1)!;
    else calibrated[row] = Number.isNaN(score) ? NaN : between(xs, ys, score);
  }
  return calibrated;
}

/** On the line between the two points around a score that lies within them. */
function between(xs: Float64Array, ys: Float64Array, score: number): number {
  const left = lastNotAbove(xs, score);
  const slope = (ys[left + 1]! - ys[left]!) / (xs[left + 1]! - xs[left]!);
  return ys[left]! + slope * (score - xs[left]!);
}

/** The index of the last of rising numbers that is not above x; the first is not. */
function lastNotAbove(rising: Float64Array, x: number): number {
  let low = 0;
  let high = rising.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (rising[middle]! <= x) low = middle;
    else high = middle;
  }
  return low;
}
