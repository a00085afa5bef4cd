import type { Estimate } from '../contracts/verdict.js';
import { countOutcomes, groupingOf, OUTCOMES, type DecidedRows, type Grouping, type OutcomeCounts, type ProtectedColumn } from './fairness-groups.js';
import { groupShares, shareEstimates, type GroupShares } from './group-shares.js';
import { largestDifference, smallestRatio, type ShareDisparity } from './share-disparities.js';

/**
 * Shares of a group's rows. Of all rows: those with the favourable decision and those with the other one. Of rows with
 * label 1, and of rows with label 0: those with decision 1. Of labelled rows: those whose decision is the label.
 */
export type FairnessRate = 'selectionRate' | 'adverseActionRate' | 'truePositiveRate' | 'falsePositiveRate' | 'accuracy';

/** Ratios are the smallest over the largest rate, differences the largest less the smallest. */
export type DisparityName =
  | 'demographicParityRatio' | 'demographicParityDifference' | 'equalizedOddsDifference'
  | 'adverseActionRatio' | 'adverseActionDifference' | 'accuracyDifference';

export interface FairnessRows extends DecidedRows {
  readonly columns: readonly ProtectedColumn[];
}

export interface FairnessOptions {
  /** Intervals are made at confidence 1 − alpha. */
  readonly alpha: number;
  /** The decision that people want: 1 for a loan that is given, 0 for a fraud that is suspected. */
  readonly favourable: 0 | 1;
  /** Smaller groups are in no disparity; 100 unless told. */
  readonly leastGroupRows?: number;
  /** Names of columns to cross, such as [['sex', 'race']]. */
  readonly crossings?: readonly (readonly string[])[];
}

/** Rates are null where no row of the group has what they are a share of. */
export interface GroupFairness extends Readonly<Record<FairnessRate, Estimate | null>> {
  /** Its value in each of the columns. */
  readonly group: readonly string[];
  readonly rows: number;
  readonly labelledRows: number;
  /** Fewer rows than `leastGroupRows`: measured, and compared with no other group. */
  readonly tooSmall: boolean;
}

/** The interval holds at 1 − alpha whichever groups turn out to differ most (share-disparities.ts). */
export interface Disparity extends Estimate {
  readonly low: number;
  readonly high: number;
  readonly rate: FairnessRate;
  readonly highest: readonly string[];
  readonly lowest: readonly string[];
  /** Pairs of groups that were compared, of both rates for the equalized odds. */
  readonly pairs: number;
}

/** Fairness by one protected column, or by several crossed. */
export interface FairnessMeasurement {
  readonly columns: readonly string[];
  readonly alpha: number;
  readonly rows: number;
  /** Of `rows`, those whose group is not known; they are in no group. */
  readonly unknownRows: number;
  readonly groups: readonly GroupFairness[];
  readonly disparities: Readonly<Record<DisparityName, Disparity | null>>;
  /** Why a disparity is null. */
  readonly undefinedBecause: Readonly<Partial<Record<DisparityName, string>>>;
}

const LEAST_GROUP_ROWS = 100;

/** The kinds of rows (fairness-groups.ts) by decision, and by decision and label. */
const [REFUSED, CHOSEN] = [[0, 1, 2], [3, 4, 5]] as const;
const [TRUE_NEGATIVE, FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE] = [1, 2, 4, 5] as const;
const LABELLED = [TRUE_NEGATIVE, FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE] as const;
const ALL = [...REFUSED, ...CHOSEN] as const;

interface Kinds {
  readonly successes: readonly number[];
  readonly trials: readonly number[];
}

const kindsOf = (favourable: 0 | 1): Readonly<Record<FairnessRate, Kinds>> => ({
  selectionRate: { successes: favourable === 1 ? CHOSEN : REFUSED, trials: ALL },
  adverseActionRate: { successes: favourable === 1 ? REFUSED : CHOSEN, trials: ALL },
  truePositiveRate: { successes: [TRUE_POSITIVE], trials: [TRUE_POSITIVE, FALSE_NEGATIVE] },
  falsePositiveRate: { successes: [FALSE_POSITIVE], trials: [FALSE_POSITIVE, TRUE_NEGATIVE] },
  accuracy: { successes: [TRUE_POSITIVE, TRUE_NEGATIVE], trials: LABELLED },
});

