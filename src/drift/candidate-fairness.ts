import { sensitivityOf } from '../contracts/masking.js';
import type { FairnessFigures } from '../contracts/window-assessment-report.js';
import type { ProtectedColumn } from '../evaluation/fairness-groups.js';
import type { ScoredRows } from '../evaluation/scoring.js';
import type { SliceColumn } from '../evaluation/slices.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { protectedFeatures, windowFairness } from './window-fairness.js';

type Judged = Pick<ScoredRows, 'predictions' | 'labels' | 'eventTimesMs' | 'slices'>;

/** The spec by which rows are scored so that protected groups can be told apart: each protected column is a slice as well. */
export function slicedByGroups<S extends Pick<ModelSpec, 'evaluation' | 'fairness'>>(spec: S): S {
  return { ...spec, evaluation: { ...spec.evaluation, slices: [...new Set([...spec.evaluation.slices, ...(spec.fairness?.groups ?? [])])] } };
}

/** The slices that the spec asks for, without those that were read for the groups alone. */
export const plannedSlices = (rows: ScoredRows, { evaluation }: Pick<ModelSpec, 'evaluation'>): ScoredRows =>
  ({ ...rows, slices: rows.slices.filter(({ column }) => evaluation.slices.includes(column)) });

/**
 * The first test for bias: how a candidate's decisions and errors differ between protected groups on the rows that judge it, measured and held against the
 * limits as in a window (window-fairness.ts). Groups are those of a window, but that a category has one for each of its 50 most frequent values alone.
 * @param rows scored by {@link slicedByGroups} @returns null where the spec names no protected column
 */
export function candidateFairness(rows: Judged, spec: Pick<ModelSpec, 'data' | 'evaluation' | 'fairness'>): FairnessFigures | null {
  const { fairness: section, evaluation: { threshold, alpha } } = spec;
  if (!section) return null;
  const protectedColumns = protectedFeatures(spec).flatMap((feature) => {
    const slice = rows.slices.find(({ column }) => column === feature.name);
    return slice ? [protectedColumn(feature, slice)] : [];
  });
  const { predictions: outputs, labels, eventTimesMs } = rows;
  return windowFairness({ outputs, labels, eventTimesMs, protectedColumns }, { section, threshold, alpha, labelsDue: true, sensitivity: sensitivityOf(spec) })?.figures ?? null;
}

/** What is missing comes after the named values of a slice, and the rest after that. Values that the spec does not list are of no known group. */
function protectedColumn(feature: FeatureSpec, { column, values, codes }: SliceColumn): ProtectedColumn {
  const named = values.slice(0, values.indexOf(null)) as string[];
  const groups = feature.type === 'category' ? feature.categories : named;
  const groupOf = Int32Array.from(values, (value, code) => (code < named.length ? groups.indexOf(value as string) : -1));
  return { column, groups, codes: codes.map((code) => groupOf[code]!) };
}
