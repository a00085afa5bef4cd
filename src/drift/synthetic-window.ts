import type { WindowFinding } from '../contracts/window-summary.js';
import { comparisonLoss } from '../spec/comparison-loss.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';

/** Half of the rows break a limit; one that allows more than this cannot be broken so surely. */
const BREAKABLE_SHARE = 0.4;
/** Of the largest loss that is counted. */
const BREAKABLE_LOSS = 0.95;
/** No 32-bit number lies far beyond it. */
const LARGEST_BOUND = 1e38;
const UNLISTED = 'not in any list';

/** `good`: everything is as the spec has it; `bad`: every limit is broken that can be. */
export type Quality = 'good' | 'bad';

/** A limit of the spec that the bad window breaks. */
export type BrokenLimit = Pick<WindowFinding, 'check' | 'feature'>;

/** A value as the model takes it: a number, a category by its place, or the text of one that the spec does not list; NaN is missing. */
export type MadeUpValue = number | { readonly unknown: string };

/** What of the spec the bad window breaks. Empty: there is no limit that a window could be held against. */
export function brokenLimits(spec: ModelSpec): BrokenLimit[] {
  const features = spec.serving.observe.inputs ? spec.data.features.flatMap(brokenBy) : [];
  return breaksLoss(spec) ? [...features, { check: 'loss', feature: null }] : features;
}

function brokenBy(feature: FeatureSpec): BrokenLimit[] {
  const { name } = feature;
  const limits: BrokenLimit[] = feature.maxMissing < BREAKABLE_SHARE ? [{ check: 'missing', feature: name }] : [];
  if (feature.type === 'category') return feature.maxUnknown < BREAKABLE_SHARE ? [...limits, { check: 'unknown', feature: name }] : limits;
  return outsideOf(feature) === undefined ? limits : [...limits, { check: 'outOfRange', feature: name }];
}

function breaksLoss(spec: ModelSpec): boolean {
  const { bound } = comparisonLoss(spec);
  const limit = spec.monitoring.maximumLoss;
  return limit !== undefined && bound !== undefined && limit < BREAKABLE_LOSS * bound;
}

/**
 * In a bad window every second value is missing where the spec limits that, and the others lie beyond their bounds or lists.
 * @param row 0, 1, …
 */
export function madeUpValue(feature: FeatureSpec, quality: Quality, row: number): MadeUpValue {
  if (quality === 'good') return goodValue(feature);
  if (feature.maxMissing < BREAKABLE_SHARE && row % 2 === 0) return NaN;
  return feature.type === 'category' ? { unknown: unlistedText(feature) } : (outsideOf(feature) ?? goodValue(feature));
}

/** 0, 1, 0, 1, …: a class, and as good as any other number. */
export const madeUpLabel = (row: number): number => row % 2;

/** The answer to a row: right in a good window, in a bad one as far from the label as is counted. */
export function madeUpOutput(spec: ModelSpec, quality: Quality, row: number): number {
  const label = madeUpLabel(row);
  if (quality === 'good') return label;
  const { metric, bound = 1 } = comparisonLoss(spec);
  return metric === 'absoluteError' ? label + bound : 1 - label;
}

function goodValue(feature: FeatureSpec): number {
  if (feature.type === 'category') return 0;
  const { min, max } = feature;
  return min !== undefined && max !== undefined ? min / 2 + max / 2 : (min ?? max ?? 0);
}

const unlistedText = ({ categories }: Extract<FeatureSpec, { type: 'category' }>): string =>
  categories.includes(UNLISTED) ? `${UNLISTED}: ${categories.join(' ')}` : UNLISTED;

/** A number beyond the bounds; undefined where there are none, or where nothing lies beyond them. */
function outsideOf({ min, max }: Extract<FeatureSpec, { type: 'number' }>): number | undefined {
  if (max !== undefined && max <= LARGEST_BOUND) return max + Math.abs(max) + 1;
  return min !== undefined && min >= -LARGEST_BOUND ? min - Math.abs(min) - 1 : undefined;
}
