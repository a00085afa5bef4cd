import type { NumericBins } from './numeric-bins.js';
import { type BucketLayout, tallyCounts, tallyDistances } from './value-buckets.js';

/**
 * What is kept of a numeric column: how many of its values lie in each bucket of a layout, and the exact sum of their
 * distances from the bucket's edge. All of it is whole numbers, so that profiles of parts add up to the profile of the whole in
 * whatever order they are merged, up to 2³² values.
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
  /** [buckets] how many values */
  readonly counts: Uint32Array;
  /**
   * [buckets, 2] the sum of the values' distances from the bucket's edge in units of the spacing of doubles there, as two
   * numbers: the first × 2³² + the second, which is below 2³². Null where the values themselves are at hand.
   */
  readonly sums: Float64Array | null;
}

/** A column's values and the bucket of each; a layout's number of buckets where a value is not finite. */
export interface ColumnValues {
  readonly values: Float64Array;
  readonly buckets: Int32Array;
  /** Of the finite values. */
  readonly sum: number;
}

export const emptyProfile = (layout: BucketLayout, bins: NumericBins | null): NumericProfile => profileOf(layout, bins, new Uint32Array(layout.buckets), new Float64Array(2 * layout.buckets));

/** All profiles have one shape, of which compiled code is sure. */
function profileOf(layout: BucketLayout, bins: NumericBins | null, counts: Uint32Array, sums: Float64Array | null): NumericProfile {
  return { layout, bins, below: new Float64Array(bins?.edges.length ?? 0), finite: 0, missing: 0, minusInfinity: 0, plusInfinity: 0, least: Infinity, greatest: -Infinity, counts, sums };
}

/** The same counts under bins that were not known when the values were added. */
export function withBins(profile: NumericProfile, bins: NumericBins, below: Float64Array): NumericProfile {
  const binned = profileOf(profile.layout, bins, profile.counts, profile.sums);
  binned.below.set(below);
  for (const field of COUNTED) binned[field] = profile[field];
  binned.least = profile.least;
  binned.greatest = profile.greatest;
  return binned;
}

const COUNTED = ['finite', 'missing', 'minusInfinity', 'plusInfinity'] as const;

/** Adds values to a profile; NaN is missing. @param visit is told the values and the bucket of each, some at a time */
export function addValues(profile: NumericProfile, values: Float64Array, visit?: (values: Float64Array, buckets: Int32Array) => void): void {
  const { bins, sums } = profile;
  let uncarried = 0;
  inStretches(values, ROOM, (some, buckets) => {
    count(profile, some, buckets, 0);
    if (bins) tallyBelow(some, buckets, bins, profile.below);
    visit?.(some, buckets);
    uncarried += some.length;
    if (!sums || uncarried < CARRIED_AFTER) return;
    carry(sums);
    uncarried = 0;
  });
  if (sums) carry(sums);
}

/** So many values in one bucket leave the second part of its sum exact. */
const CARRIED_AFTER = 2 ** 20;
const WORD = 2 ** 32;

/** Brings what the second part of each sum holds beyond a word into the first. */
function carry(sums: Float64Array): void {
  for (let index = 1; index < sums.length; index += 2) {
    if (sums[index]! < WORD) continue;
    const words = Math.floor(sums[index]! / WORD);
    sums[index - 1]! += words;
    sums[index]! -= words * WORD;
  }
}

/** A profile for values that are kept beside it: without their sums. @param buckets is overwritten; as long as the values at least */
export function countValues(layout: BucketLayout, values: Float64Array, buckets: Int32Array = new Int32Array(values.length)): { readonly profile: NumericProfile; readonly column: ColumnValues } {
  const profile = profileOf(layout, null, new Uint32Array(layout.buckets), null);
  let sum = 0;
  inStretches(values, buckets, (some, theirs) => {
    sum = count(profile, some, theirs, sum);
  });
  return { profile, column: { values, buckets, sum } };
}

/** So many values stay in the processor's cache while they are worked on. */
const STRETCH = 4_096;
const FIRST_STRETCH = 64;
const ROOM = new Int32Array(STRETCH);

/**
 * Hands over a column piece by piece, a short one first: a loop that has not ended once before it is compiled leaves its compiled code at its end, each
 * time, and one that is compiled while it runs for the first time may come out at half of its speed.
 * @param buckets as long as the values, or for one piece only: then each gets the same
 */
export function inStretches(values: Float64Array, buckets: Int32Array, work: (values: Float64Array, buckets: Int32Array) => void): void {
  for (let from = 0, size = FIRST_STRETCH; from < values.length; from += size, size = STRETCH) {
    const until = Math.min(from + size, values.length);
    work(values.subarray(from, until), buckets.length < values.length ? buckets : buckets.subarray(from, until));
  }
}

/** @param buckets is written @returns the sum with that of the finite values */
function count(profile: NumericProfile, values: Float64Array, buckets: Int32Array, sum: number): number {
  const facts = Float64Array.of(profile.least, profile.greatest, profile.missing, profile.minusInfinity, profile.plusInfinity, sum);
  const before = absent(profile);
  if (profile.sums) tallyDistances(profile.layout, values, buckets, profile.counts, facts, profile.sums);
  else tallyCounts(profile.layout, values, buckets, profile.counts, facts);
  profile.least = facts[0]!;
  profile.greatest = facts[1]!;
  profile.missing = facts[2]!;
  profile.minusInfinity = facts[3]!;
  profile.plusInfinity = facts[4]!;
  profile.finite += values.length - (absent(profile) - before);
  return facts[5]!;
}

const absent = ({ missing, minusInfinity, plusInfinity }: NumericProfile): number => missing + minusInfinity + plusInfinity;

function tallyBelow(values: Float64Array, buckets: Int32Array, { marks, edges, buckets: edgeBuckets }: NumericBins, below: Float64Array): void {
  for (let index = 0; index < values.length; index++) {
    const bucket = buckets[index]!;
    const mark = marks[bucket]!;
    if (mark === 0) continue;
    for (let edge = mark - 1; edge < edges.length && edgeBuckets[edge] === bucket; edge++) if (values[index]! < edges[edge]!) below[edge]! += 1;
  }
}

/** The profile of all parts together. @throws RangeError as {@link addProfile}, and where there is no part */
export function mergeProfiles(parts: readonly NumericProfile[]): NumericProfile {
  const [head] = parts;
  if (!head) throw new RangeError('there is no profile to merge');
  const whole = emptyProfile(head.layout, head.bins);
  for (const part of parts) addProfile(whole, part);
  return whole;
}

/** Adds what a part counted. @throws RangeError when their layouts differ, one has no sums, or a bucket's count could pass what it holds */
export function addProfile(whole: NumericProfile, part: NumericProfile): void {
  if (!sameLayout(part, whole)) throw new RangeError('profiles of different layouts cannot be merged: make them all with the layout of the baseline');
  if (!part.sums || !whole.sums) throw new RangeError('a profile without sums cannot be merged');
  if (whole.finite + part.finite > MOST_VALUES) throw new RangeError(`profiles of more than ${MOST_VALUES} values of a column cannot be merged`);
  for (const field of COUNTED) whole[field] += part[field];
  whole.least = Math.min(whole.least, part.least);
  whole.greatest = Math.max(whole.greatest, part.greatest);
  for (let bucket = 0; bucket < whole.counts.length; bucket++) whole.counts[bucket]! += part.counts[bucket]!;
  addTo(whole.sums, part.sums);
  carry(whole.sums);
  addTo(whole.below, part.below);
}

/** All of them may lie in one bucket. */
const MOST_VALUES = WORD - 1;

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