/** What each disparity compares. */
const DISPARITIES: Readonly<Record<DisparityName, { readonly kind: 'ratio' | 'difference'; readonly rates: readonly FairnessRate[] }>> = {
  demographicParityRatio: { kind: 'ratio', rates: ['selectionRate'] },
  demographicParityDifference: { kind: 'difference', rates: ['selectionRate'] },
  equalizedOddsDifference: { kind: 'difference', rates: ['truePositiveRate', 'falsePositiveRate'] },
  adverseActionRatio: { kind: 'ratio', rates: ['adverseActionRate'] },
  adverseActionDifference: { kind: 'difference', rates: ['adverseActionRate'] },
  accuracyDifference: { kind: 'difference', rates: ['accuracy'] },
};

/** Whether a limit on the disparity is the least that it may be (a ratio) or the most (a difference). */
export const disparityKind = (name: DisparityName): 'ratio' | 'difference' => DISPARITIES[name].kind;

/**
 * The decision of each row: 1 where its probability is at least the threshold.
 * @throws RangeError for a probability that is NaN, which decides nothing
 */
export function decisionsAt(probabilities: Float32Array | Float64Array, threshold: number): Uint8Array {
  const decisions = new Uint8Array(probabilities.length);
  for (let row = 0; row < decisions.length; row++) {
    if (Number.isNaN(probabilities[row]!)) throw new RangeError(`row ${row} has no probability`);
    decisions[row] = probabilities[row]! >= threshold ? 1 : 0;
  }
  return decisions;
}

/**
 * How decisions and their errors differ between protected groups. Rates equal fairlearn's `MetricFrame` of `selection_rate`,
 * `true_positive_rate` and `false_positive_rate` and scikit-learn's `accuracy_score`; disparities its `demographic_parity_ratio`,
 * `demographic_parity_difference` and `equalized_odds_difference` over the groups that are large enough. Differently from
 * fairlearn, a group without rows of a label has no rate for it, rather than 0, and is not compared in it.
 *
 * A group's interval (group-shares.ts) is its own; a disparity's holds for all pairs of groups together. It does not hold for several
 * disparities or columns together: who decides by k of them divides alpha by k.
 * Labels that come late or only for some decisions make the rates of labelled rows differ from those of all rows.
 * @returns one a column, then one a crossing. A disparity is null, and says why, where a rate is defined for fewer than two groups
 * that are large enough, and a ratio also where the rate is 0 in all of them. Without rows there are no groups.
 * @throws RangeError for inputs of unequal length, decisions other than 0 and 1, labels other than 0, 1 and NaN, negative blocks, a crossing of an
 * unknown column, alpha outside of (0, 1), a least size below 1, and what `groupingOf` throws for
 */
export function measureFairness(rows: FairnessRows, options: FairnessOptions): FairnessMeasurement[] {
  requireValid(rows, options);
  const crossings = (options.crossings ?? []).map((names) => names.map((name) => columnNamed(rows.columns, name)));
  return [...rows.columns.map((column) => [column]), ...crossings].map((columns) => measureGrouping(rows, groupingOf(columns), options));
}

function measureGrouping(rows: FairnessRows, grouping: Grouping, options: FairnessOptions): FairnessMeasurement {
  const counts = countOutcomes(rows, grouping);
  const kinds = kindsOf(options.favourable);
  const shares = mapRates((rate) => {
    const { successes, trials } = kinds[rate];
    return groupShares({ ...counts, successes: rowsOfKinds(counts, successes), trials: rowsOfKinds(counts, trials) });
  });
  const estimates = mapRates((rate) => shareEstimates(shares[rate], [...grouping.groups.keys()], options.alpha));
  const groups = grouping.groups.map((group, index): GroupFairness => {
    const size = shares.selectionRate.trials[index]!;
    const tooSmall = size < (options.leastGroupRows ?? LEAST_GROUP_ROWS);
    return { group, rows: size, labelledRows: shares.accuracy.trials[index]!, tooSmall, ...mapRates((rate) => estimates[rate][index] ?? null) };
  });
  return {
    columns: grouping.columns, alpha: options.alpha, rows: grouping.codes.length, unknownRows: grouping.unknownRows, groups,
    ...disparitiesOf(shares, groups, options.alpha),
  };
}

