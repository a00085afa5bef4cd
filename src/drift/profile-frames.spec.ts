import { describe, expect, it } from 'vitest';
import { seededRandom } from '../observations/testing/random-observations.js';
import { profileBaseline } from './numeric-drift.js';
import { addValues, type NumericProfile } from './numeric-profile.js';
import { addCounts, countsOf, frameOf, profileIn } from './profile-frames.js';
import { bucketOf } from './value-buckets.js';

const SEED = Math.floor(Math.random() * 2 ** 31);
const uniform = seededRandom(SEED);
const ROWS = 20_000;

/** Heavy tails, ties, negative ones too, zeros of both signs, and what is missing or infinite. */
const values = Float64Array.from({ length: ROWS }, () => {
  const drawn = uniform();
  if (drawn < 0.1) return [NaN, Infinity, -Infinity, -0, 0, -1.1, 7][Math.floor(70 * drawn)]!;
  return Math.fround((uniform() < 0.5 ? -1 : 1) * Math.exp(6 * uniform() - 3));
});

const frame = frameOf(profileBaseline(values.subarray(0, ROWS / 4)));

function counted(some: Float64Array): NumericProfile {
  const profile = profileIn(frame);
  addValues(profile, some);
  return profile;
}

/** Rows in any order, in parts of any size, some of them empty. */
function partitioned(): Float64Array[] {
  const order = values.slice();
  for (let last = ROWS - 1; last > 0; last--) {
    const other = Math.floor(uniform() * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  const cuts = [0, ...Array.from({ length: 7 }, () => Math.floor(uniform() * ROWS)), ROWS].sort((one, other) => one - other);
  return [...cuts.slice(1).map((until, part) => order.subarray(cuts[part], until)), new Float64Array(0)];
}

const bytesOf = (profile: NumericProfile): string => Buffer.from(countsOf(profile).buffer).toString('base64');

describe('counts of a profile', () => {
  it(`are the same bytes whatever the parts and their order (seed ${SEED})`, () => {
    const whole = bytesOf(counted(values));
    for (let turn = 0; turn < 20; turn++) {
      const merged = profileIn(JSON.parse(JSON.stringify(frame)) as typeof frame);
      for (const part of partitioned()) addCounts(merged, countsOf(counted(part)));
      expect(bytesOf(merged)).toBe(whole);
    }
  });

  it('stay exact where millions of values lie in one bucket', () => {
    const ROWS_OF_ONE = 2 ** 22 + 1;
    const value = Math.fround(-1.1);
    const constant = new Float64Array(ROWS_OF_ONE).fill(value);
    const part = counted(constant);
    const merged = profileIn(frame);
    for (const some of [constant.subarray(0, 1_000), constant.subarray(1_000)]) addCounts(merged, countsOf(counted(some)));
    const { edges, spacing } = part.layout;
    const bucket = bucketOf(part.layout, value);
    const distance = BigInt(Math.round((value - edges[bucket]!) / spacing[bucket]!));
    const sumOf = ({ sums }: NumericProfile): bigint => BigInt(sums![2 * bucket]!) * 2n ** 32n + BigInt(sums![2 * bucket + 1]!);
    expect([part.counts[bucket], sumOf(part), sumOf(merged)]).toEqual([ROWS_OF_ONE, distance * BigInt(ROWS_OF_ONE), distance * BigInt(ROWS_OF_ONE)]);
    expect(bytesOf(merged)).toBe(bytesOf(part));
  });

  it('of another frame, or cut off, are not added', () => {
    const other = countsOf(profileBaseline(Float64Array.of(1, 1, 1)));
    expect(() => addCounts(profileIn(frame), other)).toThrow(/not the counts of a profile with this frame/);
    expect(() => addCounts(profileIn(frame), countsOf(counted(values)).slice(0, -1))).toThrow(RangeError);
  });

  it('are refused where a bucket could pass what it holds', () => {
    const counts = countsOf(counted(values));
    counts[0] = 2 ** 32 - 1;
    expect(() => addCounts(counted(values), counts)).toThrow(/more than 4294967295 values/);
  });
});
