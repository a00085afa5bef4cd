import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { ColumnType, StoredColumn } from './scoring-job.js';

/** Columns of numbers in one file, each at a multiple of eight bytes, so that a reader maps them without copying. */
export type Column = Float32Array | Float64Array | Int32Array;

const BYTES: Readonly<Record<ColumnType, number>> = { float32: 4, float64: 8, int32: 4 };

/** Writes columns of a known length piece by piece, so that memory does not grow with the rows. */
export class ColumnWriter {
  readonly columns: readonly StoredColumn[];
  private readonly file: number;

  /** @throws when the file exists */
  constructor(path: string, types: Readonly<Record<string, ColumnType>>, private readonly rows: number) {
    let offset = 0;
    this.columns = Object.entries(types).map(([name, type]) => {
      const column = { name, type, offset, length: rows };
      offset += Math.ceil((rows * BYTES[type]) / 8) * 8;
      return column;
    });
    this.file = openSync(path, 'wx', 0o600);
  }

  /** Puts values into the column with that index (in the order of `types`) from `row` on. */
  write(column: number, values: Column, row: number): void {
    const { type, offset, name } = this.columns[column]!;
    if (typeOf(values) !== type || row + values.length > this.rows) {
      throw new RangeError(`${values.length} values of ${typeOf(values)} from row ${row} do not fit column ${name}: ${this.rows} of ${type}`);
    }
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const start = offset + row * BYTES[type];
    for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at, bytes.length - at, start + at);
  }

  close(): void {
    closeSync(this.file);
  }
}

/** Reads the file into memory once. @throws RangeError when it is shorter than its columns. */
export function readColumns(path: string, stored: readonly StoredColumn[]): Map<string, Column> {
  const file = openSync(path, 'r');
  try {
    const buffer = new ArrayBuffer(Math.max(0, ...stored.map(({ type, offset, length }) => offset + length * BYTES[type])));
    const bytes = new Uint8Array(buffer);
    for (let at = 0, got = 1; at < bytes.length; at += got) {
      got = readSync(file, bytes, at, bytes.length - at, at);
      if (got === 0) throw new RangeError(`${path} ends after ${at} of ${bytes.length} bytes`);
    }
    return new Map(stored.map(({ name, type, offset, length }) => [name, view(type, buffer, offset, length)]));
  } finally {
    closeSync(file);
  }
}

const typeOf = (column: Column): ColumnType =>
  column instanceof Float32Array ? 'float32' : column instanceof Float64Array ? 'float64' : 'int32';

function view(type: ColumnType, buffer: ArrayBuffer, offset: number, length: number): Column {
  if (type === 'float32') return new Float32Array(buffer, offset, length);
  return type === 'float64' ? new Float64Array(buffer, offset, length) : new Int32Array(buffer, offset, length);
}
