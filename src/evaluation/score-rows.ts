import { PerennialError } from '../contracts/failures.js';
import { ColumnWriter } from './column-file.js';
import { OnnxSession } from './onnx-session.js';
import { ParquetRows, type RowChunk } from './parquet-rows.js';
import type { ScoreResult, ScoreWork, ScoringJob } from './scoring-job.js';

/** How far outside [0, 1] float32 arithmetic may carry a probability. */
const PROBABILITY_SLACK = 1e-6;
const COLLECT_EVERY_CHUNKS = 4;

/** Asks for one row and for three, so that a model with a fixed or wrong batch size shows. */
async function probe(session: OnnxSession, width: number): Promise<void> {
  for (const rows of [1, 3]) await session.predict(new Float32Array(rows * width), rows, new Float32Array(rows), 0);
}

/**
 * Scores the rows that the job selects and writes prediction, label, event time and slice codes of each to `resultPath`.
 * @throws PerennialError `ScoringFailed` naming how many predictions are no numbers or no probabilities, with an example
 */
export async function scoreRows(job: ScoringJob, work: ScoreWork, report: (rows: number, of: number) => void): Promise<ScoreResult> {
  const session = await OnnxSession.load(job.modelPath, job.modelDigest, job.spec, job.threads);
  if (work.select.kind === 'first') await probe(session, job.spec.data.features.length);
  const rows = await ParquetRows.open(job, work);
  const scorer = new BatchScorer(job, work, rows);
  try {
    let chunks = 0;
    for await (const chunk of rows.chunks()) {
      if (await scorer.add(chunk, session)) report(scorer.done, rows.counts.scored);
      // Node's heap hardly grows while the chunks' memory outside it does, so nobody else would collect them in time.
      if (++chunks % COLLECT_EVERY_CHUNKS === 0) globalThis.gc?.({ type: 'minor' });
    }
    await scorer.flush(session);
    report(scorer.done, rows.counts.scored);
    scorer.requireSound();
    return { counts: rows.counts, columns: scorer.columns, slices: rows.slices, peakRssBytes: process.resourceUsage().maxRSS * 1024 };
  } finally {
    scorer.close();
    rows.close();
    await session.release();
  }
}

/** Gathers chunks into batches of float32 [batchRows, F], one run of the model each, and writes the columns. */
class BatchScorer {
  private readonly width: number;
  private readonly batch: Float32Array;
  private readonly predictions: Float32Array;
  private readonly classifies: boolean;
  private readonly expected: number;
  private readonly writer: ColumnWriter;
  private read = 0;
  private unsound = 0;
  private example: { row: number; prediction: number; features: number[] } | undefined;
  private badLabels = 0;
  private badLabel = NaN;
  /** Rows that the model has answered. */
  done = 0;

  constructor(private readonly job: ScoringJob, work: ScoreWork, rows: ParquetRows) {
    this.width = job.spec.data.features.length;
    this.classifies = job.spec.task === 'binary-classification';
    this.batch = new Float32Array(job.batchRows * this.width);
    this.predictions = new Float32Array(job.batchRows);
    this.expected = rows.counts.scored;
    const slices = rows.slices.map(({ column }) => [`slice:${column}`, 'int32'] as const);
    const types = { predictions: 'float32', labels: 'float64', eventTimesMs: 'float64', ...Object.fromEntries(slices) } as const;
    this.writer = new ColumnWriter(work.resultPath, types, this.expected);
  }

  get columns(): ScoreResult['columns'] {
    return this.writer.columns;
  }

  /** @returns whether a batch was run */
  async add(chunk: RowChunk, session: OnnxSession): Promise<boolean> {
    if (this.read + chunk.rows > this.expected) throw changed();
    this.writer.write(1, chunk.labels, this.read);
    this.writer.write(2, chunk.eventTimesMs, this.read);
    chunk.slices.forEach((codes, index) => this.writer.write(3 + index, Int32Array.from(codes), this.read));
    this.checkLabels(chunk.labels);
    let ran = false;
    for (let from = 0; from < chunk.rows; ) {
      const pending = this.read - this.done;
      const take = Math.min(chunk.rows - from, this.job.batchRows - pending);
      this.interleave(chunk.features, from, take, pending);
      this.read += take;
      from += take;
      if (this.read - this.done === this.job.batchRows) {
        await this.flush(session);
        ran = true;
      }
    }
    return ran;
  }

  /** Runs the model on what has been gathered. */
  async flush(session: OnnxSession): Promise<void> {
    const rows = this.read - this.done;
    if (rows === 0) return;
    await session.predict(this.batch.subarray(0, rows * this.width), rows, this.predictions, 0);
    this.checkPredictions(rows);
    this.writer.write(0, this.predictions.subarray(0, rows), this.done);
    this.done += rows;
  }

  requireSound(): void {
    if (this.unsound > 0) {
      const what = this.classifies ? 'no probabilities' : 'no finite numbers';
      throw new PerennialError(
        'ScoringFailed',
        `${this.unsound} of ${this.done} predictions are ${what}; for example row ${this.example?.row} got ${this.example?.prediction}`,
        { rows: this.unsound, of: this.done, example: { ...this.example, prediction: String(this.example?.prediction), features: this.example?.features.map(String) } },
      );
    }
    if (this.badLabels > 0) {
      throw new PerennialError('ScoringFailed', `${this.badLabels} labels are neither 0 nor 1, for example ${this.badLabel}; a binary classifier needs 0 and 1, or false and true`, { rows: this.badLabels, example: this.badLabel });
    }
    if (this.done !== this.expected) throw changed();
  }

  close(): void {
    this.writer.close();
  }

  /** Columns into rows of the batch. */
  private interleave(features: readonly Float32Array[], from: number, rows: number, pending: number): void {
    const { batch, width } = this;
    for (let feature = 0; feature < width; feature++) {
      const column = features[feature]!;
      for (let row = 0, at = pending * width + feature; row < rows; row++, at += width) batch[at] = column[from + row]!;
    }
  }

  private checkPredictions(rows: number): void {
    const [least, most] = this.classifies ? [-PROBABILITY_SLACK, 1 + PROBABILITY_SLACK] : [-Number.MAX_VALUE, Number.MAX_VALUE];
    for (let row = 0; row < rows; row++) {
      const prediction = this.predictions[row]!;
      // Written so that NaN fails it too.
      if (!(prediction >= least && prediction <= most)) this.note(row, prediction);
      else if (this.classifies) this.predictions[row] = Math.min(1, Math.max(0, prediction));
    }
  }

  /** NaN is a label that is not known, among the first rows of a file. */
  private checkLabels(labels: Float64Array): void {
    if (!this.classifies) return;
    for (const label of labels) {
      if (label === 0 || label === 1 || Number.isNaN(label)) continue;
      this.badLabels += 1;
      this.badLabel = label;
    }
  }

  private note(row: number, prediction: number): void {
    this.unsound += 1;
    const start = row * this.width;
    this.example ??= { row: this.done + row, prediction, features: Array.from(this.batch.subarray(start, start + Math.min(this.width, 50))) };
  }
}

const changed = (): PerennialError => new PerennialError('ScoringFailed', 'The file of rows changed while it was read; freeze it as a snapshot first');
