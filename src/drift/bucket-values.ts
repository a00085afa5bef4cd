import type { InsideBuckets } from './numeric-bins.js';
import { type ColumnValues, inStretches, type NumericProfile } from './numeric-profile.js';

/** Values of some buckets: those of bucket b are values[starts[b]] … values[starts[b + 1] − 1], ascending. */
export interface BucketValues extends InsideBuckets {
  /** [buckets + 1] */
  readonly starts: Int32Array;
  readonly values: Float64Array;
  /** Σ sign × (value − its bucket's edge), over all finite values. */
  readonly signedOffsets: number;
}

/**
 * Passes once over a column: gathers the values of the wanted buckets, and sums the others' distances from their edges.
 * @param wanted [buckets + 1] not 0 where a bucket's values are wanted; the last one, of what is not finite, is never
 * @param signedEdges [buckets, 2] a sign, −1, 0 or 1, and the bucket's edge
 */
export function gatherValues(profile: NumericProfile, { values, buckets }: ColumnValues, wanted: Uint8Array, signedEdges: Float64Array): BucketValues {
  const last = profile.layout.buckets;
  const starts = startsOf(profile, wanted);
  const gathered = new Float64Array(starts[last]!);
  const next = starts.slice();
  let signedOffsets = 0;
  inStretches(values, buckets, (some, theirs) => {
    signedOffsets = gatherStretch(some, theirs, { last, wanted, signedEdges, next, gathered, signedOffsets });
  });
  sortBuckets(gathered, starts);
  return {
    starts, values: gathered, signedOffsets,
    valueAt: (bucket, place) => gathered[starts[bucket]! + place]!,
    countBelow: (bucket, value) => {
      let at = starts[bucket]!;
      while (at < starts[bucket + 1]! && gathered[at]! < value) at += 1;
      return at - starts[bucket]!;
    },
  };
}

function startsOf({ layout: { buckets }, counts }: NumericProfile, wanted: Uint8Array): Int32Array {
  const starts = new Int32Array(buckets + 1);
  for (let bucket = 0; bucket < buckets; bucket++) starts[bucket + 1] = starts[bucket]! + (wanted[bucket] === 0 ? 0 : counts[bucket]!);
  return starts;
}

interface Gathering {
  /** The bucket of what is not finite. */
  readonly last: number;
  readonly wanted: Uint8Array;
  readonly signedEdges: Float64Array;
  readonly next: Int32Array;
  readonly gathered: Float64Array;
  readonly signedOffsets: number;
}

function gatherStretch(values: Float64Array, buckets: Int32Array, { last, wanted, signedEdges, next, gathered, signedOffsets }: Gathering): number {
  let offsets = signedOffsets;
  for (let index = 0; index < values.length; index++) {
    const bucket = buckets[index]!;
    if (bucket === last) continue;
    offsets += signedEdges[2 * bucket]! * (values[index]! - signedEdges[2 * bucket + 1]!);
    if (wanted[bucket] !== 0) gathered[next[bucket]!++] = values[index]!;
  }
  return offsets;
}

/** Up to this length values are sorted by insertion: the runtime's sort takes longer to be called. */
const SHORT = 96;

function sortBuckets(values: Float64Array, starts: Int32Array): void {
  for (let bucket = 0; bucket + 1 < starts.length; bucket++) sort(values, starts[bucket]!, starts[bucket + 1]!);
}

/** Puts values[from] … values[until − 1] in order. */
function sort(values: Float64Array, from: number, until: number): void {
  if (until - from <= SHORT) return insertionSort(values, from, until);
  // Most buckets of many values hold one value many times.
  for (let index = from + 1; index < until; index++) if (values[index] !== values[from]) return void values.subarray(from, until).sort();
}

function insertionSort(values: Float64Array, from: number, until: number): void {
  for (let index = from + 1; index < until; index++) {
    const value = values[index]!;
    let place = index;
    for (; place > from && values[place - 1]! > value; place--) values[place] = values[place - 1]!;
    values[place] = value;
  }
}
