import type { ColumnValues, NumericProfile } from './numeric-profile.js';

/** Values of some buckets: those of bucket b are values[starts[b]] … values[starts[b + 1] − 1], ascending. */
export interface BucketValues {
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
export function gatherValues({ layout: { buckets: last }, counts }: NumericProfile, { values, buckets }: ColumnValues, wanted: Uint8Array, signedEdges: Float64Array): BucketValues {
  const starts = new Int32Array(last + 1);
  let total = 0;
  for (let bucket = 0; bucket < last; bucket++) {
    starts[bucket] = total;
    if (wanted[bucket] !== 0) total += counts[bucket]!;
  }
  starts[last] = total;
  const gathered = new Float64Array(total);
  const next = starts.slice();
  let signedOffsets = 0;
  for (let index = 0; index < values.length; index++) {
    const bucket = buckets[index]!;
    if (bucket === last) continue;
    signedOffsets += signedEdges[2 * bucket]! * (values[index]! - signedEdges[2 * bucket + 1]!);
    if (wanted[bucket] !== 0) gathered[next[bucket]!++] = values[index]!;
  }
  for (let bucket = 0; bucket < last; bucket++) if (starts[bucket + 1]! - starts[bucket]! > 1) sort(gathered.subarray(starts[bucket], starts[bucket + 1]));
  return { starts, values: gathered, signedOffsets };
}

/** Most buckets of many values hold one value many times. */
function sort(values: Float64Array): void {
  for (let index = 1; index < values.length; index++) if (values[index] !== values[0]) return void values.sort();
}
