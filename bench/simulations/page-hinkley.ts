import type { Direction } from './adaptive-windowing.js';

/**
 * The Page-Hinkley test: a CUSUM chart whose target is the mean so far, which need not be known beforehand.
 * Source: Page, "Continuous inspection schemes", Biometrika 41, 1954; with the forgetting factor of river.drift.PageHinkley.
 *
 * With m_t the mean of the first t values, U_t = α U_(t−1) + x_t − m_t − δ and L_t = α L_(t−1) + x_t − m_t + δ, a rise is found
 * where U_t − min U > λ, a fall where max L − L_t > λ.
 */
export interface PageHinkleyOptions {
  /** The fewest values before anything is found. */
  readonly minimumRows: number;
  /** δ, a change of the mean that is tolerated; in the values' unit. */
  readonly slack: number;
  /** λ, in the values' unit. */
  readonly threshold: number;
  /** α in (0, 1]: weight of the sum so far against the newest value. */
  readonly forgetting: number;
  readonly direction: Direction | 'both';
}

/** Those of river.drift.PageHinkley. */
export const PAGE_HINKLEY_DEFAULTS: PageHinkleyOptions = { minimumRows: 30, slack: 0.005, threshold: 50, forgetting: 0.9999, direction: 'both' };

export interface PageHinkleyState {
  readonly options: PageHinkleyOptions;
  rows: number;
  mean: number;
  upper: number;
  leastUpper: number;
  lower: number;
  mostLower: number;
}

/** @throws RangeError where an option is out of its range */
export function startPageHinkley(options: PageHinkleyOptions = PAGE_HINKLEY_DEFAULTS): PageHinkleyState {
  const { minimumRows, slack, threshold, forgetting } = options;
  if (!(minimumRows >= 0 && slack >= 0 && threshold >= 0)) throw new RangeError('minimumRows, slack and threshold must be at least 0');
  if (!(forgetting > 0 && forgetting <= 1)) throw new RangeError(`the forgetting factor ${forgetting} must be above 0 and at most 1`);
  return { options, rows: 0, mean: 0, upper: 0, leastUpper: Infinity, lower: 0, mostLower: -Infinity };
}

/**
 * Adds a value; NaN (a loss without a label) is left out. After a find, start a new state: this one would find the change again.
 * @returns the direction of the change that is found, null without one
 * @throws RangeError for an infinite value: no mean would be left
 */
export function addToPageHinkley(state: PageHinkleyState, value: number): Direction | null {
  if (Number.isNaN(value)) return null;
  if (!Number.isFinite(value)) throw new RangeError(`a mean is not defined with ${value}`);
  const { minimumRows, slack, threshold, forgetting, direction } = state.options;
  state.rows += 1;
  state.mean += (value - state.mean) / state.rows;
  const deviation = value - state.mean;
  state.upper = forgetting * state.upper + deviation - slack;
  state.lower = forgetting * state.lower + deviation + slack;
  state.leastUpper = Math.min(state.leastUpper, state.upper);
  state.mostLower = Math.max(state.mostLower, state.lower);
  if (state.rows < minimumRows) return null;
  if (direction !== 'fall' && state.upper - state.leastUpper > threshold) return 'rise';
  return direction !== 'rise' && state.mostLower - state.lower > threshold ? 'fall' : null;
}

/**
 * Indices of the values at which a change is found; after each the test starts anew, as river.drift.PageHinkley does. Empty for no
 * values. NaN and infinity as with {@link addToPageHinkley}.
 */
export function pageHinkleyDetections(values: Float64Array, options: PageHinkleyOptions = PAGE_HINKLEY_DEFAULTS): Int32Array {
  const found: number[] = [];
  let state = startPageHinkley(options);
  for (let index = 0; index < values.length; index++) {
    if (addToPageHinkley(state, values[index]!) === null) continue;
    found.push(index);
    state = startPageHinkley(options);
  }
  return Int32Array.from(found);
}
