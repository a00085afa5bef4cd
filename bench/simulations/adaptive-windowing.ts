/**
 * ADWIN: a window of the newest values that gives up its oldest ones as soon as their mean differs from that of the rest.
 * Source: Bifet & Gavaldà, "Learning from time-changing data with adaptive windowing", SIAM International Conference on Data
 * Mining 2007 (ADWIN2). Variances of buckets are joined after Babcock, Datar, Motwani & O'Callaghan, "Maintaining variance and
 * k-medians over data stream windows", PODS 2003. Arithmetic goes in the order of river.drift.ADWIN, so that both cut at the same values.
 */
export interface AdwinOptions {
  /** Confidence of a cut, in (0, 1). */
  readonly delta: number;
  /** Values between two looks for a cut. */
  readonly clock: number;
  /** Buckets of one size, from 2; with one more the two oldest are joined. M in the paper. */
  readonly bucketsPerSize: number;
  /** The fewest values on either side of a cut. */
  readonly shortestSide: number;
  /** No look is taken up to this many values. */
  readonly gracePeriod: number;
}

/** Those of river.drift.ADWIN. */
export const ADWIN_DEFAULTS: AdwinOptions = { delta: 0.002, clock: 32, bucketsPerSize: 5, shortestSide: 5, gracePeriod: 10 };

/** The newest value's side of a cut lies above the oldest one's, or below. */
export type Direction = 'rise' | 'fall';

/** Buckets of 2^level values each, oldest first. */
interface Level {
  buckets: number;
  readonly totals: Float64Array;
  /** Of each bucket: the sum of squared deviations from its mean. */
  readonly squares: Float64Array;
}

export interface AdaptiveWindow {
  readonly options: AdwinOptions;
  /** Values held. */
  width: number;
  total: number;
  /** Sum of squared deviations from the window's mean. */
  squares: number;
  /** Values seen since the start. */
  seen: number;
  /** From the newest on: level 0 holds single values. */
  readonly levels: Level[];
}

/** @throws RangeError where an option is out of its range */
export function startAdaptiveWindow(options: AdwinOptions = ADWIN_DEFAULTS): AdaptiveWindow {
  const { delta, clock, bucketsPerSize, shortestSide, gracePeriod } = options;
  if (!(delta > 0 && delta < 1)) throw new RangeError(`the delta ${delta} must lie between 0 and 1`);
  // With one bucket of a size, joining two would leave a size without any, and no oldest one to drop.
  for (const [whole, least] of [[clock, 1], [bucketsPerSize, 2], [shortestSide, 1]] as const) {
    if (!Number.isInteger(whole) || whole < least) throw new RangeError(`${whole} must be a whole number from ${least}`);
  }
  if (!(gracePeriod >= 0)) throw new RangeError(`the grace period ${gracePeriod} must be at least 0`);
  return { options, width: 0, total: 0, squares: 0, seen: 0, levels: [emptyLevel(bucketsPerSize)] };
}

/**
 * Adds a value and, every `clock` values, drops the oldest bucket as long as some cut of the window says that the mean changed.
 * What remains is the window to go on with, as in the paper. NaN (a loss without a label) is left out and does not tick.
 * @returns the direction of the first cut, null without one
 * @throws RangeError for an infinite value: no mean would be left
 */
export function addToWindow(window: AdaptiveWindow, value: number): Direction | null {
  if (Number.isNaN(value)) return null;
  if (!Number.isFinite(value)) throw new RangeError(`a mean is not defined with ${value}`);
  insert(window, value);
  window.seen += 1;
  const { clock, gracePeriod } = window.options;
  if (window.seen % clock !== 0 || window.width <= gracePeriod) return null;
  let first: Direction | null = null;
  for (let cut = findCut(window); cut !== null; cut = findCut(window)) {
    first ??= cut;
    dropOldest(window);
  }
  return first;
}

/**
 * Indices of the values at which a change is found; after each the detector starts anew with an empty window, as river.drift.ADWIN
 * does. Empty for no values. NaN and infinity as with {@link addToWindow}.
 */
