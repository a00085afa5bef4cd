import { open, readFile } from 'node:fs/promises';
import type { ColumnType, StoredColumn } from './scoring-job.js';

/** Columns of numbers in one file, each at a multiple of eight bytes, so that a reader maps them without copying. */
export type Column = Float32Array | Float64Array | Int32Array;

export async function writeColumns(path: string, columns: Readonly<Record<string, Column>>): Promise<StoredColumn[]> {
  const stored: StoredColumn[] = [];
  const file = await open(path, 'wx', 0o600);
  try {
    let offset = 0;
    for (const [name, column] of Object.entries(columns)) {
      const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
      for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
      stored.push({ name, type: typeOf(column), offset, length: column.length });
      offset += Math.ceil(bytes.length / 8) * 8;
    }
  } finally {
    await file.close();
  }
  return stored;
}

/** @throws RangeError when the file is shorter than its columns. */
export async function readColumns(path: string, stored: readonly StoredColumn[]): Promise<Map<string, Column>> {
  const content = await readFile(path);
  // A small file comes from a shared pool at any offset; typed arrays need an aligned start.
  const buffer = content.byteOffset % 8 === 0 ? content.buffer : Uint8Array.from(content).buffer;
  const start = content.byteOffset % 8 === 0 ? content.byteOffset : 0;
  return new Map(stored.map(({ name, type, offset, length }) => [name, view(type, buffer, start + offset, length)]));
}

const typeOf = (column: Column): ColumnType =>
  column instanceof Float32Array ? 'float32' : column instanceof Float64Array ? 'float64' : 'int32';

function view(type: ColumnType, buffer: ArrayBufferLike, offset: number, length: number): Column {
  if (type === 'float32') return new Float32Array(buffer, offset, length);
  return type === 'float64' ? new Float64Array(buffer, offset, length) : new Int32Array(buffer, offset, length);
}
