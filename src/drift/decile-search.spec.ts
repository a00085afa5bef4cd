import { describe, expect, it } from 'vitest';
import { seededRandom } from '../observations/testing/random-observations.js';
import { DecileSearch } from './decile-search.js';
import { numericDrift } from './numeric-drift.js';
import { addValues, emptyProfile, type NumericProfile } from './numeric-profile.js';
import { layoutFor } from './value-buckets.js';

const ROWS = 60_000;
const drawn = (draw: (uniform: () => number) => number, seed = 1): Float64Array => {
  const uniform = seededRandom(seed);
  return Float64Array.from({ length: ROWS }, () => draw(uniform));
};

function searched(search: DecileSearch, values: Float64Array, layout = layoutFor(values)): NumericProfile | null {
  const profile = emptyProfile(layout, null);
  addValues(profile, values, (some, buckets) => search.add(some, buckets));
  return search.underDeciles(profile);
}

/** Those of all values, sorted. */
const decilesOf = (values: Float64Array): readonly number[] => numericDrift('x', values, values).bins.edges!;

const SHAPES: Readonly<Record<string, (uniform: () => number) => number>> = {
  uniform: (uniform) => uniform(),
  'heavy tails': (uniform) => Math.exp(20 * (uniform() - 0.5)) * Math.sign(uniform() - 0.4),
  'mostly nothing': (uniform) => (uniform() < 0.75 ? 0 : uniform()),
  'mostly one value inside a bucket': (uniform) => (uniform() < 0.75 ? 0.1 : 0.1 + (uniform() - 0.5) / 1e6),
  'whole numbers': (uniform) => Math.round(10 * uniform() ** 3),
  'missing and infinite': (uniform) => (uniform() < 0.1 ? NaN : uniform() < 0.05 ? -Infinity : 100 * uniform()),
  constant: () => -3.7,
};

describe('deciles that are searched for while a column comes by', () => {
  it.each(Object.entries(SHAPES))('are those of all values: %s', (_, draw) => {
    const values = drawn(draw);
    const sample = values.filter((_value, index) => index % 8 === 0);
    const layout = layoutFor(sample);
    expect([...searched(DecileSearch.near(layout, sample), values, layout)!.bins!.edges]).toEqual(decilesOf(values));
  });

  it('are not found where the sample was of something else, but in a second reading', () => {
    const values = drawn((uniform) => uniform());
    const elsewhere = Float64Array.from({ length: 4_096 }, (_, index) => 50 + index);
    const layout = layoutFor(elsewhere);
    expect(searched(DecileSearch.near(layout, elsewhere), values, layout)).toBeNull();
    const profile = emptyProfile(layout, null);
    addValues(profile, values);
    expect([...searched(DecileSearch.at(profile), values, layout)!.bins!.edges]).toEqual(decilesOf(values));
  });

  it('are none where no value is finite', () => {
    const values = Float64Array.of(NaN, Infinity, NaN);
    const layout = layoutFor(values);
    expect([...searched(DecileSearch.near(layout, values), values, layout)!.bins!.edges]).toEqual([]);
  });

  it('are given up where too many values would have to be kept', () => {
    const values = drawn((uniform) => 1 + uniform() / 1e9);
    const layout = layoutFor(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const profile = emptyProfile(layout, null);
    const search = DecileSearch.near(layout, Float64Array.of(1, 1, 1, 2, 2, 2, 3, 3, 3));
    for (let turn = 0; turn < 40; turn++) addValues(profile, values, (some, buckets) => search.add(some, buckets));
    expect(search.underDeciles(profile)).toBeNull();
  });
});
