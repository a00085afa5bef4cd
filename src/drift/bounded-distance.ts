import { bothRise, bucketSteps, differenceOf, endOf, hasInfinities, highestIn, lowestIn, pairOf, type ProfilePair } from './bucket-steps.js';
import type { NumericDistance } from './exact-distance.js';
import type { NumericProfile } from './numeric-profile.js';

/**
 * The distances of two profiles whose values are gone, each with an error that it cannot pass. At the buckets' edges F and G are known. Inside a bucket
 * |F − G| is bounded by what they rise there, and where its sign cannot change its integral follows from the sums.
 * @returns null where a side has no present value @throws RangeError for profiles without sums
 */
export function boundedDistance(baseline: NumericProfile, window: NumericProfile): NumericDistance | null {
  const pair = pairOf(baseline, window);
  if (pair.rows === 0 || pair.otherRows === 0) return null;
  const steps = bucketSteps(pair);
  let [most, leastArea, mostArea] = [steps.largest, 0, 0];
  for (let step = 0; step < steps.length; step++) {
    const bucket = steps.buckets[step]!;
    const [highest, lowest] = [highestIn(pair, steps, step), lowestIn(pair, steps, step)];
    const peak = Math.max(highest, -lowest);
    const jumps = allAtEdge(baseline, bucket) && allAtEdge(window, bucket);
    const area = Math.abs(netArea(pair, bucket, differenceOf(pair, steps.before[step + 1]!, steps.otherBefore[step + 1]!)));
    leastArea += area;
    mostArea += highest > 0 && lowest < 0 && !jumps ? Math.max(area, peak * (endOf(pair, bucket) - Math.max(baseline.layout.edges[bucket]!, pair.least))) : area;
    if (!jumps && bothRise(steps, step)) most = Math.max(most, peak);
  }
  const between = (least: number, greatest: number): { value: number; error: number } => ({ value: least + (greatest - least) / 2, error: (greatest - least) / 2 });
  return { ks: between(steps.largest, most), wasserstein: hasInfinities(pair) ? null : between(leastArea, mostArea) };
}

/** ∫(F − G) over a bucket = (F − G at its end) × width − Σ(x − its begin) ÷ rows, of F less of G. */
function netArea(pair: ProfilePair, bucket: number, right: number): number {
  const { edges, spacing } = pair.baseline.layout;
  const offsets = (distances(pair.baseline, bucket) / pair.rows - distances(pair.window, bucket) / pair.otherRows) * spacing[bucket]!;
  return (right === 0 ? 0 : right * (endOf(pair, bucket) - edges[bucket]!)) - offsets;
}

/** The sum of the distances from the bucket's edge, in units of the spacing. */
const distances = (profile: NumericProfile, bucket: number): number => sumsOf(profile)[2 * bucket]! * WORD + sumsOf(profile)[2 * bucket + 1]!;
const WORD = 2 ** 32;

/** Every value of the bucket is its edge itself, as those of whole numbers often are: F and G jump there and nowhere else. */
const allAtEdge = (profile: NumericProfile, bucket: number): boolean => distances(profile, bucket) === 0;

function sumsOf({ sums }: NumericProfile): Float64Array {
  if (!sums) throw new RangeError('the profile was made without sums');
  return sums;
}

/** Of a profile's finite values; NaN where there is none. */
export function meanOf(profile: NumericProfile): number {
  const { layout: { buckets, edges, spacing }, counts, finite } = profile;
  let mean = finite === 0 ? NaN : 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const count = counts[bucket]!;
    if (count > 0) mean += (edges[bucket]! * count + distances(profile, bucket) * spacing[bucket]!) / finite;
  }
  return mean;
}
