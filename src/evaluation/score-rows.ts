import { PerennialError } from '../contracts/failures.js';
import { ColumnWriter } from './column-file.js';
import { OnnxSession } from './onnx-session.js';
import type { RowBatch, RowOutline } from './row-batch.js';
import { RowReader } from './row-reader.js';
import type { ScoreResult, ScoreWork, ScoringJob } from './scoring-job.js';

/** How far outside [0, 1] float32 arithmetic may carry a probability. */
const PROBABILITY_SLACK = 1e-6;

type Report = (rows: number, of: number) => void;

/** Asks for one row and for three, so that a model with a fixed or wrong batch size shows. */
async function probe(session: OnnxSession, width: number): Promise<void> {
  for (const rows of [1, 3]) await session.predict(new Float32Array(rows * width), rows, new Float32Array(rows), 0);
}

/**
 * Scores the rows that the job selects and writes prediction, label, event time and slice codes of each to `resultPath`.
 * For a process of its own: after a failure the reading thread may still be there (row-reader.ts).
 * @throws PerennialError `ScoringFailed` naming how many predictions are no numbers or no probabilities, with an example
 */
export async function scoreRows(job: ScoringJob, work: ScoreWork, report: Report): Promise<ScoreResult> {
  const reader = new RowReader({ job, work });
  const session = await OnnxSession.load(job.modelPath, job.modelDigest, job.spec, job.threads);
  try {
    if (work.select.kind === 'first') await probe(session, job.spec.data.features.length);
    return await scoreBatches(job, work, session, reader, report);
  } finally {
    await session.release();
  }
}

async function scoreBatches(job: ScoringJob, work: ScoreWork, session: OnnxSession, reader: RowReader, report: Report): Promise<ScoreResult> {
  const outline = await reader.outline();
  const scorer = new BatchScorer(job, work, outline);
  try {
    for await (const batch of reader.batches()) {
      await scorer.score(batch, session);
      report(scorer.done, outline.counts.scored);
    }
    if (scorer.done === 0) report(0, outline.counts.scored);
    scorer.requireSound();
    return { counts: outline.counts, columns: scorer.columns, slices: outline.slices, peakRssBytes: process.resourceUsage().maxRSS * 1024 };
  } finally {
    scorer.close();
  }
}

/** One run of the model a batch; writes the columns. */
class BatchScorer {
  private readonly width: number;
  private readonly predictions: Float32Array;
  private readonly classifies: boolean;
  private readonly expected: number;
  private readonly writer: ColumnWriter;
  private unsound = 0;
  private example: { row: number; prediction: number; features: number[] } | undefined;
  private badLabels = 0;
  private badLabel = NaN;
  /** Rows that the model has answered. */
  done = 0;

  constructor(job: ScoringJob, work: ScoreWork, { counts, slices }: RowOutline) {
    this.width = job.spec.data.features.length;
    this.classifies = job.spec.task === 'binary-classification';
    this.predictions = new Float32Array(job.batchRows);
    this.expected = counts.scored;
    const codes = slices.map(({ column }) => [`slice:${column}`, 'int32'] as const);
    const types = { predictions: 'float32', labels: 'float64', eventTimesMs: 'float64', ...Object.fromEntries(codes) } as const;
    this.writer = new ColumnWriter(work.resultPath, types, this.expected);
  }

  get columns(): ScoreResult['columns'] {
    return this.writer.columns;
  }

  async score(batch: RowBatch, session: OnnxSession): Promise<void> {
    const { rows, features, labels, eventTimesMs, slices } = batch;
    if (this.done + rows > this.expected) throw changed();
    this.writer.write(1, labels, this.done);
    this.writer.write(2, eventTimesMs, this.done);
    slices.forEach((codes, index) => this.writer.write(3 + index, codes, this.done));
    this.checkLabels(labels);
    await session.predict(features.subarray(0, rows * this.width), rows, this.predictions, 0);
    this.checkPredictions(rows, features);
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

  private checkPredictions(rows: number, features: Float32Array): void {
    const [least, most] = this.classifies ? [-PROBABILITY_SLACK, 1 + PROBABILITY_SLACK] : [-Number.MAX_VALUE, Number.MAX_VALUE];
    for (let row = 0; row < rows; row++) {
      const prediction = this.predictions[row]!;
      // Written so that NaN fails it too.
      if (!(prediction >= least && prediction <= most)) this.note(row, prediction, features);
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

  private note(row: number, prediction: number, features: Float32Array): void {
    this.unsound += 1;
    const start = row * this.width;
    this.example ??= { row: this.done + row, prediction, features: Array.from(features.subarray(start, start + Math.min(this.width, 50))) };
  }
}

const changed = (): PerennialError => new PerennialError('ScoringFailed', 'The file of rows changed while it was read; freeze it as a snapshot first');
