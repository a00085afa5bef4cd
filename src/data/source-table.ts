import { join } from 'node:path';
import type { SnapshotSplit } from '../contracts/artifacts.js';
import { PerennialError } from '../contracts/failures.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { openCsv } from './csv-source.js';
import { fileList, type Database } from './duckdb.js';
import { quoteIdentifier, quoteLiteral } from './feature-encoding.js';
import { heldOutCondition } from './held-out-blocks.js';
import type { SourceFile } from './source-files.js';

export interface Column {
  readonly name: string;
  /** As DuckDB writes it. */
  readonly type: string;
}

/** Files that DuckDB can select from. */
export interface FileTable {
  readonly from: string;
  /** All columns of the files. From CSV they are text, and `from` holds only those that were wanted. */
  readonly columns: readonly Column[];
  readonly format: 'parquet' | 'csv';
}

/** A source that DuckDB can select from, with what its columns are. */
export interface SourceTable {
  readonly from: string;
  /** Columns that the spec asks for and the source has, in the snapshot's order. */
  readonly selected: readonly Column[];
  /** Columns that joins go by and the source has; maybe selected too. */
  readonly joinedBy: readonly Column[];
  /** The source's other columns, where a name that is missing may be found misspelt. */
  readonly others: readonly string[];
  /** Names of columns that hold the text of CSV, whose types are not known yet. */
  readonly texts: ReadonlySet<string>;
}

/** Columns of a snapshot: key, event time, label, features, slices; each once. */
export const specColumns = (spec: ModelSpec): string[] => [
  ...new Set([...spec.data.key, spec.data.eventTime, spec.data.label, ...spec.data.features.map(({ name }) => name), ...spec.evaluation.slices]),
];

/** Those that `data.source` itself must hold: joins bring the others. */
export function ownColumns(spec: ModelSpec): string[] {
  const joined = new Set((spec.data.joins ?? []).flatMap(({ columns }) => columns));
  return specColumns(spec).filter((name) => !joined.has(name));
}

/** What the source's files hold of the spec's columns. @throws as {@link openFiles} */
export async function openSource(database: Database, files: readonly SourceFile[], spec: ModelSpec, scratch: string): Promise<SourceTable> {
  const [own, keys] = [ownColumns(spec), [...new Set((spec.data.joins ?? []).flatMap(({ on }) => on))]];
  const { from, columns, format } = await openFiles(database, files, spec.data.source.format, { wanted: [...new Set([...own, ...keys])], staged: join(scratch, 'staged.parquet') });
  const byName = new Map(columns.map((column) => [column.name, column]));
  return {
    from,
    selected: own.flatMap((name) => byName.get(name) ?? []),
    joinedBy: keys.flatMap((name) => byName.get(name) ?? []),
    others: columns.map(({ name }) => name).filter((name) => !own.includes(name) && !keys.includes(name)),
    texts: new Set(format === 'csv' ? columns.map(({ name }) => name) : []),
  };
}

interface Wanted {
  readonly wanted: readonly string[];
  /** A file that CSV is staged in. */
  readonly staged: string;
}

/**
 * What the files hold. CSV is read once, into a Parquet file, since it is asked several times.
 * @throws PerennialError `DataUnreadable` naming the file.
 */
export async function openFiles(database: Database, files: readonly SourceFile[], format: 'parquet' | 'csv', { wanted, staged }: Wanted): Promise<FileTable> {
  if (format === 'parquet') return openParquet(database, files);
  const csv = await openCsv(files);
  const rows = csv.select(wanted.filter((name) => csv.names.includes(name)));
  await database.run(`COPY (${rows}) TO ${quoteLiteral(staged)} (FORMAT parquet, COMPRESSION snappy)`);
  return { from: `read_parquet(${fileList([staged])})`, columns: csv.names.map((name) => ({ name, type: 'VARCHAR' })), format };
}

/** A file that lacks a column has it missing, wherever it stands in the list. */
async function openParquet(database: Database, files: readonly SourceFile[]): Promise<FileTable> {
  const from = `read_parquet(${fileList(files.map(({ path }) => path))}, union_by_name = true, hive_partitioning = false)`;
  const rows = await database.rows(`DESCRIBE SELECT * FROM ${from}`);
  return { from, columns: rows.map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) })), format: 'parquet' };
}

/**
 * Names the file behind an error that does not, by reading each whole.
 * @throws PerennialError of the same type as the error, naming the file, where one is found.
 */
export async function blameFile(database: Database, files: readonly SourceFile[], error: unknown): Promise<void> {
  if (!(error instanceof PerennialError) || error.type !== 'DataUnreadable' || error.details['file'] !== undefined) return;
  for (const file of files) {
    await database.rows(`SELECT bit_xor(hash(*COLUMNS(*)))::VARCHAR FROM read_parquet(${fileList([file.path])})`).catch((found: unknown) => {
      if (!(found instanceof PerennialError)) throw found;
      throw new PerennialError('DataUnreadable', `${file.name} cannot be read; write it again. ${found.message}`, { file: file.name }, { cause: found });
    });
  }
}

/** Event time as a TIMESTAMP in UTC, or NULL where it is none; undefined for a column that cannot hold times. */
export function eventTimeExpression({ name, type }: Column): string | undefined {
  const column = quoteIdentifier(name);
  if (type === 'TIMESTAMP WITH TIME ZONE') return `(${column} AT TIME ZONE 'UTC')`;
  if (/^(?:TIMESTAMP(?:_S|_MS|_NS)?|DATE)$/.test(type)) return `${column}::TIMESTAMP`;
  // Text without an offset is UTC.
  if (type === 'VARCHAR') return `(TRY_CAST(${column} AS TIMESTAMP WITH TIME ZONE) AT TIME ZONE 'UTC')`;
  return undefined;
}

/** A half-open window on the raw column where its type allows it, so that Parquet's statistics can skip row groups. */
export function inWindow(column: Column, window: { readonly start: string; readonly end: string }): string {
  const zoned = column.type === 'TIMESTAMP WITH TIME ZONE';
  const side = zoned || column.type === 'TIMESTAMP' ? quoteIdentifier(column.name) : eventTimeExpression(column);
  const literal = (time: string): string => (zoned ? `TIMESTAMPTZ ${quoteLiteral(time)}` : `TIMESTAMP ${quoteLiteral(time.slice(0, -1))}`);
  return `${side} >= ${literal(window.start)} AND ${side} < ${literal(window.end)}`;
}

/** What the rows of a part keep beside its window: of the evaluation window the blocks held out judge, and the others train. Undefined where all of it judges. */
export function sideCondition(column: Column, part: 'train' | 'evaluation', { heldOut, evaluation }: SnapshotSplit): string | undefined {
  if (!heldOut) return undefined;
  const held = heldOutCondition(heldOut, eventTimeExpression(column) as string);
  return part === 'evaluation' ? held : `NOT (${inWindow(column, evaluation.window)} AND ${held})`;
}
