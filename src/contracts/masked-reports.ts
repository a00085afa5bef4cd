import type { EvaluationResult } from './evaluations.js';
import type { ColumnCounts, FeatureDrift } from './feature-drift.js';
import { roundingOf, type Sensitivity, type ValueNames, valueNames } from './masking.js';
import type { SliceMetrics } from './verdict.js';
import type { AttributionFigures, FairnessFigures, FairnessGrouping, FeatureAttribution, WindowAssessmentReport } from './window-assessment-report.js';
import type { UpstreamFault, WindowDriftReport } from './window-drift.js';

/** What slices gather whose values are too many. */
const OTHERS = '(others)';

/** Metrics by slice, the values of sensitive columns by their pseudonyms. */
export function maskedSlices<T extends Pick<SliceMetrics, 'column' | 'value'>>(slices: readonly T[], sensitivity: Sensitivity): T[] {
  const names = new Map<string, ValueNames>();
  return slices.map((slice) => {
    const { column, value } = slice;
    if (value === null || value === OTHERS || !sensitivity.columns.has(column)) return slice;
    const nameOf = names.get(column) ?? valueNames(column, sensitivity);
    names.set(column, nameOf);
    return { ...slice, value: nameOf(value) };
  });
}

/** Every figure of an evaluation, with slices and groups of sensitive columns by their pseudonyms. */
export const maskedEvaluation = (result: EvaluationResult, sensitivity: Sensitivity): EvaluationResult =>
  ({ ...result, slices: maskedSlices(result.slices, sensitivity), ...(result.fairness && { fairness: maskedFairness(result.fairness, sensitivity) }) });

/** The inputs of a window beside the baseline: sensitive categories by their pseudonyms, of sensitive numbers no single row's value and edges rounded. Figures of the comparison stay. */
export const maskedDrift = (report: WindowDriftReport, sensitivity: Sensitivity): WindowDriftReport =>
  ({ ...report, features: report.features.map((feature) => maskedFeature(feature, sensitivity)), faults: maskedFaults(report.faults, sensitivity) });

function maskedFeature(feature: FeatureDrift, sensitivity: Sensitivity): FeatureDrift {
  if (!sensitivity.columns.has(feature.name)) return feature;
  const { baseline, window, bins, newCategories } = feature;
  const nameOf = valueNames(feature.name, sensitivity);
  const round = roundingOf([...(bins.edges ?? []), baseline.mean, window.mean]);
  const counts = (side: ColumnCounts): ColumnCounts => ({ ...side, least: null, greatest: null, mean: round(side.mean), median: round(side.median) });
  return {
    ...feature, baseline: counts(baseline), window: counts(window),
    bins: { ...bins, edges: bins.edges?.map((edge) => round(edge)) ?? null, categories: bins.categories?.map(nameOf) ?? null },
    newCategories: newCategories.map(({ value, rows }) => ({ value: nameOf(value), rows })),
  };
}

/** Faults whose sentences tell values of sensitive columns say the same without them. */
export const maskedFaults = (faults: readonly UpstreamFault[], { columns }: Sensitivity): UpstreamFault[] =>
  faults.map((fault) => (fault.features.some((name) => columns.has(name)) ? { ...fault, because: withoutValues(fault) } : fault));

function withoutValues({ kind, features: [name], unit, because }: UpstreamFault): string {
  if (kind === 'frozen') return `${name} has one value in all rows, and many in the baseline; which one is not shown (data.sensitive).`;
  if (kind === 'unitChange') return `${name} is close to its baseline once the change ${unit} is taken back; by how much it moved is not shown (data.sensitive).`;
  return because;
}

/** Every figure of an assessment, with slices, groups and bins of sensitive columns by their pseudonyms. A report that is masked stays as it is. */
export const maskedAssessment = (report: WindowAssessmentReport, sensitivity: Sensitivity): WindowAssessmentReport => ({
  ...report,
  quality: report.quality && { ...report.quality, slices: maskedSlices(report.quality.slices, sensitivity) },
  attribution: report.attribution && maskedAttribution(report.attribution, sensitivity),
  fairness: report.fairness && maskedFairness(report.fairness, sensitivity),
});

const maskedAttribution = (attribution: AttributionFigures, sensitivity: Sensitivity): AttributionFigures =>
  ({ ...attribution, features: attribution.features.map((feature) => (sensitivity.columns.has(feature.name) ? maskedBins(feature, sensitivity) : feature)) });

function maskedBins(feature: FeatureAttribution, sensitivity: Sensitivity): FeatureAttribution {
  const nameOf = valueNames(feature.name, sensitivity);
  const round = roundingOf(feature.bins.flatMap(({ from, until }) => [from, until]));
  return { ...feature, bins: feature.bins.map((bin) => ({ ...bin, from: round(bin.from), until: round(bin.until), category: bin.category === null ? null : nameOf(bin.category) })) };
}

/** What checks say names groups: where one of these was not masked when it was written, the verdict alone is left. */
function maskedFairness({ groupings, checks }: FairnessFigures, sensitivity: Sensitivity): FairnessFigures {
  const all = groupings.map((grouping) => maskedGrouping(grouping, sensitivity));
  const told = all.some(({ groups }, index) => groups.some(({ group }, place) => group.join() !== groupings[index]!.groups[place]!.group.join()));
  return { groupings: all, checks: told ? checks.map((check) => ({ ...check, explanation: `${check.name}: ${check.verdict}; its groups are not shown (data.sensitive)` })) : checks };
}

function maskedGrouping(grouping: FairnessGrouping, sensitivity: Sensitivity): FairnessGrouping {
  const names = grouping.columns.map((column) => valueNames(column, sensitivity));
  const groupOf = (group: readonly string[]): string[] => group.map((value, column) => names[column]!(value));
  const disparities = Object.entries(grouping.disparities).map(([name, found]) => [name, found && { ...found, highest: groupOf(found.highest), lowest: groupOf(found.lowest) }] as const);
  return { ...grouping, groups: grouping.groups.map((group) => ({ ...group, group: groupOf(group.group) })), disparities: Object.fromEntries(disparities) };
}
