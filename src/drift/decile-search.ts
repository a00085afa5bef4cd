import { BIN_SHARES, binsAt, type InsideBuckets, quantilePlaces, quantilesAt, underBins } from './numeric-bins.js';
import type { NumericProfile } from './numeric-profile.js';
import { bucketOf, type BucketLayout } from './value-buckets.js';

/** How far from a sample's quantile that of all values is looked for, in standard deviations of its rank: rows that lie beside each other are often alike. */
const SEARCHED_DEVIATIONS = 6;
/** Values that are kept at most. */
const KEPT_VALUES = 2_000_000;

/** Keeps the values of some buckets as a column comes by, so that its deciles are known at its end. Of a bucket's most usual value, often its first, the count is enough. */
export class DecileSearch {
  private readonly near: Uint8Array;
  /** [buckets] The first value that was seen, NaN before. */
  private readonly first: Float64Array;
  private kept = new Float64Array(1_024);
  private length = 0;

  private constructor(private readonly layout: BucketLayout) {
    this.near = new Uint8Array(layout.buckets + 1);
    this.first = new Float64Array(layout.buckets).fill(NaN);
  }

  /** Near the deciles of a sample. */
  static near(layout: BucketLayout, sample: Float64Array): DecileSearch {
    const search = new DecileSearch(layout);
    const values = sample.filter((value) => Number.isFinite(value)).sort();
    const last = values.length - 1;
    for (const share of last < 0 ? [] : BIN_SHARES) {
      const reach = SEARCHED_DEVIATIONS * Math.sqrt(share * (1 - share) * values.length);
      const [low, high] = [share * last - reach, share * last + reach].map((rank) => bucketOf(layout, values[Math.round(Math.min(last, Math.max(0, rank)))]!)) as [number, number];
      search.near.fill(1, low, high + 1);
    }
    return search;
  }

  /** In the buckets of the profile's deciles. */
  static at(profile: NumericProfile): DecileSearch {
    const search = new DecileSearch(profile.layout);
    for (const bucket of quantilePlaces(profile, BIN_SHARES).buckets) search.near[bucket] = 1;
    return search;
  }

  /** @param buckets of the values */
  add(values: Float64Array, buckets: Int32Array): void {
    const { near, first } = this;
    for (let index = 0; index < values.length; index++) {
      const bucket = buckets[index]!;
      if (near[bucket] === 0) continue;
      const value = values[index]!;
      const usual = first[bucket]!;
      if (Number.isNaN(usual)) first[bucket] = value;
      else if (value !== usual) this.keep(value);
    }
  }

  /** The profile of the values under their deciles as bins; null where a decile lies where nothing was kept. */
  underDeciles(profile: NumericProfile): NumericProfile | null {
    const places = quantilePlaces(profile, BIN_SHARES);
    if (places.buckets.some((bucket) => this.near[bucket] === 0)) return null;
    const inside = this.inside(profile, new Set(places.buckets));
    return underBins(profile, binsAt(this.layout, quantilesAt(places, inside)), inside);
  }

  private keep(value: number): void {
    if (this.length === KEPT_VALUES) return this.giveUp();
    if (this.length === this.kept.length) {
      const larger = new Float64Array(Math.min(KEPT_VALUES, 2 * this.length));
      larger.set(this.kept);
      this.kept = larger;
    }
    this.kept[this.length++] = value;
  }

  private giveUp(): void {
    this.near.fill(0);
    this.kept = new Float64Array(0);
  }

  private inside({ counts }: NumericProfile, wanted: ReadonlySet<number>): InsideBuckets {
    const others = new Map([...wanted].map((bucket): [number, number[]] => [bucket, []]));
    for (const value of this.kept.subarray(0, this.length)) others.get(bucketOf(this.layout, value))?.push(value);
    const known = new Map([...others].map(([bucket, values]) => [bucket, new OrderedBucket(Float64Array.from(values).sort(), this.first[bucket]!, counts[bucket]! - values.length)]));
    return {
      valueAt: (bucket, place) => known.get(bucket)?.valueAt(place) ?? NaN,
      countBelow: (bucket, value) => known.get(bucket)?.countBelow(value) ?? 0,
    };
  }
}

/** Values in order, of which one occurs many times. */
class OrderedBucket {
  private readonly before: number;

  /** @param others ascending, none equal to `usual` */
  constructor(private readonly others: Float64Array, private readonly usual: number, private readonly times: number) {
    this.before = lowerCount(others, usual);
  }

  valueAt(place: number): number {
    if (place < this.before) return this.others[place]!;
    return place < this.before + this.times ? this.usual : this.others[place - this.times]!;
  }

  countBelow(value: number): number {
    return lowerCount(this.others, value) + (this.usual < value ? this.times : 0);
  }
}

function lowerCount(ascending: Float64Array, value: number): number {
  const found = ascending.findIndex((one) => one >= value);
  return found === -1 ? ascending.length : found;
}
