import type { FailureDetails, FailureType } from '../contracts/failures.js';
import type { ModelSpec } from '../spec/model-spec.js';

/** What the scoring process is told, as structured-clone data. */
export interface ScoringJob {
  readonly modelPath: string;
  /** The bytes that were admitted; others are refused. */
  readonly modelDigest: string;
  readonly spec: Pick<ModelSpec, 'task' | 'data' | 'evaluation'>;
  readonly threads: number;
  readonly batchRows: number;
  readonly work: ScoreWork;
}

/** Score rows of a Parquet file and leave the columns in `resultPath`. */
export interface ScoreWork {
  readonly parquetPath: string;
  readonly resultPath: string;
  /**
   * `mature`: rows that may judge at `asOf` (ISO 8601); `first`: that many rows from the start, labelled or not; `every`: all
   * of them, and what the model gives is kept as it is, sound or not.
   */
  readonly select: { readonly kind: 'mature'; readonly asOf: string } | { readonly kind: 'first'; readonly rows: number } | { readonly kind: 'every' };
}

/** Rows of the file, and why some of them do not judge. */
export interface RowCounts {
  readonly inFile: number;
  /** Rows that were scored. */
  readonly scored: number;
  readonly unlabelled: number;
  /** Labelled, but their label horizon had not passed. */
  readonly immature: number;
}

/** What the process leaves behind: where each column lies in the file, and the rest. */
export interface ScoreResult {
  readonly counts: RowCounts;
  readonly columns: readonly StoredColumn[];
  readonly slices: readonly { readonly column: string; readonly values: readonly (string | null)[] }[];
  /** The most memory that the process ever held. */
  readonly peakRssBytes: number;
}

export type ColumnType = 'float32' | 'float64' | 'int32';

export interface StoredColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** In bytes, a multiple of eight. */
  readonly offset: number;
  readonly length: number;
}

/** What the scoring process says. */
export type ScoringMessage =
  | { readonly kind: 'progress'; readonly rows: number; readonly of: number }
  | { readonly kind: 'done'; readonly result: ScoreResult }
  | { readonly kind: 'failed'; readonly type: FailureType; readonly message: string; readonly details: FailureDetails };

/** What the watchdog prints on standard error right before it ends the process, for the parent to read. */
export const MEMORY_EXCEEDED = 'memory bound exceeded';
