import type { FeatureDrift } from '../contracts/feature-drift.js';

/** Columns of Parquet files that are to be compared. */
export interface DriftOrder {
  /** Files of the baseline and of the window, absolute. */
  readonly baseline: readonly string[];
  readonly window: readonly string[];
  readonly features: readonly ComparedFeature[];
  /** A folder that DuckDB may spill to. */
  readonly scratch: string;
  /** Rows of both sides together up to which a thread holds a number's values; beyond, KS and Wasserstein carry an error. */
  readonly heldRows: number;
}

export interface ComparedFeature {
  readonly name: string;
  readonly type: 'number' | 'category';
}

/** What a measuring thread is told: an order, places in its `features`, that it was the last of them, or to give up. */
export type DriftQuestion =
  | { readonly kind: 'order'; readonly order: DriftOrder }
  | { readonly kind: 'measure'; readonly features: readonly number[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'stop' };

/** To each `measure` an answer, or a failure; to each `done` that the order's files are closed. */
export type DriftMessage = { readonly kind: 'measured'; readonly features: readonly FeatureDrift[] } | { readonly kind: 'closed' };
