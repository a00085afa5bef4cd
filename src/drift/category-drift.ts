import type { ColumnCounts, FeatureDrift } from '../contracts/feature-drift.js';
import { jensenShannonDistance, populationStabilityIndex } from './binned-distance.js';
import { chiSquaredTest } from './chi-squared.js';

/** Rows by category; profiles of parts add up. */
export interface CategoryProfile {
  readonly counts: ReadonlyMap<string, number>;
  readonly missing: number;
}

const SHOWN_NEW = 20;

export function mergeCategories(parts: readonly CategoryProfile[]): CategoryProfile {
  const counts = new Map<string, number>();
  for (const part of parts) for (const [value, rows] of part.counts) counts.set(value, (counts.get(value) ?? 0) + rows);
  return { counts, missing: parts.reduce((sum, { missing }) => sum + missing, 0) };
}

/** All figures of a category, over those of both sides in the order of their text. */
export function categoryDrift(name: string, baseline: CategoryProfile, window: CategoryProfile): FeatureDrift {
  const known = [...baseline.counts.keys()].sort();
  const added = [...window.counts].filter(([value]) => !baseline.counts.has(value)).sort(([one, rows], [other, others]) => others - rows || (one < other ? -1 : 1));
  const categories = [...known, ...added.map(([value]) => value)];
  const [reference, current] = [baseline, window].map(({ counts }) => categories.map((value) => counts.get(value) ?? 0)) as [number[], number[]];
  return {
    name, type: 'category', baseline: columnCounts(baseline), window: columnCounts(window),
    psi: populationStabilityIndex(reference, current), jensenShannon: jensenShannonDistance(reference, current),
    ks: null, wasserstein: null, chiSquared: chiSquaredTest(reference, current),
    bins: { edges: null, categories, baseline: reference, window: current },
    newCategories: added.slice(0, SHOWN_NEW).map(([value, rows]) => ({ value, rows })), newCategoryCount: added.length,
    newCategoryRows: added.reduce((sum, [, rows]) => sum + rows, 0),
  };
}

function columnCounts({ counts, missing }: CategoryProfile): ColumnCounts {
  const rows = [...counts.values()].reduce((sum, count) => sum + count, missing);
  return { rows, missing, infinite: 0, least: null, greatest: null, mean: null, median: null };
}
