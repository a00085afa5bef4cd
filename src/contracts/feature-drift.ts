import type { WindowVerdict } from './window-summary.js';

/** How one feature of a window differs from the baseline. Figures that are not defined are null. */
export interface FeatureDrift {
  readonly name: string;
  readonly type: 'number' | 'category';
  readonly baseline: ColumnCounts;
  readonly window: ColumnCounts;
  /** Population stability index over the deciles of the baseline, or over categories. */
  readonly psi: number | null;
  /** Jensen–Shannon distance with base 2, 0 to 1, over the same bins. */
  readonly jensenShannon: number | null;
  /** Numbers: Kolmogorov–Smirnov; its statistic lies within `error` of `statistic`. */
  readonly ks: { readonly statistic: number; readonly error: number; readonly pValue: number } | null;
  /** Numbers: Wasserstein distance in the feature's unit, within `error` of `distance`. */
  readonly wasserstein: { readonly distance: number; readonly error: number } | null;
  /** Categories: Pearson's test of homogeneity. */
  readonly chiSquared: { readonly statistic: number; readonly degreesOfFreedom: number; readonly pValue: number } | null;
  readonly bins: DriftBins;
  /** Categories of the window that the baseline has not, the most frequent first; the first twenty of `newCategoryCount`. */
  readonly newCategories: readonly { readonly value: string; readonly rows: number }[];
  readonly newCategoryCount: number;
  readonly newCategoryRows: number;
  /** Absent beside the window before, and in reports of before they were made. */
  readonly thresholds?: DriftThresholds;
  /** Of the window's rows those that no fault counts; absent where the question did not come up, or there are none. */
  readonly notTaken?: RowsNotTaken;
}

/** Rows that were answered by versions whose specs do not take a feature: around a promotion that adds one, they honestly lack it. */
export interface RowsNotTaken {
  readonly rows: number;
  /** Those of them without a value. */
  readonly missing: number;
}

/** By figure: what it may come to by chance, were the window drawn as the baseline was (drift/drift-thresholds.ts). Null where it is not known, or the figure is not defined. */
export interface DriftThresholds {
  /** The chance that each of them is passed where nothing has changed. */
  readonly alpha: number;
  readonly psi: DriftThreshold | null;
  readonly jensenShannon: DriftThreshold | null;
  readonly ks: DriftThreshold | null;
  readonly wasserstein: DriftThreshold | null;
  /** Of the share of rows without a value. */
  readonly missing: DriftThreshold | null;
  /** Categories: of the share of rows with a category that the baseline has not. */
  readonly newCategories: DriftThreshold | null;
}

/** An observation, figure by figure: what is found to drift over a year is decided by p-values together. */
export interface DriftThreshold {
  /** A larger figure is larger than chance explains. */
  readonly limit: number;
  /** Inconclusive: the figure is known within an error that the limit lies in. */
  readonly verdict: WindowVerdict['verdict'];
}

export interface ColumnCounts {
  readonly rows: number;
  /** Rows without a value: NULL or NaN. */
  readonly missing: number;
  readonly infinite: number;
  /** Of the finite values; null where there are none, and for categories. */
  readonly least: number | null;
  readonly greatest: number | null;
  readonly mean: number | null;
  /** The lower edge of the bucket that holds it, at least the least value: close where the baseline's values spread over their size, coarse where they lie close together far from 0. */
  readonly median: number | null;
}

/** What PSI and Jensen–Shannon were computed from. */
export interface DriftBins {
  /** Numbers: a bin ends before its edge; one edge fewer than bins. Null for categories. */
  readonly edges: readonly number[] | null;
  /** Categories, those of the baseline first; null for numbers. */
  readonly categories: readonly string[] | null;
  /** Rows in each bin. */
  readonly baseline: readonly number[];
  readonly window: readonly number[];
}
