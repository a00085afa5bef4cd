import { describe, expect, it } from 'vitest';
import { countSlower, emptyBuckets, LATENCY_BOUNDS_MS, latencyBucket, latencyQuantile } from './latency-buckets.js';

describe('the buckets of latencies', () => {
  it('are the preferred numbers R10 from 0.1 ms to 10 s, rising', () => {
    expect(LATENCY_BOUNDS_MS.slice(0, 11)).toEqual([0.1, 0.125, 0.16, 0.2, 0.25, 0.315, 0.4, 0.5, 0.63, 0.8, 1]);
    expect(LATENCY_BOUNDS_MS.at(-1)).toBe(10_000);
    expect(LATENCY_BOUNDS_MS).toEqual([...LATENCY_BOUNDS_MS].sort((a, b) => a - b));
    expect(LATENCY_BOUNDS_MS).toContain(250);
    for (const [at, bound] of LATENCY_BOUNDS_MS.slice(1).entries()) expect(bound / LATENCY_BOUNDS_MS[at]!).toBeLessThan(1.3);
  });

  it('hold their upper bound, and everything beyond the last one', () => {
    for (const [at, bound] of LATENCY_BOUNDS_MS.entries()) {
      expect(latencyBucket(bound)).toBe(at);
      expect(latencyBucket(bound * 1.000_001)).toBe(at + 1);
    }
    expect(latencyBucket(0)).toBe(0);
    expect(latencyBucket(1e9)).toBe(emptyBuckets().length - 1);
  });

  it('tell how many were slower, and quantiles', () => {
    const buckets = emptyBuckets();
    for (const ms of [0.05, 1, 249, 250, 251, 400, 20_000]) buckets[latencyBucket(ms)]! += 1;
    expect(countSlower(buckets, 250)).toBe(3);
    // 251 may be below or above 300: it is not counted.
    expect(countSlower(buckets, 300)).toBe(2);
    expect([0, 0.5, 0.8, 1].map((share) => latencyQuantile(buckets, share))).toEqual([0.1, 250, 400, Infinity]);
    expect(latencyQuantile(emptyBuckets(), 0.5)).toBeNull();
  });
});
