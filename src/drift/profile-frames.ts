import { binsAt } from './numeric-bins.js';
import { addProfile, emptyProfile, type NumericProfile } from './numeric-profile.js';
import { type CutCells, cutCellsOf, layoutOf } from './value-buckets.js';

/** What profiles that are to be merged or compared have in common. */
export interface ProfileFrame extends CutCells {
  /** Of the bins whose counts are kept exactly: the deciles of the baseline. */
  readonly edges: readonly number[];
}

export const frameOf = ({ layout, bins }: NumericProfile): ProfileFrame => ({ ...cutCellsOf(layout), edges: [...(bins?.edges ?? [])] });

/** A profile of no value. @throws RangeError for cells that cannot be cut so */
export function profileIn(frame: ProfileFrame): NumericProfile {
  const layout = layoutOf(frame);
  return emptyProfile(layout, binsAt(layout, frame.edges));
}

const FACTS = ['finite', 'missing', 'minusInfinity', 'plusInfinity', 'least', 'greatest'] as const;
/** Bucket, count and the two parts of the sum. */
const ENTRY = 4;

/** What a profile counted, without its frame: the facts (−0 as 0), how many edges and filled buckets there are, and those. Equal profiles give equal numbers. @throws RangeError for one without sums */
export function countsOf(profile: NumericProfile): Float64Array {
  const { counts, sums, below } = profile;
  if (!sums) throw new RangeError('a profile without sums cannot be kept');
  const filled = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  const told = Float64Array.of(...FACTS.map((fact) => profile[fact] + 0), below.length, filled);
  const whole = new Float64Array(told.length + below.length + ENTRY * filled);
  whole.set(told);
  whole.set(below, told.length);
  let at = told.length + below.length;
  counts.forEach((count, bucket) => {
    if (count === 0) return;
    whole.set([bucket, count, sums[2 * bucket]!, sums[2 * bucket + 1]!], at);
    at += ENTRY;
  });
  return whole;
}

/** How many of `numbers` from `at` on are one profile's. */
export const countsLength = (numbers: Float64Array, at: number): number => FACTS.length + 2 + numbers[at + FACTS.length]! + ENTRY * numbers[at + FACTS.length + 1]!;

/** Adds what {@link countsOf} a profile of the same frame told. @throws RangeError as {@link addProfile}, and for numbers that no profile of this frame told */
export function addCounts(whole: NumericProfile, numbers: Float64Array): void {
  const part = emptyProfile(whole.layout, whole.bins);
  const begin = FACTS.length + 2;
  if (numbers.length !== countsLength(numbers, 0) || numbers[FACTS.length] !== part.below.length) throw new RangeError('these are not the counts of a profile with this frame');
  FACTS.forEach((fact, index) => (part[fact] = numbers[index]!));
  part.below.set(numbers.subarray(begin, begin + part.below.length));
  for (let at = begin + part.below.length; at < numbers.length; at += ENTRY) {
    const bucket = numbers[at]!;
    part.counts[bucket] = numbers[at + 1]!;
    part.sums!.set(numbers.subarray(at + 2, at + ENTRY), 2 * bucket);
  }
  addProfile(whole, part);
}
