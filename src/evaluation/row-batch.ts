import type { RowCounts, ScoringJob, ScoreWork } from './scoring-job.js';
import type { SliceValues } from './parquet-rows.js';

/** Rows for one run of the model, gathered by the reading thread. */
export interface RowBatch {
  readonly rows: number;
  /** float32 [batchRows, F], of which the first `rows` hold; goes back to the reading thread when it has been used. */
  readonly features: Float32Array;
  readonly labels: Float64Array;
  readonly eventTimesMs: Float64Array;
  /** The codes of each slice column. */
  readonly slices: readonly Int32Array[];
}

/** What is known before the first row is read. */
export interface RowOutline {
  readonly counts: RowCounts;
  readonly slices: readonly SliceValues[];
}

/** What the reading thread is told. */
export interface ReadingOrder {
  readonly job: ScoringJob;
  readonly work: ScoreWork;
}

/** What the reading thread says: the outline, batches and an end. */
export type ReadingMessage = ({ readonly kind: 'outline' } & RowOutline) | ({ readonly kind: 'batch' } & RowBatch) | { readonly kind: 'end' };
