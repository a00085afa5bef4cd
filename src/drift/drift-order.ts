import type { FeatureDrift } from '../contracts/feature-drift.js';
import type { ProfileFrame } from './profile-frames.js';

/** Columns of Parquet files that are to be compared, or profiled. */
export type DriftOrder = ComparisonOrder | ProfileOrder;

interface ColumnsOrder {
  readonly features: readonly ComparedFeature[];
  /** A folder that DuckDB may spill to. */
  readonly scratch: string;
}

export interface ComparisonOrder extends ColumnsOrder {
  readonly kind: 'comparison';
  /** Files of the baseline and of the window, absolute. */
  readonly baseline: readonly string[];
  readonly window: readonly string[];
  /** Rows of both sides together up to which a thread holds a number's values; beyond, KS and Wasserstein carry an error. */
  readonly heldRows: number;
}

/** Of numbers alone. */
export interface ProfileOrder extends ColumnsOrder {
  readonly kind: 'profile';
  readonly rows: readonly string[];
  /** In the order of `features`. Null: those of these rows themselves are found, under their deciles. */
  readonly frames: readonly ProfileFrame[] | null;
  /** Files of a few rows that the buckets shall be made for too, where frames are found. */
  readonly beside: readonly string[];
}

export interface ComparedFeature {
  readonly name: string;
  readonly type: 'number' | 'category';
}

/** What was counted of a number: profile-frames.ts. */
export interface ProfiledNumber {
  readonly name: string;
  readonly frame: ProfileFrame;
  readonly counts: Float64Array;
}

/** What a measuring thread is told: an order, places in its `features`, that it was the last of them, or to give up. */
export type DriftQuestion =
  | { readonly kind: 'order'; readonly order: DriftOrder }
  | { readonly kind: 'measure'; readonly features: readonly number[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'stop' };

/** To each `measure` an answer, or a failure; to each `done` that the order's files are closed. */
export type DriftMessage =
  | { readonly kind: 'measured'; readonly features: readonly FeatureDrift[] }
  | { readonly kind: 'profiled'; readonly numbers: readonly ProfiledNumber[] }
  | { readonly kind: 'closed' };
