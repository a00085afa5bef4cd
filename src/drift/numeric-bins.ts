import { type NumericProfile, withBins } from './numeric-profile.js';
import { bucketOf, type BucketLayout, nextBelow } from './value-buckets.js';

/** Bins of a number: below the first edge, from one edge up to (without) the next, from the last edge on. */
export interface NumericBins {
  /** Finite, ascending, all different; one fewer than there are bins. */
  readonly edges: Float64Array;
  /** [edges] the bucket of each */
  readonly buckets: Int32Array;
  /** [buckets of the layout + 1] 1 + the first edge that lies inside a bucket, 0 where none does */
  readonly marks: Uint8Array;
}

/** The deciles of the baseline. */
export const BIN_SHARES: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/** @param edges finite, in any order, repeated or not */
export function binsAt(layout: BucketLayout, edges: readonly number[]): NumericBins {
  const different = Float64Array.from(new Set(edges.map((edge) => edge + 0))).sort();
  const buckets = Int32Array.from(different, (edge) => bucketOf(layout, edge));
  const marks = new Uint8Array(layout.buckets + 1);
  // Nothing of a bucket lies below its own edge.
  different.forEach((edge, index) => {
    if (marks[buckets[index]!] === 0 && bucketOf(layout, nextBelow(edge)) === buckets[index]) marks[buckets[index]] = index + 1;
  });
  return { edges: different, buckets, marks };
}

/** Where the quantiles of a profile's finite values lie: between the values of two neighbouring ranks each (numpy.quantile's `linear`). */
export interface QuantilePlaces {
  readonly places: readonly number[];
  /** Two for each place; from 0. */
  readonly ranks: readonly number[];
  /** [ranks] the bucket of the value of that rank, and how many values lie before that bucket. */
  readonly buckets: readonly number[];
  readonly before: readonly number[];
}

/** @param shares between 0 and 1 @returns none where there is no finite value */
export function quantilePlaces({ finite, counts }: NumericProfile, shares: readonly number[]): QuantilePlaces {
  const places = finite === 0 ? [] : shares.map((share) => share * (finite - 1));
  const ranks = places.flatMap((place) => [Math.floor(place), Math.min(Math.floor(place) + 1, finite - 1)]);
  const order = ranks.map((_, index) => index).sort((one, other) => ranks[one]! - ranks[other]!);
  const [buckets, before] = [new Array<number>(ranks.length), new Array<number>(ranks.length)];
  let [bucket, sum] = [0, 0];
  for (const index of order) {
    for (; sum + counts[bucket]! <= ranks[index]!; bucket++) sum += counts[bucket]!;
    buckets[index] = bucket;
    before[index] = sum;
  }
  return { places, ranks, buckets, before };
}

/** The values inside some buckets, in order. */
export interface InsideBuckets {
  /** @param place from 0 */
  readonly valueAt: (bucket: number, place: number) => number;
  readonly countBelow: (bucket: number, value: number) => number;
}

/** The quantiles, from the values of their buckets. */
export function quantilesAt({ places, ranks, buckets, before }: QuantilePlaces, inside: InsideBuckets): number[] {
  const ranked = ranks.map((rank, index) => inside.valueAt(buckets[index]!, rank - before[index]!));
  return places.map((place, index) => between(ranked[2 * index]!, ranked[2 * index + 1]!, place - Math.floor(place)));
}

/** From the nearer end, as numpy does. */
export const between = (low: number, high: number, part: number): number => (part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part));

/** Quantiles without the values: the edges of their buckets, each at most a bucket too low. */
export function roughQuantiles(profile: NumericProfile, shares: readonly number[]): number[] {
  const { ranks, buckets } = quantilePlaces(profile, shares);
  return ranks.flatMap((_, index) => (index % 2 === 0 ? [Math.max(profile.layout.edges[buckets[index]!]!, profile.least)] : []));
}

/** The profile with its deciles as bins, where its values are gone: edges of buckets. */
export function withRoughDeciles(profile: NumericProfile): NumericProfile {
  const { layout } = profile;
  const bins = binsAt(layout, roughQuantiles(profile, BIN_SHARES).map((quantile) => layout.edges[bucketOf(layout, quantile)]!));
  return withBins(profile, bins, new Float64Array(bins.edges.length));
}

/** The profile under these bins. @param inside knows at least the buckets that the bins mark, where the profile has any value there */
export function underBins(profile: NumericProfile, bins: NumericBins, inside: InsideBuckets): NumericProfile {
  return withBins(profile, bins, Float64Array.from(bins.edges, (edge, index) => (bins.marks[bins.buckets[index]!] ? inside.countBelow(bins.buckets[index]!, edge) : 0)));
}

/** [edges + 1] how many present values lie in each bin; infinities in the outer ones. @throws RangeError for a profile without bins */
export function binCounts({ bins, below, counts, minusInfinity, plusInfinity, finite }: NumericProfile): Float64Array {
  if (!bins) throw new RangeError('the profile was made without bins');
  const lower = new Float64Array(bins.edges.length);
  for (let edge = 0, bucket = 0, sum = 0; edge < lower.length; edge++) {
    for (; bucket < bins.buckets[edge]!; bucket++) sum += counts[bucket]!;
    lower[edge] = sum + below[edge]!;
  }
  return Float64Array.from({ length: lower.length + 1 }, (_, bin) => {
    const outer = (bin === 0 ? minusInfinity : 0) + (bin === lower.length ? plusInfinity : 0);
    return (lower[bin] ?? finite) - (lower[bin - 1] ?? 0) + outer;
  });
}
