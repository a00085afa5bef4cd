import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FeatureDrift } from '../contracts/feature-drift.js';
import { categoryDrift, type CategoryProfile, mergeCategories } from './category-drift.js';

interface Case {
  readonly reference: Readonly<Record<string, number>>;
  readonly current: Readonly<Record<string, number>>;
  readonly expected: Pick<FeatureDrift, 'psi' | 'jensenShannon' | 'chiSquared'>;
}

const { categories } = JSON.parse(readFileSync(new URL('./reference/distances.json', import.meta.url), 'utf8')) as { readonly categories: Readonly<Record<string, Case>> };
const profile = (counts: Readonly<Record<string, number>>, missing = 0): CategoryProfile => ({ counts: new Map(Object.entries(counts)), missing });

function expectClose(found: number | null | undefined, expected: number | null | undefined): void {
  if (expected === null || expected === undefined) expect(found ?? null).toBeNull();
  else expect(Math.abs(found! - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
}

describe('figures of a category, beside SciPy', () => {
  it.each(Object.entries(categories))('%s', (_, { reference, current, expected }) => {
    const found = categoryDrift('c', profile(reference), profile(current));
    expectClose(found.psi, expected.psi);
    expectClose(found.jensenShannon, expected.jensenShannon);
    expectClose(found.chiSquared?.statistic, expected.chiSquared?.statistic);
    expectClose(found.chiSquared?.pValue, expected.chiSquared?.pValue);
    expect(found.chiSquared?.degreesOfFreedom).toBe(expected.chiSquared?.degreesOfFreedom);
  });
});

describe('categories', () => {
  it('that the baseline has not are named, the most frequent first', () => {
    const found = categoryDrift('c', profile({ a: 5 }, 2), profile({ a: 5, y: 1, z: 3, x: 1 }, 4));
    expect(found.newCategories).toEqual([{ value: 'z', rows: 3 }, { value: 'x', rows: 1 }, { value: 'y', rows: 1 }]);
    expect(found).toMatchObject({ newCategoryCount: 3, newCategoryRows: 5, baseline: { rows: 7, missing: 2 }, window: { rows: 14, missing: 4 } });
  });

  it('of parts add up', () => {
    const whole = mergeCategories([profile({ a: 1, b: 2 }, 1), profile({ b: 3, c: 4 }), profile({})]);
    expect(whole).toEqual(profile({ a: 1, b: 5, c: 4 }, 1));
  });
});
