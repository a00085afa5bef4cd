import type { ColumnCounts, FeatureDrift } from '../contracts/feature-drift.js';
import { jensenShannonDistance, populationStabilityIndex } from './binned-distance.js';
import { boundedDistance, meanOf } from './bounded-distance.js';
import { type CountedColumn, exactComparison, type NumericDistance } from './exact-distance.js';
import { kolmogorovSmirnovPValue } from './kolmogorov-smirnov.js';
import { binCounts, roughQuantiles, withRoughDeciles } from './numeric-bins.js';
import { addValues, countValues, emptyProfile, type NumericProfile, presentIn } from './numeric-profile.js';
import { layoutFor, TARGET_BUCKETS } from './value-buckets.js';

/** Values that a layout is made for. */
const LAYOUT_SAMPLE = 16_384;
/** Of so many values those of one bucket in ten would be sorted: narrower buckets leave half of them, for tables that are longer to make. */
const MANY_VALUES = 500_000;
const NARROW_BUCKETS = 2 * TARGET_BUCKETS;

/** All figures of a number, exact. @param values of both sides, NaN where there is none @param rooms arrays that are overwritten, where they are long enough */
export function numericDrift(name: string, baseline: Float64Array, window: Float64Array, rooms?: readonly [Int32Array, Int32Array]): FeatureDrift {
  const layout = layoutFor(evenSample(baseline), baseline.length < MANY_VALUES ? TARGET_BUCKETS : NARROW_BUCKETS);
  const sides: readonly [CountedColumn, CountedColumn] = [countValues(layout, baseline, rooms?.[0]), countValues(layout, window, rooms?.[1])];
  const compared = exactComparison(...sides);
  const [mean, otherMean] = sides.map(({ profile, column }) => column.sum / profile.finite) as [number, number];
  return figures(name, compared.distance, columnCounts(compared.baseline, mean), columnCounts(compared.window, otherMean), compared);
}

/** All figures of a number whose values are gone: KS and Wasserstein carry an error. @param window of the baseline's layout and bins */
export function profiledDrift(name: string, baseline: NumericProfile, window: NumericProfile): FeatureDrift {
  return figures(name, boundedDistance(baseline, window), columnCounts(baseline, meanOf(baseline)), columnCounts(window, meanOf(window)), { baseline, window });
}

/** The profile of a baseline, with the layout and the bins that its windows' profiles are to be made with. @param values NaN is missing */
export function profileBaseline(values: Float64Array): NumericProfile {
  const profile = emptyProfile(layoutFor(evenSample(values)), null);
  addValues(profile, values);
  return withRoughDeciles(profile);
}

/** Every so-many-th value: rows lie in the order of time. */
function evenSample(values: Float64Array): Float64Array {
  const step = Math.max(1, Math.floor(values.length / LAYOUT_SAMPLE));
  if (step === 1) return values;
  const sample = new Float64Array(Math.floor(values.length / step));
  for (let index = 0; index < sample.length; index++) sample[index] = values[index * step]!;
  return sample;
}

function figures(name: string, distance: NumericDistance | null, baseline: ColumnCounts, window: ColumnCounts, profiles: { readonly baseline: NumericProfile; readonly window: NumericProfile }): FeatureDrift {
  const [reference, current] = [binCounts(profiles.baseline), binCounts(profiles.window)];
  const ks = distance && { statistic: distance.ks.value, error: distance.ks.error, pValue: kolmogorovSmirnovPValue(distance.ks.value, presentIn(profiles.baseline), presentIn(profiles.window)) };
  return {
    name, type: 'number', baseline, window, psi: populationStabilityIndex(reference, current), jensenShannon: jensenShannonDistance(reference, current),
    ks, wasserstein: distance?.wasserstein ? { distance: distance.wasserstein.value, error: distance.wasserstein.error } : null, chiSquared: null,
    bins: { edges: [...(profiles.baseline.bins?.edges ?? [])], categories: null, baseline: [...reference], window: [...current] },
    newCategories: [], newCategoryCount: 0, newCategoryRows: 0,
  };
}

function columnCounts(profile: NumericProfile, mean: number): ColumnCounts {
  const { finite, missing, minusInfinity, plusInfinity, least, greatest } = profile;
  const some = finite > 0;
  return {
    rows: finite + missing + minusInfinity + plusInfinity, missing, infinite: minusInfinity + plusInfinity,
    least: some ? least : null, greatest: some ? greatest : null, mean: some ? mean : null, median: roughQuantiles(profile, [0.5])[0] ?? null,
  };
}
