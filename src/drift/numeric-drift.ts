import type { ColumnCounts, FeatureDrift } from '../contracts/feature-drift.js';
import { jensenShannonDistance, populationStabilityIndex } from './binned-distance.js';
import { kolmogorovSmirnovPValue } from './kolmogorov-smirnov.js';
import { binCounts, quantilesOf, withDeciles } from './numeric-bins.js';
import { numericDistance, type NumericSide } from './numeric-distance.js';
import { addValues, emptyProfile, type NumericProfile, presentIn } from './numeric-profile.js';
import { layoutFor } from './value-buckets.js';

/** Values that a layout is made for. */
export const LAYOUT_SAMPLE = 16_384;

/** Profiles a baseline: its own values make the layout and the bins. @param values NaN is missing @param buckets as {@link addValues} */
export function profileBaseline(values: Float64Array, buckets?: Int32Array): Required<NumericSide> {
  const profile = emptyProfile(layoutFor(evenSample(values)), null);
  const column = addValues(profile, values, buckets);
  return { profile: withDeciles(profile, column), column };
}

/** Every so-many-th value: rows lie in the order of time. */
function evenSample(values: Float64Array): Float64Array {
  const step = Math.max(1, Math.floor(values.length / LAYOUT_SAMPLE));
  return step === 1 ? values : Float64Array.from({ length: Math.floor(values.length / step) }, (_, index) => values[index * step]!);
}

/** Profiles a window with the layout and the bins of its baseline. */
export function profileWindow(baseline: NumericProfile, values: Float64Array, buckets?: Int32Array): Required<NumericSide> {
  const profile = emptyProfile(baseline.layout, baseline.bins);
  return { profile, column: addValues(profile, values, buckets) };
}

/** All figures of a number. Exact where both sides bring their values; else KS and Wasserstein carry an error. */
export function numericDrift(name: string, baseline: NumericSide, window: NumericSide): FeatureDrift {
  const distance = numericDistance(baseline, window);
  const [reference, current] = [binCounts(baseline.profile), binCounts(window.profile)];
  const ks = distance && { statistic: distance.ks.value, error: distance.ks.error, pValue: kolmogorovSmirnovPValue(distance.ks.value, presentIn(baseline.profile), presentIn(window.profile)) };
  return {
    name, type: 'number', baseline: columnCounts(baseline.profile), window: columnCounts(window.profile),
    psi: populationStabilityIndex(reference, current), jensenShannon: jensenShannonDistance(reference, current),
    ks, wasserstein: distance?.wasserstein ? { distance: distance.wasserstein.value, error: distance.wasserstein.error } : null, chiSquared: null,
    bins: { edges: [...(baseline.profile.bins?.edges ?? [])], categories: null, baseline: [...reference], window: [...current] },
    newCategories: [], newCategoryCount: 0, newCategoryRows: 0,
  };
}

function columnCounts(profile: NumericProfile): ColumnCounts {
  const { finite, missing, minusInfinity, plusInfinity, least, greatest } = profile;
  const some = finite > 0;
  return {
    rows: finite + missing + minusInfinity + plusInfinity, missing, infinite: minusInfinity + plusInfinity,
    least: some ? least : null, greatest: some ? greatest : null, mean: some ? meanOf(profile) : null, median: quantilesOf(profile, [0.5])[0] ?? null,
  };
}

/** From the buckets' sums. */
function meanOf({ layout: { buckets, edges, spacing }, sums, finite }: NumericProfile): number {
  let mean = 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const count = sums[3 * bucket]!;
    if (count > 0) mean += (edges[bucket]! * count + (sums[3 * bucket + 1]! * 2 ** 32 + sums[3 * bucket + 2]!) * spacing[bucket]!) / finite;
  }
  return mean;
}