export function adwinDetections(values: Float64Array, options: AdwinOptions = ADWIN_DEFAULTS): Int32Array {
  const found: number[] = [];
  let window = startAdaptiveWindow(options);
  for (let index = 0; index < values.length; index++) {
    if (addToWindow(window, values[index]!) === null) continue;
    found.push(index);
    window = startAdaptiveWindow(options);
  }
  return Int32Array.from(found);
}

const emptyLevel = (bucketsPerSize: number): Level => ({
  buckets: 0, totals: new Float64Array(bucketsPerSize + 1), squares: new Float64Array(bucketsPerSize + 1),
});

function insert(window: AdaptiveWindow, value: number): void {
  push(window.levels[0]!, value, 0);
  window.width += 1;
  if (window.width > 1) {
    const before = window.width - 1;
    const deviation = value - window.total / before;
    window.squares += (before * deviation * deviation) / window.width;
  }
  window.total += value;
  joinBuckets(window);
}

function push(level: Level, total: number, squares: number): void {
  level.totals[level.buckets] = total;
  level.squares[level.buckets] = squares;
  level.buckets += 1;
}

function removeOldest(level: Level, count: number): void {
  level.totals.copyWithin(0, count, level.buckets);
  level.squares.copyWithin(0, count, level.buckets);
  level.buckets -= count;
}

/** Where a level has a bucket too many, its two oldest make one of the next level. */
function joinBuckets({ levels, options }: AdaptiveWindow): void {
  for (let index = 0; levels[index]!.buckets > options.bucketsPerSize; index++) {
    const level = levels[index]!;
    const size = 2 ** index;
    const [older, newer] = [level.totals[0]!, level.totals[1]!];
    const apart = older / size - newer / size;
    const squares = level.squares[0]! + level.squares[1]! + size * 0.5 * apart * apart;
    if (index + 1 === levels.length) levels.push(emptyLevel(options.bucketsPerSize));
    push(levels[index + 1]!, older + newer, squares);
    removeOldest(level, 2);
  }
}

function dropOldest(window: AdaptiveWindow): void {
  const last = window.levels.length - 1;
  const level = window.levels[last]!;
  const size = 2 ** last;
  const [total, squares] = [level.totals[0]!, level.squares[0]!];
  window.width -= size;
  window.total -= total;
  const apart = total / size - window.total / window.width;
  window.squares -= squares + (size * window.width * apart * apart) / (size + window.width);
  removeOldest(level, 1);
  if (level.buckets === 0) window.levels.pop();
}

/** From the oldest bucket on, the first border of two buckets at which the means of both sides differ. */
function findCut({ options, levels, width, total, squares }: AdaptiveWindow): Direction | null {
  const variance = squares / width;
  const logarithm = Math.log((2 * Math.log(width)) / options.delta);
  let [oldRows, newRows, oldTotal, newTotal] = [0, width, 0, total];
  for (let index = levels.length - 1; index >= 0; index--) {
    const { buckets, totals } = levels[index]!;
    for (let bucket = 0; bucket < buckets; bucket++) {
      oldRows += 2 ** index;
      newRows -= 2 ** index;
      oldTotal += totals[bucket]!;
      newTotal -= totals[bucket]!;
      if (oldRows < options.shortestSide || newRows < options.shortestSide) continue;
      const apart = oldTotal / oldRows - newTotal / newRows;
      if (Math.abs(apart) > widthOfCut(oldRows, newRows, options.shortestSide, variance, logarithm)) return apart < 0 ? 'rise' : 'fall';
    }
  }
  return null;
}

/** The paper's ε by the normal approximation with Bernstein's term; 1/m = 1/n₀ + 1/n₁, each n less the shortest side, plus 1. */
function widthOfCut(oldRows: number, newRows: number, shortestSide: number, variance: number, logarithm: number): number {
  const inverse = 1 / (oldRows - shortestSide + 1) + 1 / (newRows - shortestSide + 1);
  return Math.sqrt(2 * inverse * variance * logarithm) + (2 / 3) * logarithm * inverse;
}
