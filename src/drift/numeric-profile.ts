import type { NumericBins } from './numeric-bins.js';
import { type BucketLayout, tally } from './value-buckets.js';

/**
 * What is kept of a numeric column: how many of its values lie in each bucket of a layout, and the exact sum of their
 * distances from the bucket's edge. All of it is whole numbers, so that profiles of parts add up to the profile of the whole in
 * whatever order they are merged (up to 2²¹ values in one bucket for the last bits of the sums, 2⁵³ for all else).
 */
export interface NumericProfile {
  readonly layout: BucketLayout;
  /** Bins whose counts are kept exactly, where they are known. */
  readonly bins: NumericBins | null;
  /** [bins.edges] How many values lie in an edge's bucket, and below the edge. */
  readonly below: Float64Array;
  /** Finite values. */
  finite: number;
  /** NaN: no value. */
  missing: number;
  minusInfinity: number;
  plusInfinity: number;
  /** Of the finite values; Infinity and −Infinity where there are none. */
  least: number;
  greatest: number;
  /**
   * [buckets, 3] how many values, and the sum of their distances from the bucket's edge in units of the spacing of doubles there, as two
   * numbers: the second × 2³² + the third.
   */
  readonly sums: Float64Array;
}

/** A column's values and the bucket of each; a layout's number of buckets where a value is not finite. */
export interface ColumnValues {
  readonly values: Float64Array;
  readonly buckets: Int32Array;
}

export const emptyProfile = (layout: BucketLayout, bins: NumericBins | null): NumericProfile => profileOf(layout, bins, new Float64Array(3 * layout.buckets));

/** All profiles have one shape, of which compiled code is sure. */
function profileOf(layout: BucketLayout, bins: NumericBins | null, sums: Float64Array): NumericProfile {
  return { layout, bins, below: new Float64Array(bins?.edges.length ?? 0), finite: 0, missing: 0, minusInfinity: 0, plusInfinity: 0, least: Infinity, greatest: -Infinity, sums };
}

/** The same counts under bins that were not known when the values were added. */
export function withBins(profile: NumericProfile, bins: NumericBins, below: Float64Array): NumericProfile {
  const binned = profileOf(profile.layout, bins, profile.sums);
  binned.below.set(below);
  for (const field of COUNTED) binned[field] = profile[field];
  binned.least = profile.least;
  binned.greatest = profile.greatest;
  return binned;
}

const COUNTED = ['finite', 'missing', 'minusInfinity', 'plusInfinity'] as const;

/** Adds values to a profile; NaN is missing. @param buckets is overwritten where it is long enough @returns the values with their buckets */
export function addValues(profile: NumericProfile, values: Float64Array, buckets: Int32Array = new Int32Array(values.length)): ColumnValues {
  const { layout, bins } = profile;
  const facts = Float64Array.of(profile.least, profile.greatest, profile.missing, profile.minusInfinity, profile.plusInfinity);
  const before = absent(profile);
  tally(layout, values, buckets, profile.sums, facts);
  [profile.least, profile.greatest, profile.missing, profile.minusInfinity, profile.plusInfinity] = facts as unknown as [number, number, number, number, number];
  profile.finite += values.length - (absent(profile) - before);
  if (bins) tallyBelow(values, buckets, bins.marks, bins.edges, bins.buckets, profile.below);
  return { values, buckets };
}

const absent = ({ missing, minusInfinity, plusInfinity }: NumericProfile): number => missing + minusInfinity + plusInfinity;

function tallyBelow(values: Float64Array, buckets: Int32Array, marks: Uint8Array, edges: Float64Array, edgeBuckets: Int32Array, below: Float64Array): void {
  for (let index = 0; index < values.length; index++) {
    const bucket = buckets[index]!;
    const mark = marks[bucket]!;
    if (mark === 0) continue;
    for (let edge = mark - 1; edge < edges.length && edgeBuckets[edge] === bucket; edge++) if (values[index]! < edges[edge]!) below[edge]! += 1;
  }
}

/** How many values lie in a bucket. */
export const countIn = ({ sums }: NumericProfile, bucket: number): number => sums[3 * bucket]!;

/** Every value of the bucket is its edge itself, as those of whole numbers often are. */
export const allAtEdge = ({ sums }: NumericProfile, bucket: number): boolean => sums[3 * bucket + 1]! + sums[3 * bucket + 2]! === 0;

/** The profile of all parts together. @throws RangeError when their layouts differ */
export function mergeProfiles(parts: readonly NumericProfile[]): NumericProfile {
  const [head] = parts;
  if (!head) throw new RangeError('there is no profile to merge');
  const whole = emptyProfile(head.layout, head.bins);
  for (const part of parts) {
    if (!sameLayout(part, head)) throw new RangeError('profiles of different layouts cannot be merged: make them all with the layout of the baseline');
    for (const field of COUNTED) whole[field] += part[field];
    whole.least = Math.min(whole.least, part.least);
    whole.greatest = Math.max(whole.greatest, part.greatest);
    for (const field of ['sums', 'below'] as const) addTo(whole[field], part[field]);
  }
  return whole;
}

function sameLayout(one: NumericProfile, other: NumericProfile): boolean {
  if (one.layout === other.layout && one.bins === other.bins) return true;
  const [edges, others] = [one.bins?.edges ?? [], other.bins?.edges ?? []];
  return one.layout.shift.every((shift, cell) => shift === other.layout.shift[cell]) && edges.length === others.length && edges.every((edge, index) => edge === others[index]);
}

function addTo(whole: Float64Array, part: Float64Array): void {
  for (let index = 0; index < whole.length; index++) whole[index]! += part[index]!;
}

/** Values that order has a place for: all but the missing. */
export const presentIn = ({ finite, minusInfinity, plusInfinity }: NumericProfile): number => finite + minusInfinity + plusInfinity;

/**
 * The values that lie in the wanted buckets, bucket by bucket, each bucket's in ascending order.
 * @param wanted [buckets + 1] 1 where a bucket's values are wanted; the last one is never
 */
export function valuesIn(profile: NumericProfile, { values, buckets }: ColumnValues, wanted: Uint8Array): BucketValues {
  const { sums, layout: { buckets: last } } = profile;
  const starts = new Int32Array(last + 1);
  let total = 0;
  for (let bucket = 0; bucket < last; bucket++) {
    starts[bucket] = total;
    if (wanted[bucket] !== 0) total += sums[3 * bucket]!;
  }
  starts[last] = total;
  const gathered = new Float64Array(total);
  gather(values, buckets, wanted, starts.slice(), gathered);
  for (let bucket = 0; bucket < last; bucket++) if (starts[bucket + 1]! - starts[bucket]! > 1) sort(gathered.subarray(starts[bucket], starts[bucket + 1]));
  return { starts, values: gathered };
}

/** @param next where the next value of each bucket goes */
function gather(values: Float64Array, buckets: Int32Array, wanted: Uint8Array, next: Int32Array, gathered: Float64Array): void {
  for (let index = 0; index < values.length; index++) {
    const bucket = buckets[index]!;
    if (wanted[bucket] !== 0) gathered[next[bucket]!++] = values[index]!;
  }
}

/** Most buckets of many values hold one value many times. */
function sort(values: Float64Array): void {
  for (let index = 1; index < values.length; index++) if (values[index] !== values[0]) return void values.sort();
}

/** Values of some buckets: those of bucket b are values[starts[b]] … values[starts[b + 1] − 1], ascending. */
export interface BucketValues {
  /** [buckets + 1] */
  readonly starts: Int32Array;
  readonly values: Float64Array;
}
