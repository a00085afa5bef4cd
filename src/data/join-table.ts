import type { DataViolation } from '../contracts/data-report.js';
import { maskedRow, type Sensitivity } from '../contracts/masking.js';
import type { JoinSpec } from '../spec/joins-section.js';
import { dataInvalid } from './data-invalid.js';
import { fileList, type Database, type Row } from './duckdb.js';
import { quoteIdentifier, quoteLiteral } from './feature-encoding.js';
import { keyExpressions } from './join-keys.js';
import { tieExpressions } from './join-ties.js';
import { keysDiffer, noTimes, notPlaced, sourceHasToo, sourceLacks, tableLacks, tied } from './join-violations.js';
import type { HashedFile } from './source-files.js';
import { eventTimeExpression, openFiles, type Column, type FileTable, type SourceTable } from './source-table.js';

/** A join of the spec and the files that its source names. */
export interface JoinFiles {
  readonly join: JoinSpec;
  readonly files: readonly HashedFile[];
}

/** A join whose table can be read. */
export interface OpenedJoin {
  readonly join: JoinSpec;
  readonly table: FileTable;
  /** SQL over the source's columns and over the table's, of one type each. */
  readonly keys: readonly { readonly source: string; readonly table: string }[];
  /** SQL over the table's columns: when a row became known, as a TIMESTAMP in UTC; NULL where that cannot be told. */
  readonly knownAt: string;
}

/** Names that no column of a spec can have. */
export const KEY = (index: number): string => quoteIdentifier(`key ${index}`);
export const KNOWN = quoteIdentifier('known at');

const EXAMPLES = 5;
const MAX_TEXT = 200;

/** Opens a join's table. What does not fit the source is returned as violations, so that those of all joins are told at once. @param staged a file that CSV is staged in */
export async function openJoin(database: Database, source: SourceTable, { join, files }: JoinFiles, staged: string): Promise<OpenedJoin | DataViolation[]> {
  const wanted = [...new Set([...join.on, join.knownAt, ...join.tieBreaker, ...join.columns])];
  const table = await openFiles(database, files, join.source.format, { wanted, staged });
  const names = table.columns.map(({ name }) => name);
  const violations = [...wanted.filter((name) => !names.includes(name)).map((name) => tableLacks(join, name, names)), ...sourceHasToo(join, source)];
  const keys = join.on.flatMap((name) => keyOf(join, name, source, table, violations) ?? []);
  const column = table.columns.find(({ name }) => name === join.knownAt);
  const knownAt = column && knownExpression(column);
  if (column && knownAt === undefined) violations.push(noTimes(join, column));
  return violations.length > 0 || knownAt === undefined ? violations : { join, table, keys, knownAt };
}

function keyOf(join: JoinSpec, name: string, source: SourceTable, table: FileTable, violations: DataViolation[]): OpenedJoin['keys'][number] | undefined {
  const ours = source.joinedBy.find((column) => column.name === name);
  const theirs = table.columns.find((column) => column.name === name);
  if (!ours) violations.push(sourceLacks(join, name, source));
  if (!ours || !theirs) return undefined;
  const sides = [{ ...ours, untyped: source.texts.has(name) }, { ...theirs, untyped: table.format === 'csv' }] as const;
  const expressions = keyExpressions(...sides);
  if (!expressions) violations.push(keysDiffer(join, ...sides));
  return expressions;
}

/** Of nanoseconds the microsecond that follows: no value may be seen before it was known. */
function knownExpression(column: Column): string | undefined {
  const time = eventTimeExpression(column);
  if (column.type !== 'TIMESTAMP_NS') return time;
  return `CASE WHEN ${time}::TIMESTAMP_NS < ${quoteIdentifier(column.name)} THEN ${time} + INTERVAL 1 MICROSECOND ELSE ${time} END`;
}

