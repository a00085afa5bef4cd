import { limitOfShare, type RowsLimit } from './baseline-limit.js';
import { lowerShare } from './lower-bounds.js';

/**
 * Harm while labels are pending, from estimated errors: after Amoukou, Bewley, Mishra, Lecue, Magazzeni & Veloso,
 * "Sequential Harmful Shift Detection Without Labels" (NeurIPS 2024, arXiv 2412.12910). Some model estimates each row's error.
 * Its estimates need not be right in size: on labelled rows a threshold is calibrated above which rows are surely of high
 * error. In production the share of rows above it is tracked like a loss of 0 or 1, by harm-sequence.ts, against its share
 * on the baseline.
 *
 * What an alarm says: the share of rows above the threshold rose by more than the tolerance, with the error rates that
 * harm-sequence.ts states. It is a share of truly high errors plus false positives less false negatives (of all rows).
 * So the alarm is one of harm as far as false positives less false negatives did not rise: the estimator must stay
 * as good as it was. Under a concept shift that it cannot see, it says nothing. Labels decide when they come.
 */
export interface ErrorThreshold {
  /** A row is of high error where its true error exceeds `error`, the quantile at `errorLevel` of the calibration's. */
  readonly errorLevel: number;
  readonly error: number;
  /** A row is flagged where its estimated error exceeds this. */
  readonly estimate: number;
  /** Of the calibration: the share of all rows that is flagged, of flagged rows that are of high error, of those that are flagged. */
  readonly flagged: number;
  readonly precision: number;
  readonly recall: number;
}

export interface Calibration {
  /** The true error of each row, and the estimated one; rows with NaN in either are left out. Infinite ones are ranked. */
  readonly errors: Float64Array;
  readonly estimates: Float64Array;
}

/** Levels from 0.5 on, in steps of one over these: of true errors, and of estimates. */
const ERROR_STEPS = 20;
const ESTIMATE_STEPS = 100;
/** Of the lower bound of a precision. */
const PRECISION_DELTA = 0.05;

/**
 * Chooses the pair of a level of true errors and a threshold of estimates with the highest recall, among those whose
 * precision is at least `minimumPrecision` by its lower 95 % bound (Chernoff's, lower-bounds.ts; of each pair alone, so that
 * the best of many is somewhat flattered). Equal recall: the higher precision, then the lower level, then the lower threshold.
 * Quantiles are order statistics, ⌈n · level⌉ of n. The paper takes the empirical precision; a few lucky rows would do there.
 * @param calibration rows that the estimator was not made from
 * @returns null where no pair is precise enough: too few rows, errors or estimates all equal, or a poor estimator
 * @throws RangeError where the two are not of one length
 */
export function calibrateThreshold(calibration: Calibration, minimumPrecision = 0.8): ErrorThreshold | null {
  const { errors, estimates } = byEstimate(calibration);
  const rows = errors.length;
  if (rows === 0) return null;
  const sortedErrors = errors.slice().sort();
  const candidates = candidateCounts(estimates);
  let best: ErrorThreshold | null = null;
  for (let step = ERROR_STEPS / 2; step < ERROR_STEPS; step++) {
    const error = sortedErrors[Math.ceil((rows * step) / ERROR_STEPS) - 1]!;
    const high = highBefore(errors, error);
    for (const count of candidates) {
      const [hits, all] = [high[count]!, high[rows]!];
      if (hits === 0 || lowerShare(hits, count, PRECISION_DELTA) < minimumPrecision) continue;
      const found = { errorLevel: step / ERROR_STEPS, error, estimate: estimates[count]!, flagged: count / rows, precision: hits / count, recall: hits / all };
      if (!best || found.recall > best.recall || (found.recall === best.recall && found.precision > best.precision)) best = found;
    }
  }
  return best;
}

/** The tracked loss of each row: 1 where its estimated error exceeds the threshold, 0 where not, NaN where there is no estimate. */
export function flagRows(estimates: Float64Array, { estimate }: Pick<ErrorThreshold, 'estimate'>): Float64Array {
  return estimates.map((value) => (Number.isNaN(value) ? NaN : value > estimate ? 1 : 0));
}

/**
 * The limit that the share of flagged rows in production is held against, for a harm plan with bound 1.
 * @param estimates of baseline rows that the threshold was not chosen on; they need no labels
 * @returns null where none has an estimate. With `blocks`: `limitOfBlocks(sumBlocks(flagRows(…)))`
 */
export function limitOfFlagged(estimates: Float64Array, threshold: ErrorThreshold, delta: number): RowsLimit | null {
  const flags = flagRows(estimates, threshold).filter((flag) => !Number.isNaN(flag));
  return limitOfShare(flags.reduce((sum, flag) => sum + flag, 0), flags.length, delta);
}

/** Rows that have both errors, by descending estimate. */
function byEstimate({ errors, estimates }: Calibration): Calibration {
  if (errors.length !== estimates.length) throw new RangeError(`${errors.length} errors have ${estimates.length} estimates`);
  const order = Uint32Array.from(errors.keys()).filter((row) => !Number.isNaN(errors[row]!) && !Number.isNaN(estimates[row]!));
  order.sort((a, b) => compareDescending(estimates[a]!, estimates[b]!));
  return { errors: Float64Array.from(order, (row) => errors[row]!), estimates: Float64Array.from(order, (row) => estimates[row]!) };
}

// Not a difference: of two infinities that is none.
const compareDescending = (a: number, b: number): number => (a > b ? -1 : a < b ? 1 : 0);

/** How many rows lie above each candidate threshold, from the lowest threshold on; those that flag none are left out. */
function candidateCounts(descending: Float64Array): number[] {
  const rows = descending.length;
  const counts = new Set<number>();
  for (let step = ESTIMATE_STEPS / 2; step < ESTIMATE_STEPS; step++) {
    let count = rows - Math.ceil((rows * step) / ESTIMATE_STEPS);
    // Rows equal to the threshold are not above it.
    while (count > 0 && descending[count - 1] === descending[count]) count -= 1;
    if (count > 0) counts.add(count);
  }
  return [...counts];
}

/** At k: how many of the first k rows have an error above `error`. */
function highBefore(errors: Float64Array, error: number): Uint32Array {
  const high = new Uint32Array(errors.length + 1);
  for (let row = 0; row < errors.length; row++) high[row + 1] = high[row]! + (errors[row]! > error ? 1 : 0);
  return high;
}
