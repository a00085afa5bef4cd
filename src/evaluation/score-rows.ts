import { stat } from 'node:fs/promises';
import { PerennialError } from '../contracts/failures.js';
import { ColumnWriter } from './column-file.js';
import { ModelThread, type ModelAnswer } from './model-thread.js';
import type { RowBatch, RowOutline } from './row-batch.js';
import { RowReader } from './row-reader.js';
import type { ScoreResult, ScoreWork, ScoringJob } from './scoring-job.js';

/** How far outside [0, 1] float32 arithmetic may carry a probability. */
const PROBABILITY_SLACK = 1e-6;
/**
 * A model file up to this size is loaded once for each thread, each of which answers batches of its own: the runtime's
 * threads within one run leave a quarter of two cores idle on trees. A larger one would take too much memory twice.
 */
const MOST_COPIED_BYTES = 32 * 1024 ** 2;

type Report = (rows: number, of: number) => void;

/**
 * Scores the rows that the job selects and writes prediction, label, event time and slice codes of each to `resultPath`.
 * For a process of its own: after a failure the reading thread may still be there (thread-channel.ts).
 * @throws PerennialError `ScoringFailed` naming how many predictions are no numbers or no probabilities, with an example
 */
export async function scoreRows(job: ScoringJob, work: ScoreWork, report: Report): Promise<ScoreResult> {
  const reader = new RowReader({ job, work });
  const copied = (await stat(job.modelPath)).size <= MOST_COPIED_BYTES;
  const start = (): ModelThread => new ModelThread({ job, threads: copied ? 1 : job.threads });
  const models = [start()];
  await models[0]!.ready();
  const outline = await reader.outline();
  const useful = copied ? Math.min(job.threads, Math.ceil(outline.counts.scored / job.batchRows)) : 1;
  while (models.length < useful) models.push(start());
  await Promise.all(models.slice(1).map((model) => model.ready()));
  const scorer = new BatchScorer(job, work, outline);
  try {
    await scoreBatches(reader, models, scorer, () => report(scorer.done, outline.counts.scored));
    scorer.requireSound();
    return { counts: outline.counts, columns: scorer.columns, slices: outline.slices, peakRssBytes: process.resourceUsage().maxRSS * 1024 };
  } finally {
    scorer.close();
  }
}

/** Batches go to the models in turn and come back in the same order. */
async function scoreBatches(reader: RowReader, models: readonly ModelThread[], scorer: BatchScorer, report: () => void): Promise<void> {
  const running: Promise<ModelAnswer>[] = [];
  const settleOldest = async (): Promise<void> => {
    const answer = await running.shift()!;
    scorer.settle(answer);
    reader.giveBack(answer.features);
    report();
  };
  let turn = 0;
  for await (const batch of reader.batches()) {
    if (running.length === models.length) await settleOldest();
    scorer.add(batch);
    const answer = models[turn++ % models.length]!.predict(batch);
    // It is awaited in its turn; a failure of an earlier one makes it of no interest.
    answer.catch(() => undefined);
    running.push(answer);
  }
  while (running.length > 0) await settleOldest();
  report();
}

/** Checks and writes the columns, batch by batch. */
class BatchScorer {
  private readonly width: number;
  private readonly classifies: boolean;
  private readonly expected: number;
  private readonly asGiven: boolean;
  private readonly writer: ColumnWriter;
  private read = 0;
  private unsound = 0;
  private example: { row: number; prediction: number; features: number[] } | undefined;
  private badLabels = 0;
  private badLabel = NaN;
  /** Rows that the model has answered. */
  done = 0;

  constructor(job: ScoringJob, work: ScoreWork, { counts, slices }: RowOutline) {
    this.width = job.spec.data.features.length;
    this.classifies = job.spec.task === 'binary-classification';
    this.expected = counts.scored;
    this.asGiven = work.select.kind === 'every';
    const codes = slices.map(({ column }) => [`slice:${column}`, 'int32'] as const);
    const types = { predictions: 'float32', labels: 'float64', eventTimesMs: 'float64', ...Object.fromEntries(codes) } as const;
    this.writer = new ColumnWriter(work.resultPath, types, this.expected);
  }

  get columns(): ScoreResult['columns'] {
    return this.writer.columns;
  }

  /** What is known of the rows before the model has answered. */
  add({ rows, labels, eventTimesMs, slices }: RowBatch): void {
    if (this.read + rows > this.expected) throw changed();
    this.writer.write(1, labels, this.read);
    this.writer.write(2, eventTimesMs, this.read);
    slices.forEach((codes, index) => this.writer.write(3 + index, codes, this.read));
    this.checkLabels(labels);
    this.read += rows;
  }

  /** The answer to the oldest batch that has none. */
  settle({ features, predictions }: ModelAnswer): void {
    if (!this.asGiven) this.checkPredictions(predictions, features);
    this.writer.write(0, predictions, this.done);
    this.done += predictions.length;
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

  private checkPredictions(predictions: Float32Array, features: Float32Array): void {
    const [least, most] = this.classifies ? [-PROBABILITY_SLACK, 1 + PROBABILITY_SLACK] : [-Number.MAX_VALUE, Number.MAX_VALUE];
    for (let row = 0; row < predictions.length; row++) {
      const prediction = predictions[row]!;
      // Written so that NaN fails it too.
      if (!(prediction >= least && prediction <= most)) this.note(row, prediction, features);
      else if (this.classifies) predictions[row] = Math.min(1, Math.max(0, prediction));
    }
  }

  /** NaN is a label that is not known, among the first rows of a file. */
  private checkLabels(labels: Float64Array): void {
    if (!this.classifies || this.asGiven) return;
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
