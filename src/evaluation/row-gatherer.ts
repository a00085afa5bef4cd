import type { RowBatch } from './row-batch.js';
import type { RowChunk } from './parquet-rows.js';

/** Gathers chunks, which come column by column, into batches, which a model takes row by row. */
export class RowGatherer {
  private rows = 0;
  private labels: Float64Array;
  private eventTimesMs: Float64Array;
  private slices: Int32Array[];

  /** @param features float32 [batchRows, F], filled from its start */
  constructor(
    private readonly features: Float32Array,
    private readonly width: number,
    private readonly batchRows: number,
    sliceColumns: number,
  ) {
    this.labels = new Float64Array(batchRows);
    this.eventTimesMs = new Float64Array(batchRows);
    this.slices = Array.from({ length: sliceColumns }, () => new Int32Array(batchRows));
  }

  get full(): boolean {
    return this.rows === this.batchRows;
  }

  /** Takes rows of the chunk from `from` on, as many as there is room for. @returns how many */
  take(chunk: RowChunk, from: number): number {
    const count = Math.min(chunk.rows - from, this.batchRows - this.rows);
    this.interleave(chunk.features, from, count);
    this.labels.set(chunk.labels.subarray(from, from + count), this.rows);
    this.eventTimesMs.set(chunk.eventTimesMs.subarray(from, from + count), this.rows);
    chunk.slices.forEach((codes, column) => this.slices[column]!.set(codes.subarray(from, from + count), this.rows));
    this.rows += count;
    return count;
  }

  batch(): RowBatch {
    const { rows, features } = this;
    return {
      rows, features, labels: this.labels.subarray(0, rows), eventTimesMs: this.eventTimesMs.subarray(0, rows),
      slices: this.slices.map((codes) => codes.subarray(0, rows)),
    };
  }

  /** Columns into rows of the batch. */
  private interleave(columns: readonly Float32Array[], from: number, count: number): void {
    const { features, width } = this;
    for (let feature = 0; feature < width; feature++) {
      const column = columns[feature]!;
      for (let row = 0, at = this.rows * width + feature; row < count; row++, at += width) features[at] = column[from + row]!;
    }
  }
}
