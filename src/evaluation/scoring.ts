import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelSpec } from '../spec/model-spec.js';
import { readColumns } from './column-file.js';
import { DEFAULT_BOUNDS, runIsolated, type IsolationBounds } from './isolated-process.js';
import type { JudgedRows } from './judged-rows.js';
import type { RowCounts, ScoreResult, ScoreWork, ScoringJob } from './scoring-job.js';
import type { SliceColumn } from './slices.js';
import { timeBlocks } from './time-blocks.js';

export interface ScoringRequest {
  readonly modelPath: string;
  /** Of the bytes that were admitted. */
  readonly modelDigest: string;
  /** The spec that the model was made under. */
  readonly spec: Pick<ModelSpec, 'task' | 'data' | 'evaluation'>;
  /** Threads that run the model, each on batches of its own where the model is small; DuckDB reads with one more. */
  readonly threads?: number;
  /** Rows of one run of the model. */
  readonly batchRows?: number;
  /** A folder for files on the way; what is made in it is removed. */
  readonly workDir: string;
  readonly bounds?: IsolationBounds;
  readonly signal?: AbortSignal;
  readonly onProgress?: (rows: number, of: number) => void;
}

export interface ParquetRequest extends ScoringRequest {
  readonly parquetPath: string;
  /** ISO 8601; rows judge when eventTime + labelHorizon ≤ asOf. */
  readonly asOf: string;
}

/** Rows that judge, scored, in the file's order. */
export interface ScoredRows extends JudgedRows {
  readonly predictions: Float32Array;
  /** float64, 0 or 1 or the number. */
  readonly labels: Float64Array;
  readonly eventTimesMs: Float64Array;
  readonly blocks: Int32Array;
  readonly slices: readonly SliceColumn[];
  readonly counts: RowCounts;
  /** The most memory that the scoring process ever held. */
  readonly peakRssBytes: number;
}

const DEFAULT_THREADS = 2;
/** Smaller batches wake the runtime's threads more often than they are worth; larger ones gained nothing. */
const DEFAULT_BATCH_ROWS = 8_192;

/**
 * Scores the rows of a Parquet file whose labels are known and mature, in a process of its own.
 * @throws PerennialError `DataUnreadable`, `ModelRefused` (the runtime does not load it), `ScoringFailed`
 */
export async function scoreParquet(request: ParquetRequest): Promise<ScoredRows> {
  const { parquetPath, asOf } = request;
  return withResultFile(request.workDir, async (resultPath) => {
    const result = await score(request, { parquetPath, resultPath, select: { kind: 'mature', asOf } });
    const columns = readColumns(resultPath, result.columns);
    const eventTimesMs = columns.get('eventTimesMs') as Float64Array;
    return {
      task: request.spec.task,
      predictions: columns.get('predictions') as Float32Array,
      labels: columns.get('labels') as Float64Array,
      eventTimesMs,
      blocks: timeBlocks(eventTimesMs),
      slices: result.slices.map((slice) => ({ ...slice, codes: columns.get(`slice:${slice.column}`) as Int32Array })),
      counts: result.counts,
      peakRssBytes: result.peakRssBytes,
    };
  });
}

/**
 * The runtime's first load of an admitted model: it must answer one row and three, then the first rows of a Parquet file,
 * labelled or not, whose predictions are held against the trainer's own (parity.ts).
 * @throws as {@link scoreParquet}
 */
export async function predictFirstRows(request: ScoringRequest & { readonly parquetPath: string; readonly rows: number }): Promise<Float32Array> {
  const { parquetPath, rows } = request;
  return withResultFile(request.workDir, async (resultPath) => {
    const result = await score(request, { parquetPath, resultPath, select: { kind: 'first', rows } });
    return readColumns(resultPath, result.columns).get('predictions') as Float32Array;
  });
}

/**
 * What the model makes of every row of a Parquet file, labelled or not, in the file's order: as it gives it, which may be no
 * number. The columns of `spec.data.label` and `eventTime` must be there.
 * @throws as {@link scoreParquet}, but for predictions that are not sound
 */
export async function predictEveryRow(request: ScoringRequest & { readonly parquetPath: string }): Promise<Float32Array> {
  const { parquetPath } = request;
  return withResultFile(request.workDir, async (resultPath) => {
    const result = await score(request, { parquetPath, resultPath, select: { kind: 'every' } });
    return readColumns(resultPath, result.columns).get('predictions') as Float32Array;
  });
}

async function score(request: ScoringRequest, work: ScoreWork): Promise<ScoreResult> {
  const { bounds = DEFAULT_BOUNDS, signal, onProgress } = request;
  return runIsolated(jobOf(request, work), { bounds, signal, onProgress });
}

function jobOf(request: ScoringRequest, work: ScoringJob['work']): ScoringJob {
  const { modelPath, modelDigest, spec, threads = DEFAULT_THREADS, batchRows = DEFAULT_BATCH_ROWS } = request;
  return { modelPath, modelDigest, threads, batchRows, work, spec: { task: spec.task, data: spec.data, evaluation: spec.evaluation } };
}

async function withResultFile<T>(workDir: string, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(workDir, 'scoring-'));
  try {
    return await use(join(folder, 'columns'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
