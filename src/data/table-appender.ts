import { DOUBLE, type DuckDBAppender, DuckDBDataChunk, FLOAT, INTEGER, VARCHAR } from '@duckdb/node-api';

const TYPES = { FLOAT, DOUBLE, INTEGER, VARCHAR } as const;
export type AppendedType = keyof typeof TYPES;

/** Rows of one chunk of DuckDB. */
export const CHUNK_ROWS = 2_048;

/** The values of a column for the chunk that is being filled. Numbers cannot be NULL here. */
export type AppendedColumn = Float32Array | Float64Array | Int32Array | (string | null)[];

/** Fills a table column by column; a value at a time through DuckDB's own appender is ten times slower. */
export class TableAppender {
  /** One a column, {@link CHUNK_ROWS} long: write here, then {@link commit}. */
  readonly columns: readonly AppendedColumn[];
  private readonly chunk: DuckDBDataChunk;

  constructor(private readonly appender: DuckDBAppender, types: readonly AppendedType[]) {
    this.columns = types.map(roomFor);
    this.chunk = DuckDBDataChunk.create(types.map((type) => TYPES[type]));
  }

  /** Appends the first `rows` values of every column. */
  commit(rows: number): void {
    this.chunk.reset();
    this.chunk.rowCount = rows;
    this.columns.forEach((values, index) => fill(this.chunk, index, values, rows));
    this.appender.appendDataChunk(this.chunk);
  }

  /** What was appended is in the table only now. */
  close(): void {
    this.appender.closeSync();
  }
}

function roomFor(type: AppendedType): AppendedColumn {
  if (type === 'FLOAT') return new Float32Array(CHUNK_ROWS);
  if (type === 'DOUBLE') return new Float64Array(CHUNK_ROWS);
  if (type === 'INTEGER') return new Int32Array(CHUNK_ROWS);
  return Array.from({ length: CHUNK_ROWS }, () => null);
}

function fill(chunk: DuckDBDataChunk, index: number, values: AppendedColumn, rows: number): void {
  const vector = chunk.getColumnVector(index);
  if (Array.isArray(values)) {
    for (let row = 0; row < rows; row++) vector.setItem(row, values[row] ?? null);
  } else {
    // The vector's typed array is not in its public type; setting value by value is ten times slower.
    const { items } = vector as unknown as { items?: unknown };
    if (!ArrayBuffer.isView(items) || items.constructor !== values.constructor) throw new TypeError('DuckDB no longer gives numbers as typed arrays; the pinned version was changed');
    (items as Float64Array).set(values.subarray(0, rows));
  }
  vector.flush();
}
