import type { SliceMetrics } from '../contracts/verdict.js';
import { selectRows, type JudgedRows } from './judged-rows.js';
import { measure, type MeasureOptions } from './metrics.js';

/** A column by which rows are told apart. */
export interface SliceColumn {
  readonly column: string;
  /** What the codes 0, 1, 2 … stand for: the most frequent values, null for missing, and last the rest, if any. */
  readonly values: readonly (string | null)[];
  /** The code of each row. */
  readonly codes: Int32Array;
}

/** The metrics for every value of every slice column, in the columns' and values' order; values without rows are left out. */
export function measureSlices(rows: JudgedRows, slices: readonly SliceColumn[], options: MeasureOptions): SliceMetrics[] {
  return slices.flatMap(({ column, values, codes }) =>
    rowsByCode(codes, values.length).flatMap((indices, code) =>
      indices.length === 0
        ? []
        : [{ column, value: values[code] ?? null, rows: indices.length, ...measure(selectRows(rows, indices), options) }],
    ),
  );
}

function rowsByCode(codes: Int32Array, count: number): Int32Array[] {
  const sizes = new Int32Array(count);
  for (const code of codes) sizes[code]! += 1;
  const groups = Array.from(sizes, (size) => new Int32Array(size));
  const filled = new Int32Array(count);
  codes.forEach((code, row) => {
    groups[code]![filled[code]!++] = row;
  });
  return groups;
}
