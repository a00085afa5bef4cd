import type { StoredFailure } from './retrains.js';

/** How the bytes of a batch are read. JSON is kept as NDJSON. */
export type LabelFormat = 'ndjson' | 'csv' | 'parquet';

/** What a batch may say of a label, as column or member. A row has a label, a business outcome (a number, such as revenue), or both. */
export const LABEL_FIELDS = ['prediction_id', 'entity_key', 'event_time', 'label', 'outcome', 'known_at'] as const;
export type LabelField = (typeof LABEL_FIELDS)[number];

/**
 * Every row is one of accepted, repeated, corrected, unknown and invalid. Late is how many of the accepted and corrected
 * came when the deployment's stream time had passed their label horizon.
 */
export interface LabelCounts {
  readonly rows: number;
  /** The first label of its prediction, or its first outcome. */
  readonly accepted: number;
  /** The prediction had a label, or an outcome, of the same value. */
  readonly repeated: number;
  /** The prediction had a label, or an outcome, of another value. */
  readonly corrected: number;
  readonly late: number;
  /** No such prediction is on the record yet; kept, and counts as soon as it is. */
  readonly unknown: number;
  /** Not kept. */
  readonly invalid: number;
}

export interface LabelFault {
  /** Of the batch, from 1; a CSV file's header is not counted. */
  readonly row: number;
  /** Null where the row as a whole is meant. */
  readonly column: LabelField | null;
  readonly message: string;
}

/** The faults that a batch lists; all of them are counted. */
export const MAX_LABEL_FAULTS = 100;

/** What became of a batch as a whole. */
export type LabelBatchOutcome =
  | { readonly kind: 'ingested'; readonly counts: LabelCounts; readonly faults: readonly LabelFault[] }
  | { readonly kind: 'failed'; readonly failure: StoredFailure };

/** What is drained by one run of the ingestion. */
export interface LabelIngestion {
  readonly batches: number;
  readonly failed: number;
  readonly counts: LabelCounts;
  /** Whether more waits. */
  readonly more: boolean;
}
