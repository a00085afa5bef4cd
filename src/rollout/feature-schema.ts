import type { FeatureSpec } from '../spec/model-spec.js';

/**
 * Why a version that was made for one list of features cannot answer requests made for another: callers may send rows
 * without names, so order, types and the codes of categories must be the same. Categories may have been added at the end.
 * @returns undefined where it can
 */
export function featureMismatch(made: readonly FeatureSpec[], today: readonly FeatureSpec[]): string | undefined {
  if (made.length !== today.length) return `it takes ${made.length} features, and the spec in force has ${today.length}`;
  const index = made.findIndex((feature, place) => !matches(feature, today[place] as FeatureSpec));
  if (index < 0) return undefined;
  return `its feature ${index} is ${described(made[index] as FeatureSpec)}, and the spec in force has ${described(today[index] as FeatureSpec)}`;
}

function matches(made: FeatureSpec, today: FeatureSpec): boolean {
  if (made.name !== today.name || made.type !== today.type) return false;
  if (made.type !== 'category' || today.type !== 'category') return true;
  const [shorter, longer] = made.categories.length <= today.categories.length ? [made.categories, today.categories] : [today.categories, made.categories];
  return shorter.every((category, code) => category === longer[code]);
}

const described = (feature: FeatureSpec): string =>
  `${feature.name} (${feature.type}${feature.type === 'category' ? ` of ${feature.categories.length}` : ''})`;
