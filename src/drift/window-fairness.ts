import { type Sensitivity, valueNames } from '../contracts/masking.js';
import type { FairnessFigures, FairnessGrouping } from '../contracts/window-assessment-report.js';
import type { WindowFinding } from '../contracts/window-summary.js';
import { decisionsAt, type FairnessMeasurement, measureFairness } from '../evaluation/fairness.js';
import type { ProtectedColumn } from '../evaluation/fairness-groups.js';
import { type FairnessCheck, judgeFairness } from '../evaluation/fairness-verdict.js';
import { timeBlocks } from '../evaluation/time-blocks.js';
import type { FairnessSection } from '../spec/fairness-section.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { YEAR_MS } from './alarm-budget.js';
import type { ServedRows } from './served-rows.js';

export interface WindowFairness {
  readonly figures: FairnessFigures;
  /** One for each limit that the window breaks. */
  readonly findings: readonly WindowFinding[];
}

export interface FairnessTerms {
  readonly section: FairnessSection;
  /** The probability from which a row's decision is 1. */
  readonly threshold: number;
  /** The chance of a false finding where the section gives none; of a false alarm, in a year of windows. */
  readonly alpha: number;
  /** Of the window; rows that judge a candidate are none, and raise no alarm. */
  readonly lengthMs?: number;
  /** Groups of sensitive columns go by their pseudonyms. */
  readonly sensitivity: Sensitivity;
  /** Before that labels are passed over: those that have come are of the decisions that were quick to show. */
  readonly labelsDue: boolean;
}

/** The features by which the spec tells groups apart. */
export const protectedFeatures = ({ data, fairness }: Pick<ModelSpec, 'data' | 'fairness'>): readonly FeatureSpec[] =>
  data.features.filter(({ name }) => fairness?.groups.includes(name));

/**
 * How a window's decisions, and the errors of those with a label, differ between protected groups (evaluation/fairness.ts). Rows without an
 * output decided nothing and are left out. Rows of a block of event time go together. The checks, one a limit and grouping, share the error rate
 * (Bonferroni), so that all of their intervals hold together. A finding is an alarm where it stands at the share of the error rate that one look at the window
 * has of a year's, two looks a window: false alarms of a year are then at most the error rate, however short windows are. A protected column whose inputs were not kept has only rows of unknown group:
 * what it is held against is inconclusive.
 * @returns null where none of the protected columns was kept
 */
export function windowFairness(
  rows: Pick<ServedRows, 'outputs' | 'labels' | 'eventTimesMs' | 'protectedColumns'>, { section, threshold, alpha, lengthMs, labelsDue, sensitivity }: FairnessTerms,
): WindowFairness | null {
  if (rows.protectedColumns.length === 0) return null;
  const { groups, crossings, favourable, leastGroupRows, limits } = section;
  const answered = Int32Array.from(rows.outputs.keys()).filter((row) => !Number.isNaN(rows.outputs[row]!));
  const checks = Math.max(1, Object.keys(limits).length * (groups.length + crossings.length));
  const served = {
    decisions: decisionsAt(Float32Array.from(answered, (row) => rows.outputs[row]!), threshold),
    labels: labelsDue ? Float64Array.from(answered, (row) => rows.labels[row]!) : null,
    blocks: timeBlocks(Float64Array.from(answered, (row) => rows.eventTimesMs[row]!)),
    columns: groups.map((name) => columnOf(rows.protectedColumns, name, answered)).map((column) => ({ ...column, groups: column.groups.map(valueNames(column.column, sensitivity)) })),
  };
  const measuredAt = (level: number): FairnessMeasurement[] => measureFairness(served, { alpha: level / checks, favourable, leastGroupRows, crossings });
  const level = section.alpha ?? alpha;
  const measured = measuredAt(level);
  const judged = measured.map((grouping) => ({ grouping, checks: judgeFairness(grouping, limits) }));
  const isBroken = judged.some(({ checks: found }) => found.some(({ verdict }) => verdict === 'fail'));
  const alarming = isBroken && lengthMs !== undefined ? measuredAt((level * lengthMs) / (LOOKS * YEAR_MS)).map((grouping) => judgeFairness(grouping, limits)) : null;
  return {
    figures: {
      groupings: measured.map(groupingFigures),
      checks: judged.flatMap(({ checks: found }) => found.map(({ name, verdict, explanation }) => ({ name, verdict, explanation }))),
    },
    findings: judged.flatMap(({ grouping, checks: found }, place) => found.flatMap((check) => {
      const finding = findingOf(check, grouping, section);
      if (!finding || !alarming) return finding ?? [];
      return [{ ...finding, alarms: alarming[place]!.some(({ name, verdict }) => name === check.name && verdict === 'fail') }];
    })),
  };
}

/** At a window: as it closes, and when its labels are there. */
const LOOKS = 2;

/** Of a window with an upstream fault: the figures, and no judgement, which would be of the fault. */
export const unjudgedFairness = ({ figures }: WindowFairness): WindowFairness => ({
  figures: { ...figures, checks: figures.checks.map(({ name }) => ({ name, verdict: 'inconclusive', explanation: 'Not judged: the window has an upstream fault.' })) },
  findings: [],
});

function columnOf(kept: readonly ProtectedColumn[], name: string, answered: Int32Array): ProtectedColumn {
  const found = kept.find(({ column }) => column === name);
  if (!found) return { column: name, groups: [], codes: new Int32Array(answered.length).fill(-1) };
  return { column: name, groups: found.groups, codes: answered.map((row) => found.codes[row]!) };
}

const groupingFigures = ({ columns, rows, unknownRows, groups, disparities, undefinedBecause }: FairnessMeasurement): FairnessGrouping =>
  ({ columns, rows, unknownRows, groups, disparities, undefinedBecause });

function findingOf({ verdict, disparity, explanation }: FairnessCheck, { rows, unknownRows, disparities }: FairnessMeasurement, { limits }: FairnessSection): WindowFinding | null {
  const [found, limit] = [disparities[disparity], limits[disparity]];
  if (verdict !== 'fail' || !found || limit === undefined) return null;
  return { check: 'fairness', feature: null, measured: found.value, low: found.low, limit, rows: rows - unknownRows, message: explanation };
}
