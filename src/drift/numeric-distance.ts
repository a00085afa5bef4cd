import { allAtEdge, type BucketValues, type ColumnValues, type NumericProfile, presentIn, valuesIn } from './numeric-profile.js';

/** One side of a comparison. */
export interface NumericSide {
  readonly profile: NumericProfile;
  /** The profile's values, where they are at hand: then distances are exact. */
  readonly column?: ColumnValues;
}

/** A figure that lies within `error` of `value`; 0 where it is exact to rounding. */
export interface Bounded {
  readonly value: number;
  readonly error: number;
}

export interface NumericDistance {
  /** Kolmogorov–Smirnov statistic, the largest |F − G|: scipy.stats.ks_2samp's. */
  readonly ks: Bounded;
  /** ∫|F − G| dx in the feature's unit: scipy.stats.wasserstein_distance's; null where a value is infinite. */
  readonly wasserstein: Bounded | null;
}

/**
 * The distances of two empirical distributions F and G over their present values, both profiled with one layout. At the buckets'
 * edges F and G are known. Inside a bucket |F − G| is bounded by what they rise there, and where its sign cannot change its
 * integral follows from the sums; only the buckets that may hold the largest |F − G|, or a change of its sign, are sorted.
 * Without the values those buckets stay in `error`.
 * @returns null where a side has no present value
 */
export function numericDistance(baseline: NumericSide, window: NumericSide): NumericDistance | null {
  const pair: Pair = { baseline: baseline.profile, window: window.profile, rows: presentIn(baseline.profile), otherRows: presentIn(window.profile) };
  if (pair.rows === 0 || pair.otherRows === 0) return null;
  const steps = stepsOf(pair);
  const rough = roughDistance(pair, steps);
  const inside = baseline.column && window.column && rough.uncertainBuckets > 0
    ? { baseline: valuesIn(pair.baseline, baseline.column, rough.uncertain), window: valuesIn(pair.window, window.column, rough.uncertain) } : null;
  const { ks, area } = inside ? refined(pair, steps, rough, inside) : fromEdges(rough);
  return { ks, wasserstein: isFinite(pair.baseline) && isFinite(pair.window) ? area : null };
}

interface Pair {
  readonly baseline: NumericProfile;
  readonly window: NumericProfile;
  readonly rows: number;
  readonly otherRows: number;
}

const isFinite = ({ minusInfinity, plusInfinity }: NumericProfile): boolean => minusInfinity + plusInfinity === 0;
const differenceOf = ({ rows, otherRows }: Pair, count: number, other: number): number => count / rows - other / otherRows;

/** The buckets where F or G rises, or between which they differ, in order. */
interface Steps {
  readonly length: number;
  readonly buckets: Int32Array;
  /** How many values of each side lie before a step's bucket; one more than there are steps. */
  readonly before: Float64Array;
  readonly otherBefore: Float64Array;
}

function stepsOf(pair: Pair): Steps {
  const { baseline, window } = pair;
  const { buckets: last, edges } = baseline.layout;
  const [sums, others] = [baseline.sums, window.sums];
  const [least, greatest] = [Math.min(baseline.least, window.least), Math.max(baseline.greatest, window.greatest)];
  const buckets = new Int32Array(last);
  const before = new Float64Array(last + 1);
  const otherBefore = new Float64Array(last + 1);
  let [length, count, other] = [0, baseline.minusInfinity, window.minusInfinity];
  for (let bucket = 0; bucket < last; bucket++) {
    const rise = sums[3 * bucket]!;
    const otherRise = others[3 * bucket]!;
    if (rise === 0 && otherRise === 0 && (edges[bucket + 1]! <= least || edges[bucket]! > greatest || count * pair.otherRows === other * pair.rows)) continue;
    buckets[length] = bucket;
    before[length] = count;
    otherBefore[length] = other;
    length += 1;
    count += rise;
    other += otherRise;
    before[length] = count;
    otherBefore[length] = other;
  }
  return { length, buckets, before, otherBefore };
}

interface RoughDistance {
  /** The largest |F − G| at an edge, and the largest that it may be. */
  readonly atEdges: number;
  readonly atMost: number;
  /** Of the buckets where the sign of F − G cannot change; of the others at least and at most. */
  readonly certainArea: number;
  readonly leastArea: number;
  readonly mostArea: number;
  /** [buckets + 1] 1 where a bucket must be looked into; 2 where its area is not in `certainArea`. */
  readonly uncertain: Uint8Array;
  readonly uncertainBuckets: number;
}

