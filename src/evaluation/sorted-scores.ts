/** About so many scores share a bucket where they are spread evenly. */
const SCORES_A_BUCKET = 8;
const MOST_BUCKETS = 1 << 16;

/**
 * Where a score stands among sorted ones. Buckets of equal width say where to look, then a binary search: a million searches
 * through the whole array would mostly wait for memory. Scores that crowd into few buckets cost no more than that.
 */
export class SortedScores {
  private readonly buckets: number;
  private readonly least: number;
  private readonly scale: number;
  /** For each bucket how many scores lie in the ones before it; one more entry at the end, for all of them. */
  private readonly starts: Int32Array;

  /** @param sorted ascending, at least one, no NaN */
  constructor(private readonly sorted: Float64Array) {
    this.least = sorted[0]!;
    const span = sorted.at(-1)! - this.least;
    const divisible = span > 0 && Number.isFinite(span);
    this.buckets = divisible ? Math.min(MOST_BUCKETS, Math.ceil(sorted.length / SCORES_A_BUCKET)) : 1;
    this.scale = divisible ? Math.min(this.buckets / span, Number.MAX_VALUE) : 0;
    this.starts = new Int32Array(this.buckets + 1);
    for (let index = 0; index < sorted.length; index++) this.starts[this.bucketOf(sorted[index]!) + 1]! += 1;
    for (let bucket = 0; bucket < this.buckets; bucket++) this.starts[bucket + 1]! += this.starts[bucket]!;
  }

  /** Twice the number of scores that are smaller than x, and once those that are equal. */
  twiceBelow(x: number): number {
    const bucket = this.bucketOf(x);
    const end = this.starts[bucket + 1]!;
    const smaller = this.firstFrom(x, this.starts[bucket]!, end, false);
    return this.sorted[smaller] === x ? smaller + this.firstFrom(x, smaller, end, true) : 2 * smaller;
  }

  /** Never falls as x rises, so that a score of a lower bucket is smaller than x, and equal ones share a bucket. */
  private bucketOf(x: number): number {
    if (this.buckets === 1) return 0;
    return Math.floor(Math.min(this.buckets - 1, Math.max(0, (x - this.least) * this.scale)));
  }

  /** The index of the first score in [low, high) that is not smaller than x, or with `past` that is greater; `high` if none is. */
  private firstFrom(x: number, low: number, high: number, past: boolean): number {
    while (low < high) {
      const middle = (low + high) >>> 1;
      const value = this.sorted[middle]!;
      if (value < x || (past && value === x)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
