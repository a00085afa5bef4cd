import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FeatureDrift } from '../contracts/feature-drift.js';
import { withRoughDeciles } from './numeric-bins.js';
import { numericDrift, profileBaseline, profiledDrift } from './numeric-drift.js';
import { addValues, emptyProfile, mergeProfiles, type NumericProfile } from './numeric-profile.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { cutCellsOf, layoutFor, layoutOf } from './value-buckets.js';

interface Case {
  readonly reference: readonly (number | string)[];
  readonly current: readonly (number | string)[];
  readonly expected: Pick<FeatureDrift, 'psi' | 'jensenShannon'> & { readonly edges?: readonly number[]; readonly ks: { readonly statistic: number; readonly pValue: number } | null; readonly wasserstein: number | null };
}

const { numbers } = JSON.parse(readFileSync(new URL('./reference/distances.json', import.meta.url), 'utf8')) as { readonly numbers: Readonly<Record<string, Case>> };
const valuesOf = (written: Case['reference']): Float64Array => Float64Array.from(written, Number);

function expectClose(found: number | null | undefined, expected: number | null | undefined, what: string): void {
  if (expected === null || expected === undefined) expect(found ?? null, what).toBeNull();
  else expect(Math.abs(found! - expected), `${what}: ${found} for ${expected}`).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
}

const drift = (reference: Float64Array, current: Float64Array): FeatureDrift => numericDrift('x', reference, current);

describe('figures of a number, beside SciPy and NumPy', () => {
  it.each(Object.entries(numbers))('%s', (_, { reference, current, expected }) => {
    const found = drift(valuesOf(reference), valuesOf(current));
    expectClose(found.psi, expected.psi, 'PSI');
    expectClose(found.jensenShannon, expected.jensenShannon, 'Jensen–Shannon');
    expectClose(found.ks?.statistic, expected.ks?.statistic, 'KS');
    expectClose(found.ks?.pValue, expected.ks?.pValue, 'p-value');
    expectClose(found.wasserstein?.distance, expected.wasserstein, 'Wasserstein');
    if (expected.edges) expect(found.bins.edges).toEqual(expected.edges);
    expect([found.ks?.error ?? 0, found.wasserstein?.error ?? 0]).toEqual([0, 0]);
  });

  it('counts what has no value, what is infinite, and the rest', () => {
    const { baseline, window } = drift(Float64Array.from([NaN, 1, 2, 3, Infinity]), Float64Array.from([NaN, NaN, -Infinity, 4]));
    expect(baseline).toMatchObject({ rows: 5, missing: 1, infinite: 1, least: 1, greatest: 3, mean: 2, median: 2 });
    expect(window).toMatchObject({ rows: 4, missing: 2, infinite: 1, least: 4, greatest: 4, mean: 4 });
  });
});

/** Shapes that fill buckets unevenly: heavy tails, ties, and a cluster that no cell divides. */
const SHAPES: Readonly<Record<string, (uniform: () => number) => number>> = {
  'heavy tails': (uniform) => Math.exp(8 * (uniform() - 0.5)) * Math.sign(uniform() - 0.4),
  ties: (uniform) => Math.round(20 * uniform() ** 2) / 10 - 1,
  'one cluster': (uniform) => 3e9 + uniform() / 1_024,
  'a point and a cloud': (uniform) => (uniform() < 0.7 ? 0.1 : uniform()),
};

function sample(shape: (uniform: () => number) => number, rows: number, seed: number, shift = 0): Float64Array {
  const uniform = seededRandom(seed);
  return Float64Array.from({ length: rows }, () => (uniform() < 0.02 ? NaN : shape(uniform) + shift));
}

/** Sorts everything. */
function slowly(reference: Float64Array, current: Float64Array): { ks: number; wasserstein: number } {
  const [one, other] = [reference, current].map((values) => values.filter((value) => !Number.isNaN(value)).sort()) as [Float64Array, Float64Array];
  const places = Float64Array.from(new Set([...one, ...other])).sort();
  let [at, atOther, ks, wasserstein] = [0, 0, 0, 0];
  places.forEach((place, index) => {
    while (at < one.length && one[at]! <= place) at += 1;
    while (atOther < other.length && other[atOther]! <= place) atOther += 1;
    const difference = Math.abs(at / one.length - atOther / other.length);
    ks = Math.max(ks, difference);
    if (index + 1 < places.length) wasserstein += difference * (places[index + 1]! - place);
  });
  return { ks, wasserstein };
}

