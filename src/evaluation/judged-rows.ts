import type { ModelSpec } from '../spec/model-spec.js';

/** Rows that judge a model: what it said and what came true, in the same order. */
export interface JudgedRows {
  readonly task: ModelSpec['task'];
  /** Probability of the positive class, or the predicted number. */
  readonly predictions: Float32Array | Float64Array;
  /** 0 or 1, or the true number. */
  readonly labels: Float32Array | Float64Array | Uint8Array;
  /**
   * The time block of each row (see time-blocks.ts), 0, 1, 2 …: rows of one block may depend on each other, rows of
   * different blocks do not. Absent: every row is independent of every other.
   */
  readonly blocks?: Int32Array;
}

/** The rows at the given indices, as rows of their own. */
export function selectRows(rows: JudgedRows, indices: Int32Array): JudgedRows {
  const { blocks } = rows;
  return {
    task: rows.task,
    predictions: Float64Array.from(indices, (index) => rows.predictions[index]!),
    labels: Float64Array.from(indices, (index) => rows.labels[index]!),
    ...(blocks ? { blocks: Int32Array.from(indices, (index) => blocks[index]!) } : {}),
  };
}
