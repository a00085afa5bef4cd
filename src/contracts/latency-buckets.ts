/**
 * Upper bounds in milliseconds, each included, of the buckets in which latencies are counted; one bucket more holds what
 * is slower. They are the preferred numbers R10 of ISO 3, ten a decade from 0.1 ms to 10 s, so that a quantile is off by a
 * quarter at most and 250 ms is a bound.
 */
export const LATENCY_BOUNDS_MS: readonly number[] = Array.from({ length: 51 }, (_, index) => {
  const preferred = [1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8][index % 10]!;
  return Number((preferred * 10 ** (Math.floor(index / 10) - 1)).toPrecision(3));
});

/** Counts of latencies: one a bound, and one for what is slower than all of them. */
export const emptyBuckets = (): number[] => new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0);

/** The place of the bucket that a latency falls into. */
export function latencyBucket(ms: number): number {
  let [low, high] = [0, LATENCY_BOUNDS_MS.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ms <= LATENCY_BOUNDS_MS[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** How many were certainly slower; exact where `ms` is one of the bounds, otherwise those of its own bucket are not counted. */
export const countSlower = (buckets: readonly number[], ms: number): number =>
  buckets.slice(latencyBucket(ms) + 1).reduce((sum, count) => sum + count, 0);

/**
 * The bound that the quantile lies below.
 * @returns null without any latency; infinity beyond the last bound
 */
export function latencyQuantile(buckets: readonly number[], share: number): number | null {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let upTo = 0;
  const place = buckets.findIndex((count) => (upTo += count) >= share * total && upTo > 0);
  return LATENCY_BOUNDS_MS[place] ?? Infinity;
}
