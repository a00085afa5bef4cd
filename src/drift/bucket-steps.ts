import { type NumericProfile, presentIn } from './numeric-profile.js';

/** Two profiles of one layout, F of the baseline and G of the window. */
export interface ProfilePair {
  readonly baseline: NumericProfile;
  readonly window: NumericProfile;
  /** Present values of each. */
  readonly rows: number;
  readonly otherRows: number;
  /** Of both sides. */
  readonly least: number;
  readonly greatest: number;
}

export const pairOf = (baseline: NumericProfile, window: NumericProfile): ProfilePair => ({
  baseline, window, rows: presentIn(baseline), otherRows: presentIn(window), least: Math.min(baseline.least, window.least), greatest: Math.max(baseline.greatest, window.greatest),
});

/** F − G after so many values of each side. */
export const differenceOf = ({ rows, otherRows }: ProfilePair, count: number, other: number): number => count / rows - other / otherRows;

/** The buckets where F or G rises, or between which they differ, in order. */
export interface BucketSteps {
  readonly length: number;
  /** [length] */
  readonly buckets: Int32Array;
  /** [length + 1] how many values of each side lie before a step's bucket */
  readonly before: Float64Array;
  readonly otherBefore: Float64Array;
  /** The largest |F − G| at an edge of a bucket. */
  readonly largest: number;
}

export function bucketSteps(pair: ProfilePair): BucketSteps {
  const { baseline, window, rows, otherRows, least, greatest } = pair;
  const { buckets: last, edges } = baseline.layout;
  const [counts, others] = [baseline.counts, window.counts];
  const buckets = new Int32Array(last);
  const before = new Float64Array(last + 1);
  const otherBefore = new Float64Array(last + 1);
  let length = 0;
  let count = baseline.minusInfinity;
  let other = window.minusInfinity;
  let largest = Math.abs(differenceOf(pair, count, other));
  for (let bucket = 0; bucket < last; bucket++) {
    const rise = counts[bucket]!;
    const otherRise = others[bucket]!;
    if (rise === 0 && otherRise === 0 && (edges[bucket + 1]! <= least || edges[bucket]! > greatest || count * otherRows === other * rows)) continue;
    buckets[length] = bucket;
    before[length] = count;
    otherBefore[length] = other;
    count += rise;
    other += otherRise;
    length += 1;
    before[length] = count;
    otherBefore[length] = other;
    largest = Math.max(largest, Math.abs(differenceOf(pair, count, other)));
  }
  return { length, buckets, before, otherBefore, largest };
}

/** What F − G lies between inside a step's bucket. */
export const highestIn = ({ rows, otherRows }: ProfilePair, { before, otherBefore }: BucketSteps, step: number): number => before[step + 1]! / rows - otherBefore[step]! / otherRows;
export const lowestIn = ({ rows, otherRows }: ProfilePair, { before, otherBefore }: BucketSteps, step: number): number => before[step]! / rows - otherBefore[step + 1]! / otherRows;

/** Where only one side rises, the largest |F − G| is at an edge. */
export const bothRise = ({ before, otherBefore }: BucketSteps, step: number): boolean => before[step] !== before[step + 1] && otherBefore[step] !== otherBefore[step + 1];

/** A bucket's end, where values end within it. */
export const endOf = ({ baseline, greatest }: ProfilePair, bucket: number): number => Math.min(baseline.layout.edges[bucket + 1]!, greatest);

export const hasInfinities = ({ baseline, window }: ProfilePair): boolean => baseline.minusInfinity + baseline.plusInfinity + window.minusInfinity + window.plusInfinity > 0;
