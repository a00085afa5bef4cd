import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { sensitivityOf } from '../contracts/masking.js';
import { isoTime } from '../contracts/time.js';
import { dataInvalid } from './data-invalid.js';
import { type Database, fileList, withDatabase } from './duckdb.js';
import { missingColumns } from './event-time.js';
import { quoteIdentifier, quoteLiteral } from './feature-encoding.js';
import { copyRows, selectExpressions, type SourceRequest, withSource } from './source-rows.js';

/** All rows of a source as one Parquet file, ordered as those of a snapshot; event time is a TIMESTAMP in UTC. */
export interface StagedRows {
  readonly path: string;
  /** Milliseconds since 1970, ascending; one for each row. */
  readonly eventTimesMs: Float64Array;
  /** In the order of the rows: 1 and 0 for a class, else the number; NaN where there is none. */
  readonly labels: Float64Array;
}

/**
 * Copies the rows of a source to a place where nobody changes them.
 * @param path of the file that is made @throws as {@link withSource}; `DataInvalid` with every column that the source lacks
 */
export async function stageRows(request: SourceRequest, path: string): Promise<StagedRows> {
  const { spec, workDir, signal } = request;
  await withSource(request, async (source) => {
    const missing = missingColumns(source.table, spec);
    if (missing.length > 0) throw dataInvalid(missing);
    const window = { start: isoTime(source.bounds.oldestMs), end: isoTime(source.bounds.newestMs + 1) };
    const staged = join(source.scratch, 'rows.parquet');
    await copyRows(source, { expressions: await selectExpressions(source, window, spec), window, without: [], key: spec.data.key, path: staged });
    await rename(staged, path);
  });
  return withDatabase({ files: [path], scratch: workDir, signal, discreet: sensitivityOf(spec).columns.size > 0 }, async (database) => {
    const [time, label] = [quoteIdentifier(spec.data.eventTime), quoteIdentifier(spec.data.label)];
    const { columns } = await database.columns(
      `SELECT epoch_us(${time}) / 1000.0, CASE WHEN isfinite(TRY_CAST(${label} AS DOUBLE)) THEN TRY_CAST(${label} AS DOUBLE) ELSE 'nan'::DOUBLE END FROM ${staged(path)}`, ['DOUBLE', 'DOUBLE']);
    return { path, eventTimesMs: columns[0] as Float64Array, labels: columns[1] as Float64Array };
  });
}

/** What DuckDB reads staged rows from. */
export const staged = (path: string): string => `read_parquet(${fileList([path])})`;

/** Copies staged rows to another file. @param select of the new file's columns @param condition of the rows that it holds */
export const copyStaged = (database: Database, { from, to, select, condition }: { readonly from: string; readonly to: string; readonly select: string; readonly condition: string }): Promise<void> =>
  database.run(`COPY (SELECT ${select} FROM ${staged(from)} WHERE ${condition}) TO ${quoteLiteral(to)} (FORMAT parquet)`);
