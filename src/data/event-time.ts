import type { DataViolation } from '../contracts/data-report.js';
import { maskedRow, sensitivityOf } from '../contracts/masking.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { PerennialError } from '../contracts/failures.js';
import { dataInvalid } from './data-invalid.js';
import type { Database } from './duckdb.js';
import { quoteIdentifier } from './feature-encoding.js';
import { nearestName } from '../contracts/near-miss.js';
import { eventTimeExpression, ownColumns, type Column, type SourceTable } from './source-table.js';

export interface EventTimeBounds {
  readonly oldestMs: number;
  readonly newestMs: number;
}

/** Without event times no row can be placed in a window, so these faults end a snapshot before there are parts. */
const fault = (found: Partial<DataViolation> & Pick<DataViolation, 'check' | 'column' | 'message'>): DataViolation => ({
  part: 'train', rows: 0, share: 0, limit: 'every row has an event time', examples: [], ...found,
});

/** @throws PerennialError `DataInvalid`, listing every column that the source lacks, when event time is one of them or no time. */
export function requireEventTime(table: SourceTable, spec: ModelSpec): Column {
  const column = table.selected.find(({ name }) => name === spec.data.eventTime);
  if (!column) throw dataInvalid(missingColumns(table, spec));
  if (eventTimeExpression(column) === undefined) {
    throw dataInvalid([fault({
      check: 'type', column: column.name, share: 1, limit: 'a timestamp, a date or text in ISO 8601',
      message: `Event time ${column.name} is ${column.type}; write it as a timestamp in UTC`,
    })]);
  }
  return column;
}

/** Every column of the spec that the source should have and lacks, event time first. */
export function missingColumns(table: SourceTable, spec: ModelSpec): DataViolation[] {
  const missing = ownColumns(spec).filter((name) => !table.selected.some((selected) => selected.name === name));
  return missing.sort((a, b) => Number(b === spec.data.eventTime) - Number(a === spec.data.eventTime)).map((name) => fault({
    check: 'columnMissing', column: name, share: 1, limit: 'the column is there', message: missingMessage(name, table.others),
  }));
}

export function missingMessage(name: string, others: readonly string[]): string {
  const meant = nearestName(name, others);
  return meant === undefined
    ? `The source has no column ${name}; add it, or take it out of the spec`
    : `The source has no column ${name}; did you mean ${meant}? Rename it in the source or in the spec`;
}

/** @throws PerennialError `WindowEmpty` for a source without rows, `DataInvalid` when a row has no event time. */
export async function eventTimeBounds(database: Database, table: SourceTable, column: Column, spec: ModelSpec): Promise<EventTimeBounds> {
  const time = eventTimeExpression(column);
  const placed = `coalesce(isfinite(${time}), false)`;
  const [row] = await database.rows(`
    SELECT count(*)::DOUBLE AS rows, count(*) FILTER (NOT ${placed})::DOUBLE AS lost,
      epoch_ms(min(${time}) FILTER (${placed}))::DOUBLE AS oldest, epoch_ms(max(${time}) FILTER (${placed}))::DOUBLE AS newest
    FROM ${table.from}`);
  const { rows, lost } = { rows: Number(row?.['rows']), lost: Number(row?.['lost']) };
  if (rows === 0) throw new PerennialError('WindowEmpty', `${spec.data.source.path} holds no rows; bring the data`, { path: spec.data.source.path });
  if (lost > 0) throw dataInvalid([await lostRows(database, table, column, spec, { rows, lost, placed })]);
  return { oldestMs: Number(row?.['oldest']), newestMs: Number(row?.['newest']) };
}

async function lostRows(
  database: Database, table: SourceTable, column: Column, spec: ModelSpec, found: { rows: number; lost: number; placed: string },
): Promise<DataViolation> {
  const shown = table.selected.filter(({ name }) => name === column.name || spec.data.key.includes(name));
  const list = shown.map(({ name }) => `${quoteIdentifier(name)}::VARCHAR AS ${quoteIdentifier(name)}`).join(', ');
  const rows = await database.rows(`SELECT ${list} FROM ${table.from} WHERE NOT ${found.placed} LIMIT 5`);
  const examples = rows.map((row) => maskedRow(row, sensitivityOf(spec)));
  return fault({
    check: 'eventTime', column: column.name, rows: found.lost, share: found.lost / found.rows, examples,
    message: `${found.lost} of the source's ${found.rows} rows have no event time that can be read; mend ${column.name}, as in 2013-06-30T12:00:00Z`,
  });
}
