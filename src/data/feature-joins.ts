import { join as joinPath } from 'node:path';
import { sensitivityOf } from '../contracts/masking.js';
import { durationMs } from '../contracts/time.js';
import type { JoinSpec } from '../spec/joins-section.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { dataInvalid } from './data-invalid.js';
import { fileList, type Database } from './duckdb.js';
import { quoteIdentifier } from './feature-encoding.js';
import { KEY, KNOWN, openJoin, settleTable, type JoinFiles, type OpenedJoin } from './join-table.js';
import { eventTimeExpression, specColumns, type Column, type SourceTable } from './source-table.js';

export interface JoiningSource {
  readonly database: Database;
  /** The rows that are joined to. */
  readonly table: SourceTable;
  readonly eventTime: Column;
  /** A folder that the database may write to. */
  readonly scratch: string;
}

/** What a prediction could see was known when it was asked for, at the row's event time. */
const ASKED = quoteIdentifier('asked at');
const SOURCE_KEY = (place: number, index: number): string => quoteIdentifier(`join ${place} key ${index}`);

/**
 * The source's rows with the columns of the spec's joins: of the table's rows with the row's key the newest that was known at its event time, or NULL where there
 * is none or it is older than `maxAge`. Each row is there once and keeps its own values. Of rows of a table that became known at once the tie-breakers choose
 * before DuckDB's ASOF join does, whose choice depends on the order of rows.
 * @returns a table that is joined anew whenever it is read, for the rows that are read alone
 * @throws PerennialError `DataUnreadable`; `DataInvalid` with every join that does not fit, or for rows of a table that cannot be placed in time or told apart
 */
export async function joinFeatures(source: JoiningSource, joins: readonly JoinFiles[], spec: ModelSpec): Promise<SourceTable> {
  const { database, table, scratch } = source;
  const opened: OpenedJoin[] = [];
  const violations = [];
  for (const [place, files] of joins.entries()) {
    const found = await openJoin(database, table, files, joinPath(scratch, `join-${place}-staged.parquet`));
    if (Array.isArray(found)) violations.push(...found);
    else opened.push(found);
  }
  if (violations.length > 0) throw dataInvalid(violations);
  const sensitivity = sensitivityOf(spec);
  for (const [place, one] of opened.entries()) await settleTable(database, one, fileOf(scratch, place), sensitivity);
  const columns = new Map([...table.selected, ...opened.flatMap(joinedColumns)].map((column) => [column.name, column]));
  return {
    ...table,
    from: `(${joinedRows(source, opened)})`,
    selected: specColumns(spec).flatMap((name) => columns.get(name) ?? []),
    texts: new Set([...table.texts, ...opened.flatMap(({ join, table: { format } }) => (format === 'csv' ? join.columns : []))]),
  };
}

const fileOf = (scratch: string, place: number): string => joinPath(scratch, `join-${place}.parquet`);

const joinedColumns = ({ join, table }: OpenedJoin): Column[] => table.columns.filter(({ name }) => join.columns.includes(name));

function joinedRows({ table, eventTime, scratch }: JoiningSource, joins: readonly OpenedJoin[]): string {
  const own = table.selected.map(({ name }) => quoteIdentifier(name));
  const keys = joins.flatMap(({ keys }, place) => keys.map(({ source }, index) => `${source} AS ${SOURCE_KEY(place, index)}`));
  const values = joins.flatMap(({ join }, place) => join.columns.map((name) => `${valueOf(join, place, name)} AS ${quoteIdentifier(name)}`));
  return `SELECT ${[...own.map((name) => `source.${name}`), ...values].join(', ')}
    FROM (SELECT ${[...own, `${eventTimeExpression(eventTime)} AS ${ASKED}`, ...keys].join(', ')} FROM ${table.from}) AS source
    ${joins.map(({ keys }, place) => lookUp(scratch, place, keys.length)).join(' ')}`;
}

function lookUp(scratch: string, place: number, keys: number): string {
  const equal = Array.from({ length: keys }, (_, index) => `source.${SOURCE_KEY(place, index)} = join${place}.${KEY(index)}`);
  return `ASOF LEFT JOIN read_parquet(${fileList([fileOf(scratch, place)])}) AS join${place} ON ${equal.join(' AND ')} AND source.${ASKED} >= join${place}.${KNOWN}`;
}

/** A value that is exactly as old as it may be counts. */
function valueOf({ maxAge }: JoinSpec, place: number, name: string): string {
  const value = `join${place}.${quoteIdentifier(name)}`;
  if (maxAge === undefined) return value;
  return `CASE WHEN epoch_us(source.${ASKED}) - epoch_us(join${place}.${KNOWN}) <= ${1_000 * (durationMs(maxAge) as number)}::BIGINT THEN ${value} END`;
}