describe.each(Object.entries(SHAPES))('figures of 20,000 rows, %s', (_, shape) => {
  const reference = sample(shape, 20_000, 1);
  const current = sample(shape, 16_000, 2, 0.0001);
  const exact = slowly(reference, current);

  it('are those of sorting everything', () => {
    const found = drift(reference, current);
    expect(Math.abs(found.ks!.statistic - exact.ks)).toBeLessThan(1e-12);
    expect(Math.abs(found.wasserstein!.distance - exact.wasserstein)).toBeLessThan(1e-9 * Math.max(1e-3, exact.wasserstein));
  });

  it('lie within their error where values were not held', () => {
    const baseline = profileBaseline(reference);
    const found = profiledDrift('x', baseline, profiled(baseline, current));
    expect(Math.abs(found.ks!.statistic - exact.ks)).toBeLessThanOrEqual(found.ks!.error + 1e-12);
    expect(Math.abs(found.wasserstein!.distance - exact.wasserstein)).toBeLessThanOrEqual(found.wasserstein!.error + 1e-9);
    expect(found.ks!.error + found.wasserstein!.error).toBeGreaterThan(0);
    const counted = [...found.bins.edges!, Infinity].map((edge, bin) => current.filter((value) => value < edge && value >= (found.bins.edges![bin - 1] ?? -Infinity)).length);
    expect(found.bins.window).toEqual(counted);
    const known = drift(reference, current);
    for (const figure of ['least', 'greatest', 'rows', 'missing'] as const) expect(found.window[figure]).toBe(known.window[figure]);
    expect(Math.abs(found.window.mean! / known.window.mean! - 1)).toBeLessThan(1e-9);
  });

  it('are the same from eight files that were profiled by four workers, merged in any order', () => {
    const baseline = profileBaseline(reference);
    // As it comes back from a file: a layout of its own.
    const layout = layoutOf(cutCellsOf(baseline.layout));
    const parts = Array.from({ length: 8 }, (_, part) => profiled({ ...baseline, layout }, current.slice(part * 2_000, (part + 1) * 2_000)));
    const whole = profiled(baseline, current);
    const pairs = [0, 2, 4, 6].map((part) => mergeProfiles(parts.slice(part, part + 2)));
    for (const merged of [mergeProfiles(parts), mergeProfiles([...parts].reverse()), mergeProfiles([pairs[3]!, mergeProfiles(pairs.slice(0, 3))])]) {
      expect(profiledDrift('x', baseline, merged)).toEqual(profiledDrift('x', baseline, whole));
      expect(sameBits(merged.sums!, whole.sums!) && sameBits(merged.counts, whole.counts) && sameBits(merged.below, whole.below)).toBe(true);
    }
  });
});

const sameBits = (one: Float64Array | Uint32Array, other: Float64Array | Uint32Array): boolean => Buffer.from(one.buffer).equals(Buffer.from(other.buffer));

function profiled({ layout, bins }: NumericProfile, values: Float64Array): NumericProfile {
  const profile = emptyProfile(layout, bins);
  addValues(profile, values);
  return profile;
}

describe('profiles', () => {
  it('of different layouts are not merged', () => {
    const one = profileBaseline(Float64Array.from([1, 2, 3]));
    const other = profileBaseline(Float64Array.from([1_000, 2_000]));
    expect(() => mergeProfiles([one, other])).toThrow(/layout of the baseline/);
    expect(() => mergeProfiles([])).toThrow(RangeError);
  });

  it('without values take the edges of buckets as deciles', () => {
    const values = sample((uniform) => uniform(), 50_000, 3);
    const profile = emptyProfile(layoutFor(values), null);
    addValues(profile, values);
    const rough = withRoughDeciles(profile);
    expect([...rough.bins!.edges].every((edge, index) => Math.abs(edge - (index + 1) / 10) < 0.01)).toBe(true);
    expect(profiledDrift('x', rough, profiled(rough, values))).toMatchObject({ psi: 0, jensenShannon: 0 });
  });
});