function disparitiesOf(
  shares: Readonly<Record<FairnessRate, GroupShares>>, groups: readonly GroupFairness[], alpha: number,
): Pick<FairnessMeasurement, 'disparities' | 'undefinedBecause'> {
  const compared = [...groups.keys()].filter((index) => !groups[index]!.tooSmall);
  const disparities: Partial<Record<DisparityName, Disparity | null>> = {};
  const undefinedBecause: Partial<Record<DisparityName, string>> = {};
  for (const [name, { kind, rates }] of Object.entries(DISPARITIES) as [DisparityName, (typeof DISPARITIES)[DisparityName]][]) {
    const all = rates.map((rate) => shares[rate]);
    const found = kind === 'ratio' ? smallestRatio(all[0]!, compared, alpha) : largestDifference(all, compared, alpha);
    disparities[name] = found && named(found, rates, groups);
    if (!found) undefinedBecause[name] = reasonAgainst(rates, groups);
  }
  return { disparities: disparities as Record<DisparityName, Disparity | null>, undefinedBecause };
}

function named({ value, low, high, of, highest, lowest, pairs }: ShareDisparity, rates: readonly FairnessRate[], groups: readonly GroupFairness[]): Disparity {
  return { value, low, high, rate: rates[of]!, highest: groups[highest]!.group, lowest: groups[lowest]!.group, pairs };
}

function reasonAgainst(rates: readonly FairnessRate[], groups: readonly GroupFairness[]): string {
  for (const rate of rates) {
    const count = groups.filter((group) => !group.tooSmall && group[rate] !== null).length;
    if (count < 2) return `only ${count} of ${groups.length} groups are large enough and have rows for the ${rate}`;
  }
  return `the ${rates.join(' and ')} is 0 in every group`;
}

function rowsOfKinds({ counts }: OutcomeCounts, kinds: readonly number[]): Float64Array {
  const rows = new Float64Array(counts.length / OUTCOMES);
  for (let cell = 0; cell < rows.length; cell++) for (const kind of kinds) rows[cell]! += counts[cell * OUTCOMES + kind]!;
  return rows;
}

const mapRates = <T>(make: (rate: FairnessRate) => T): Record<FairnessRate, T> => ({
  selectionRate: make('selectionRate'), adverseActionRate: make('adverseActionRate'), truePositiveRate: make('truePositiveRate'),
  falsePositiveRate: make('falsePositiveRate'), accuracy: make('accuracy'),
});

function columnNamed(columns: readonly ProtectedColumn[], name: string): ProtectedColumn {
  const found = columns.find(({ column }) => column === name);
  if (!found) throw new RangeError(`no protected column is named ${name}`);
  return found;
}

function requireValid({ decisions, labels, blocks, columns }: FairnessRows, { alpha, leastGroupRows = LEAST_GROUP_ROWS }: FairnessOptions): void {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha must lie between 0 and 1, not be ${alpha}`);
  if (!(leastGroupRows >= 1)) throw new RangeError(`the least size of a group must be at least 1, not ${leastGroupRows}`);
  for (const other of [labels, blocks, ...columns.map(({ codes }) => codes)]) {
    if (other && other.length !== decisions.length) throw new RangeError(`there are ${decisions.length} decisions, and ${other.length} of another input`);
  }
  for (let row = 0; row < decisions.length; row++) {
    if (decisions[row]! > 1) throw new RangeError(`the decision of row ${row} is ${decisions[row]!}, neither 0 nor 1`);
    const label = labels ? labels[row]! : NaN;
    if (label !== 0 && label !== 1 && !Number.isNaN(label)) throw new RangeError(`the label of row ${row} is ${label}, neither 0 nor 1 nor NaN`);
    if (blocks && blocks[row]! < 0) throw new RangeError(`row ${row} lies in block ${blocks[row]!}`);
  }
}