/**
 * Writes what a join looks values up in: one row for each key and time, the one that holds by the tie-breakers, without rows that lack a part of the key.
 * @param path of the Parquet file: columns {@link KEY}, {@link KNOWN} and the joined ones by their names @param sensitivity of what examples show
 * @throws PerennialError `DataInvalid` for rows that cannot be placed in time, and for rows of one key and time of which none holds
 */
export async function settleTable(database: Database, opened: OpenedJoin, path: string, sensitivity: Sensitivity): Promise<void> {
  const { join, table, keys, knownAt } = opened;
  await refuseUnplaced(database, opened, sensitivity);
  const ties = await tieExpressions(database, table, join.tieBreaker);
  const [names, values] = [[...keys.map((_, index) => KEY(index)), KNOWN], join.columns.map(quoteIdentifier)];
  const select = [...keys.map((key, index) => `${key.table} AS ${KEY(index)}`), `${knownAt} AS ${KNOWN}`, ...values, ...ties.map((tie, index) => `${tie} AS "tie ${index}"`)];
  const whole = keys.map((_, index) => `${KEY(index)} IS NOT NULL`).join(' AND ');
  const order = ties.map((_, index) => `"tie ${index}" DESC NULLS LAST`).join(', ');
  const holds = ties.length === 0 ? '' : `QUALIFY rank() OVER (PARTITION BY ${names.join(', ')} ORDER BY ${order}) = 1`;
  // Copies of a row are one: whatever holds, the values are the same.
  await database.run(`COPY (SELECT DISTINCT ${[...names, ...values].join(', ')} FROM (SELECT * FROM (SELECT ${select.join(', ')} FROM ${table.from}) WHERE ${whole} ${holds}))
    TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION snappy)`);
  await refuseTied(database, join, { names, path, sensitivity });
}

async function refuseUnplaced(database: Database, { join, table, knownAt }: OpenedJoin, sensitivity: Sensitivity): Promise<void> {
  const placed = `coalesce(isfinite(${knownAt}), false)`;
  const [row] = await database.rows(`SELECT count(*)::DOUBLE AS rows, count(*) FILTER (NOT ${placed})::DOUBLE AS lost FROM ${table.from}`);
  const [rows, lost] = [Number(row?.['rows']), Number(row?.['lost'])];
  if (lost === 0) return;
  const shown = [...new Set([...join.on, join.knownAt])].map((name) => `left(${quoteIdentifier(name)}::VARCHAR, ${MAX_TEXT}) AS ${quoteIdentifier(name)}`);
  const examples = await database.rows(`SELECT ${shown.join(', ')} FROM ${table.from} WHERE NOT ${placed} LIMIT ${EXAMPLES}`);
  throw dataInvalid([notPlaced(join, { rows, lost, examples: examples.map((example) => maskedRow(example, sensitivity)) })]);
}

async function refuseTied(database: Database, join: JoinSpec, { names, path, sensitivity }: { readonly names: readonly string[]; readonly path: string; readonly sensitivity: Sensitivity }): Promise<void> {
  const groups = `SELECT ${names.join(', ')}, count(*) AS copies FROM read_parquet(${fileList([path])}) GROUP BY ${names.join(', ')} HAVING count(*) > 1`;
  const [row] = await database.rows(`SELECT count(*)::DOUBLE AS ties, coalesce(sum(copies), 0)::DOUBLE AS rows FROM (${groups})`);
  const [ties, rows] = [Number(row?.['ties']), Number(row?.['rows'])];
  if (ties === 0) return;
  const shown = [...join.on, join.knownAt].map((name, index) => `left(${names[index]}::VARCHAR, ${MAX_TEXT}) AS ${quoteIdentifier(name)}`);
  const examples: Row[] = await database.rows(`SELECT ${shown.join(', ')}, copies::DOUBLE AS copies FROM (${groups}) ORDER BY ${names.join(', ')} LIMIT ${EXAMPLES}`);
  throw dataInvalid([tied(join, { ties, rows, examples: examples.map((example) => maskedRow(example, sensitivity)) })]);
}
