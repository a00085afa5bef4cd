import { bothRise, bucketSteps, type BucketSteps, differenceOf, endOf, hasInfinities, highestIn, lowestIn, pairOf, type ProfilePair } from './bucket-steps.js';
import { type BucketValues, gatherValues } from './bucket-values.js';
import { BIN_SHARES, binsAt, quantilePlaces, quantilesAt, underBins } from './numeric-bins.js';
import type { ColumnValues, NumericProfile } from './numeric-profile.js';

/** One side of a comparison whose values are at hand. */
export interface CountedColumn {
  readonly profile: NumericProfile;
  readonly column: ColumnValues;
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

export interface ExactComparison {
  /** Null where a side has no present value. */
  readonly distance: NumericDistance | null;
  /** Under the deciles of the baseline. */
  readonly baseline: NumericProfile;
  readonly window: NumericProfile;
}

/**
 * The distances of two empirical distributions F and G over their present values, exact to rounding. At the buckets' edges F and G are known. Inside a
 * bucket |F − G| is bounded by what they rise there; where its sign s cannot change, ∫|F − G| = s (right × width − Σ(x − begin) ÷ rows of F less of G). Only
 * buckets that may hold the largest |F − G| or a change of its sign are sorted, and those that hold deciles.
 */
export function exactComparison(baseline: CountedColumn, window: CountedColumn): ExactComparison {
  const pair = pairOf(baseline.profile, window.profile);
  const places = quantilePlaces(pair.baseline, BIN_SHARES);
  const steps = bucketSteps(pair);
  const rough = pair.rows > 0 && pair.otherRows > 0 ? roughly(pair, steps) : nothing(pair);
  const wanted = rough.uncertain.slice();
  for (const bucket of places.buckets) wanted[bucket]! |= DECILE;
  const mine = gatherValues(pair.baseline, baseline.column, wanted, rough.signedEdges);
  const bins = binsAt(pair.baseline.layout, quantilesAt(places, mine));
  const wantedToo = rough.uncertain.slice();
  for (const bucket of bins.buckets) wantedToo[bucket]! |= DECILE;
  const other = gatherValues(pair.window, window.column, wantedToo, rough.signedEdges);
  const distance = pair.rows > 0 && pair.otherRows > 0 ? refined(pair, steps, rough, { mine, other }) : null;
  // Between two of its values that lie beside each other the baseline has none: an edge's bucket was gathered, or nothing of the baseline is in it.
  return { distance, baseline: underBins(pair.baseline, bins, mine), window: underBins(pair.window, bins, other) };
}

/** Why a bucket is looked into. */
const [PEAK, SIGN, DECILE] = [1, 2, 4];

interface Rough {
  /** [buckets + 1] PEAK where the largest |F − G| may be inside, SIGN where its sign may change. */
  readonly uncertain: Uint8Array;
  /** [buckets, 2] the sign of F − G, 0 where it may change, and the bucket's edge beside it in memory. */
  readonly signedEdges: Float64Array;
  /** Σ sign × right × width over the buckets whose sign is certain. */
  readonly rectangles: number;
}

function nothing({ baseline: { layout: { buckets, edges } } }: ProfilePair): Rough {
  const signedEdges = new Float64Array(2 * buckets);
  for (let bucket = 0; bucket < buckets; bucket++) signedEdges[2 * bucket + 1] = edges[bucket]!;
  return { uncertain: new Uint8Array(buckets + 1), signedEdges, rectangles: 0 };
}

function roughly(pair: ProfilePair, steps: BucketSteps): Rough {
  const { uncertain, signedEdges } = nothing(pair);
  const { edges } = pair.baseline.layout;
  let rectangles = 0;
  for (let step = 0; step < steps.length; step++) {
    const bucket = steps.buckets[step]!;
    const highest = highestIn(pair, steps, step);
    const lowest = lowestIn(pair, steps, step);
    if (Math.max(highest, -lowest) > steps.largest && bothRise(steps, step)) uncertain[bucket]! |= PEAK;
    if (highest > 0 && lowest < 0) {
      uncertain[bucket]! |= SIGN;
      continue;
    }
    const sign = highest > 0 ? 1 : lowest < 0 ? -1 : 0;
    const right = differenceOf(pair, steps.before[step + 1]!, steps.otherBefore[step + 1]!);
    signedEdges[2 * bucket] = sign;
    if (right !== 0) rectangles += sign * right * (endOf(pair, bucket) - edges[bucket]!);
  }
  return { uncertain, signedEdges, rectangles };
}

interface InsideValues {
  readonly mine: BucketValues;
  readonly other: BucketValues;
}

/** Walks the values of the uncertain buckets in order. */
function refined(pair: ProfilePair, steps: BucketSteps, { uncertain, rectangles }: Rough, inside: InsideValues): NumericDistance {
  let peak = steps.largest;
  let area = rectangles - (inside.mine.signedOffsets / pair.rows - inside.other.signedOffsets / pair.otherRows);
  for (let step = 0; step < steps.length; step++) {
    const doubt = uncertain[steps.buckets[step]!]!;
    if (doubt === 0) continue;
    const found = walkBucket(pair, steps, step, inside);
    peak = Math.max(peak, found.peak);
    if ((doubt & SIGN) !== 0) area += found.area;
  }
  return { ks: { value: peak, error: 0 }, wasserstein: hasInfinities(pair) ? null : { value: Math.max(0, area), error: 0 } };
}

function walkBucket(pair: ProfilePair, { buckets, before, otherBefore }: BucketSteps, step: number, { mine, other }: InsideValues): { peak: number; area: number } {
  const bucket = buckets[step]!;
  let at = mine.starts[bucket]!;
  let atOther = other.starts[bucket]!;
  let count = before[step]!;
  let otherCount = otherBefore[step]!;
  const [end, endOther] = [mine.starts[bucket + 1]!, other.starts[bucket + 1]!];
  let place = Math.max(pair.baseline.layout.edges[bucket]!, pair.least);
  let difference = differenceOf(pair, count, otherCount);
  let [peak, area] = [0, 0];
  while (at < end || atOther < endOther) {
    const value = Math.min(at < end ? mine.values[at]! : Infinity, atOther < endOther ? other.values[atOther]! : Infinity);
    area += Math.abs(difference) * (value - place);
    for (; at < end && mine.values[at] === value; at++) count += 1;
    for (; atOther < endOther && other.values[atOther] === value; atOther++) otherCount += 1;
    difference = differenceOf(pair, count, otherCount);
    peak = Math.max(peak, Math.abs(difference));
    place = value;
  }
  return { peak, area: difference === 0 ? area : area + Math.abs(difference) * (endOf(pair, bucket) - place) };
}
