import { allAtEdge, type BucketValues, type ColumnValues, countIn, type NumericProfile, valuesIn, withBins } from './numeric-profile.js';
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

/**
 * Quantiles of a profile's finite values: numpy.quantile's, linear between two values.
 * @param shares between 0 and 1 @param column the profile's values; without them a value is the edge of its bucket, at most a bucket too low
 * @returns as many as shares; empty where there is no finite value
 */
export const quantilesOf = (profile: NumericProfile, shares: readonly number[], column?: ColumnValues): number[] => ranked(profile, shares, column).quantiles;

interface Ranked {
  readonly quantiles: number[];
  /** Of the buckets that hold the values beside the quantiles; null where they were not needed. */
  readonly inside: BucketValues | null;
}

function ranked(profile: NumericProfile, shares: readonly number[], column: ColumnValues | undefined): Ranked {
  const { finite, layout: { edges, buckets: last } } = profile;
  if (finite === 0) return { quantiles: [], inside: null };
  const places = shares.map((share) => share * (finite - 1));
  const ranks = places.flatMap((place) => [Math.floor(place), Math.min(Math.floor(place) + 1, finite - 1)]);
  const before = new Float64Array(last + 1);
  const { sums } = profile;
  for (let bucket = 0; bucket < last; bucket++) before[bucket + 1] = before[bucket]! + sums[3 * bucket]!;
  const buckets = ranks.map((rank) => bucketOfRank(before, rank));
  const wanted = new Uint8Array(last + 1);
  for (const bucket of buckets) wanted[bucket] = column && !allAtEdge(profile, bucket) ? 1 : 0;
  const inside = column && wanted.includes(1) ? valuesIn(profile, column, wanted) : null;
  const values = ranks.map((rank, index) => {
    const bucket = buckets[index]!;
    return wanted[bucket] ? inside!.values[inside!.starts[bucket]! + rank - before[bucket]!]! : Math.max(edges[bucket]!, profile.least);
  });
  return { quantiles: places.map((place, index) => between(values[2 * index]!, values[2 * index + 1]!, place - Math.floor(place))), inside };
}

/** From the nearer end, as numpy does. */
const between = (low: number, high: number, part: number): number => (part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part));

/** The bucket of the value with so many before it. */
function bucketOfRank(before: Float64Array, rank: number): number {
  let [low, high] = [0, before.length - 2];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before[middle + 1]! > rank) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The profile with the deciles of its values as bins. @param column the profile's values; without them the deciles are edges of buckets */
export function withDeciles(profile: NumericProfile, column?: ColumnValues): NumericProfile {
  const { quantiles, inside } = ranked(profile, BIN_SHARES, column);
  const { layout } = profile;
  const bins = binsAt(layout, column ? quantiles : quantiles.map((quantile) => layout.edges[bucketOf(layout, quantile)]!));
  // Between two of its values that lie beside each other a profile has none: an edge's bucket was looked into, or nothing of it lies below the edge.
  const below = Float64Array.from(bins.edges, (edge, index) => (inside && bins.marks[bins.buckets[index]!] ? countBelow(inside, bins.buckets[index]!, edge) : 0));
  return withBins(profile, bins, below);
}

function countBelow({ starts, values }: BucketValues, bucket: number, edge: number): number {
  let at = starts[bucket]!;
  while (at < starts[bucket + 1]! && values[at]! < edge) at += 1;
  return at - starts[bucket]!;
}

/** [edges + 1] how many present values lie in each bin; infinities in the outer ones. @throws RangeError for a profile without bins */
export function binCounts(profile: NumericProfile): Float64Array {
  const { bins, below, minusInfinity, plusInfinity, finite } = profile;
  if (!bins) throw new RangeError('the profile was made without bins');
  const lower = new Float64Array(bins.edges.length);
  for (let edge = 0, bucket = 0, sum = 0; edge < lower.length; edge++) {
    for (; bucket < bins.buckets[edge]!; bucket++) sum += countIn(profile, bucket);
    lower[edge] = sum + below[edge]!;
  }
  return Float64Array.from({ length: lower.length + 1 }, (_, bin) => {
    const outer = (bin === 0 ? minusInfinity : 0) + (bin === lower.length ? plusInfinity : 0);
    return (lower[bin] ?? finite) - (lower[bin - 1] ?? 0) + outer;
  });
}
