import type { DataViolation } from '../contracts/data-report.js';
import type { JoinSpec } from '../spec/joins-section.js';
import type { Row } from './duckdb.js';
import { nearestName } from '../contracts/near-miss.js';
import type { KeyColumn } from './join-keys.js';
import type { Column, SourceTable } from './source-table.js';

/** Without a table that can be joined there are no rows to cut into parts, so these faults end a snapshot as those of event time do. */
const fault = (join: JoinSpec, found: Pick<DataViolation, 'check' | 'column' | 'limit' | 'message'> & Partial<DataViolation>): DataViolation => ({
  part: 'train', rows: 0, share: 1, examples: [], ...found, message: `Join ${join.name}: ${found.message}`,
});

export function tableLacks(join: JoinSpec, column: string, names: readonly string[]): DataViolation {
  const meant = nearestName(column, names);
  const mend = meant === undefined ? 'add it, or correct data.joins' : `did you mean ${meant}? Rename it in the table or in the spec`;
  return fault(join, { check: 'joinColumnMissing', column, limit: 'the column is in the table', message: `the table has no column ${column}; ${mend}` });
}

export function sourceLacks(join: JoinSpec, column: string, source: SourceTable): DataViolation {
  const meant = nearestName(column, namesOf(source));
  const mend = meant === undefined ? 'add it, or join by another' : `did you mean ${meant}? Rename it in the source or in the spec`;
  return fault(join, { check: 'joinColumnMissing', column, limit: 'the column is in the source', message: `the source has no column ${column}, by which the table is joined; ${mend}` });
}

/** A row would have two values of one name. SQL does not tell names apart that differ only in case. */
export function sourceHasToo(join: JoinSpec, source: SourceTable): DataViolation[] {
  const own = new Map(namesOf(source).map((name) => [name.toLowerCase(), name]));
  return join.columns.flatMap((column) => {
    const other = own.get(column.toLowerCase());
    if (other === undefined) return [];
    const message = `${column} is in the source too${other === column ? '' : `, as ${other}`}; rename one of them, or take it out of data.joins`;
    return [fault(join, { check: 'joinColumnClash', column, limit: 'in the source or in the table', message })];
  });
}

export const keysDiffer = (join: JoinSpec, source: KeyColumn, table: KeyColumn): DataViolation => fault(join, {
  check: 'joinKeyType', column: source.name, limit: 'text, whole numbers, dates or booleans, the same in both',
  message: `${source.name} is ${typeOf(source)} in the source and ${typeOf(table)} in the table; write it in both as text, or in both as whole numbers, dates or booleans`,
});

export const noTimes = (join: JoinSpec, knownAt: Column): DataViolation => fault(join, {
  check: 'type', column: knownAt.name, limit: 'a timestamp, a date or text in ISO 8601', message: `${knownAt.name} (knownAt) is ${typeOf({ ...knownAt, untyped: false })}; write it as a timestamp in UTC`,
});

export const notPlaced = (join: JoinSpec, { rows, lost, examples }: { readonly rows: number; readonly lost: number; readonly examples: readonly Row[] }): DataViolation => fault(join, {
  check: 'knownAt', column: join.knownAt, rows: lost, share: lost / rows, limit: 'every row says when it became known', examples,
  message: `${lost} of the table's ${rows} rows have no time in ${join.knownAt} that can be read, so nobody can say when their values were known; mend them, as in 2013-06-30T12:00:00Z, or take them out`,
});

/** @param found keys and times with more than one row that holds, with examples that name both */
export function tied(join: JoinSpec, { ties, rows, examples }: { readonly ties: number; readonly rows: number; readonly examples: readonly Row[] }): DataViolation {
  const which = Object.entries(examples[0] ?? {}).filter(([name]) => name !== 'copies').map(([name, value]) => `${name} ${String(value)}`).join(', ');
  const mend = join.tieBreaker.length === 0 ? 'name in tieBreaker a column whose greatest value tells which holds' : `add to tieBreaker (${join.tieBreaker.join(', ')}) what tells which holds`;
  return fault(join, {
    check: 'joinTie', column: null, rows, share: 1, limit: `one row for each ${[...join.on, join.knownAt].join(', ')}`, examples,
    message: `${ties} of the times at which a key's values became known ${ties === 1 ? 'has' : 'have'} several rows with different values, such as ${which}; keep one row, or ${mend}`,
  });
}

const namesOf = ({ selected, joinedBy, others }: SourceTable): string[] => [...new Set([...[...selected, ...joinedBy].map(({ name }) => name), ...others])];

/** A nested type can be as long as its file is wide. */
const typeOf = ({ type, untyped }: KeyColumn): string => (untyped ? 'text (CSV)' : type.length > 60 ? `${type.slice(0, 57)}…` : type);
