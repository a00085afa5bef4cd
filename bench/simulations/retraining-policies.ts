import { populationStabilityIndex } from '../../src/drift/binned-distance.js';
import { ADWIN_DEFAULTS, type AdwinOptions, addToWindow, startAdaptiveWindow } from './adaptive-windowing.js';
import { edgesBelow } from './histogram-tree.js';
import { addToPageHinkley, PAGE_HINKLEY_DEFAULTS, type PageHinkleyOptions, startPageHinkley } from './page-hinkley.js';
import type { RetrainingPolicy, WindowFacts } from './retraining-arena.js';

/** What a retraining policy of ours is compared with: what is done where nothing better is at hand. */

export const neverRetrain: RetrainingPolicy = { name: 'never', start: () => () => false };

/** By the calendar, at the end of every month of `windowsPerMonth` windows. */
export const retrainMonthly = (windowsPerMonth = 4): RetrainingPolicy => ({
  name: 'monthly', start: () => ({ window }) => (window + 1) % windowsPerMonth === 0,
});

/** Where the population stability index of any feature exceeds the limit, of a window against what the model was trained on. */
export const retrainOnStabilityIndex = (limit = 0.2): RetrainingPolicy => ({
  name: `PSI > ${limit}`,
  start: () => {
    let [deployment, reference] = [-1, [] as DecileCounts[]];
    return (facts) => {
      if (facts.deployment !== deployment) [deployment, reference] = [facts.deployment, decileCounts(facts.trainingFeatures, facts.width)];
      return stabilityIndices(reference, facts.current.features).some((index) => index !== null && index > limit);
    };
  },
});

/** Where a Page-Hinkley test of the deployed model's losses, as labels come in, finds a rise. */
export const retrainOnCusum = (options: PageHinkleyOptions = { ...PAGE_HINKLEY_DEFAULTS, direction: 'rise' }): RetrainingPolicy => ({
  name: 'CUSUM',
  start: () => onRisingLoss(() => {
    const state = startPageHinkley(options);
    return (loss) => addToPageHinkley(state, loss) === 'rise';
  }),
});

/** Where ADWIN finds that the deployed model's losses, as labels come in, have risen. Where they fell, its window shrinks and nothing is done. */
export const retrainOnAdwin = (options: AdwinOptions = ADWIN_DEFAULTS): RetrainingPolicy => ({
  name: 'ADWIN',
  start: () => onRisingLoss(() => {
    const window = startAdaptiveWindow(options);
    return (loss) => addToWindow(window, loss) === 'rise';
  }),
});

export const CLASSIC_POLICIES: readonly RetrainingPolicy[] = [neverRetrain, retrainMonthly(), retrainOnStabilityIndex(), retrainOnCusum(), retrainOnAdwin()];

/**
 * A detector of its own for each deployed model. It begins with the losses on rows held out from its training, so that a model that is
 * worse in production than it was then is found too, such as one that was trained on rows of both concepts. Once it has found a rise
 * it keeps asking until the model is replaced.
 */
function onRisingLoss(startDetector: () => (loss: number) => boolean): (facts: WindowFacts) => boolean {
  let [deployment, detects, found] = [-1, startDetector(), false];
  const add = (losses: Float64Array): void => {
    for (const loss of losses) found = detects(loss) || found;
  };
  return (facts) => {
    if (facts.deployment !== deployment) {
      [deployment, detects, found] = [facts.deployment, startDetector(), false];
      add(facts.heldOut.losses);
    }
    if (facts.labelled) add(facts.labelled.losses);
    return found;
  };
}

/** A feature's deciles, ascending and distinct, and how many reference values are in each bin: a value on a decile is in the bin below it. */
export interface DecileCounts {
  readonly deciles: Float64Array;
  readonly counts: Float64Array;
}

/**
 * One for each feature. A constant feature has two bins: up to its value, and above. Missing values (NaN) are left out.
 * @param rows of the reference, row by row, `width` numbers each
 */
export function decileCounts(rows: Float64Array, width: number): DecileCounts[] {
  return Array.from({ length: width }, (_, feature) => {
    const column = columnOf(rows, width, feature).sort();
    const deciles = new Set<number>();
    for (let tenth = 1; tenth < 10 && column.length > 0; tenth++) deciles.add(column[Math.ceil((column.length * tenth) / 10) - 1]!);
    const edges = Float64Array.from(deciles);
    return { deciles: edges, counts: countsOf(column, edges) };
  });
}

/**
 * Population stability index of each feature, of rows against the reference (see src/drift/binned-distance.ts).
 * @param rows row by row, as many features as the reference has
 * @returns null for a feature that has no value on one side
 */
export const stabilityIndices = (reference: readonly DecileCounts[], rows: Float64Array): (number | null)[] => reference.map(
  ({ deciles, counts }, feature) => populationStabilityIndex(counts, countsOf(columnOf(rows, reference.length, feature), deciles)),
);

function columnOf(rows: Float64Array, width: number, feature: number): Float64Array {
  const column = new Float64Array(rows.length / width);
  for (let row = 0; row < column.length; row++) column[row] = rows[row * width + feature]!;
  return column.filter((value) => !Number.isNaN(value));
}

function countsOf(values: Float64Array, edges: Float64Array): Float64Array {
  const counts = new Float64Array(edges.length + 1);
  for (const value of values) counts[edgesBelow(edges, value)]! += 1;
  return counts;
}