function roughDistance(pair: Pair, { length, buckets, before, otherBefore }: Steps): RoughDistance {
  const { baseline, window, rows, otherRows } = pair;
  const uncertain = new Uint8Array(baseline.layout.buckets + 1);
  const atEdges = largestAtEdges(pair, { length, buckets, before, otherBefore });
  let [atMost, certainArea, leastArea, mostArea, uncertainBuckets] = [atEdges, 0, 0, 0, 0];
  for (let step = 0; step < length; step++) {
    const bucket = buckets[step]!;
    // F − G lies between these inside the bucket.
    const highest = before[step + 1]! / rows - otherBefore[step]! / otherRows;
    const lowest = before[step]! / rows - otherBefore[step + 1]! / otherRows;
    const most = Math.max(highest, -lowest);
    const area = Math.abs(netArea(pair, bucket, differenceOf(pair, before[step + 1]!, otherBefore[step + 1]!)));
    const jumpsAtEdge = allAtEdge(baseline, bucket) && allAtEdge(window, bucket);
    const bothRise = before[step] !== before[step + 1] && otherBefore[step] !== otherBefore[step + 1];
    const signMayChange = highest > 0 && lowest < 0 && !jumpsAtEdge;
    if (!signMayChange) certainArea += area;
    else {
      leastArea += area;
      mostArea += Math.max(area, most * widthOf(pair, bucket));
    }
    // Where only one side rises, the largest |F − G| is at an edge.
    const peakMayBeInside = most > atEdges && bothRise && !jumpsAtEdge;
    if (peakMayBeInside) atMost = Math.max(atMost, most);
    if (!signMayChange && !peakMayBeInside) continue;
    uncertain[bucket] = signMayChange ? 2 : 1;
    uncertainBuckets += 1;
  }
  return { atEdges, atMost, certainArea, leastArea, mostArea, uncertain, uncertainBuckets };
}

function largestAtEdges(pair: Pair, { length, before, otherBefore }: Steps): number {
  let largest = 0;
  for (let step = 0; step <= length; step++) largest = Math.max(largest, Math.abs(differenceOf(pair, before[step]!, otherBefore[step]!)));
  // Without a finite value on either side there is no step.
  return length > 0 ? largest : Math.abs(differenceOf(pair, pair.baseline.minusInfinity, pair.window.minusInfinity));
}

/** ∫(F − G) over a bucket = (F − G at its end) × width − Σ(x − its begin) ÷ rows, of F less of G. */
function netArea({ baseline, window, rows, otherRows }: Pair, bucket: number, right: number): number {
  const { edges, spacing } = baseline.layout;
  const end = Math.min(edges[bucket + 1]!, Math.max(baseline.greatest, window.greatest));
  const offsets = (distances(baseline, bucket) / rows - distances(window, bucket) / otherRows) * spacing[bucket]!;
  return (right === 0 ? 0 : right * (end - edges[bucket]!)) - offsets;
}

/** The sum of the distances from the bucket's edge, in units of the spacing. */
const distances = ({ sums }: NumericProfile, bucket: number): number => sums[3 * bucket + 1]! * WORD + sums[3 * bucket + 2]!;
const WORD = 2 ** 32;

function widthOf({ baseline, window }: Pair, bucket: number): number {
  const { edges } = baseline.layout;
  return Math.min(edges[bucket + 1]!, Math.max(baseline.greatest, window.greatest)) - Math.max(edges[bucket]!, Math.min(baseline.least, window.least));
}

interface Distances {
  readonly ks: Bounded;
  readonly area: Bounded;
}

function fromEdges({ atEdges, atMost, certainArea, leastArea, mostArea }: RoughDistance): Distances {
  return { ks: middle(atEdges, atMost), area: middle(certainArea + leastArea, certainArea + mostArea) };
}

const middle = (least: number, most: number): Bounded => ({ value: least + (most - least) / 2, error: (most - least) / 2 });

/** Walks the values of the uncertain buckets in order. */
function refined(pair: Pair, { length, buckets, before, otherBefore }: Steps, rough: RoughDistance, inside: InsideValues): Distances {
  let [peak, area] = [rough.atEdges, rough.certainArea];
  for (let step = 0; step < length; step++) {
    const bucket = buckets[step]!;
    if (rough.uncertain[bucket] === 0) continue;
    const found = walkBucket(pair, bucket, before[step]!, otherBefore[step]!, inside);
    peak = Math.max(peak, found.peak);
    if (rough.uncertain[bucket] === 2) area += found.area;
  }
  return { ks: { value: peak, error: 0 }, area: { value: area, error: 0 } };
}

interface InsideValues {
  readonly baseline: BucketValues;
  readonly window: BucketValues;
}

function walkBucket(pair: Pair, bucket: number, before: number, otherBefore: number, { baseline: mine, window: other }: InsideValues): { peak: number; area: number } {
  const { edges } = pair.baseline.layout;
  let [at, atOther, count, otherCount] = [mine.starts[bucket]!, other.starts[bucket]!, before, otherBefore];
  const [end, endOther] = [mine.starts[bucket + 1]!, other.starts[bucket + 1]!];
  let place = Math.max(edges[bucket]!, Math.min(pair.baseline.least, pair.window.least));
  let [peak, area, difference] = [0, 0, differenceOf(pair, count, otherCount)];
  while (at < end || atOther < endOther) {
    const value = Math.min(at < end ? mine.values[at]! : Infinity, atOther < endOther ? other.values[atOther]! : Infinity);
    area += Math.abs(difference) * (value - place);
    for (; at < end && mine.values[at] === value; at++) count += 1;
    for (; atOther < endOther && other.values[atOther] === value; atOther++) otherCount += 1;
    difference = differenceOf(pair, count, otherCount);
    peak = Math.max(peak, Math.abs(difference));
    place = value;
  }
  const last = Math.min(edges[bucket + 1]!, Math.max(pair.baseline.greatest, pair.window.greatest));
  return { peak, area: area + (difference === 0 ? 0 : Math.abs(difference) * (last - place)) };
}
