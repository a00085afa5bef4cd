import type { Database } from './duckdb.js';
import { quoteIdentifier } from './feature-encoding.js';
import type { FileTable } from './source-table.js';

/** What the text of a CSV column is ordered by, the first that fits every field; text that fits none is ordered as text. */
const READINGS = [
  { type: 'BIGINT', fits: (text: string) => `regexp_full_match(${text}, '[+-]?[0-9]{1,18}')` },
  { type: 'DOUBLE', fits: (text: string) => `TRY_CAST(${text} AS DOUBLE) IS NOT NULL` },
  { type: 'TIMESTAMP WITH TIME ZONE', fits: (text: string) => `TRY_CAST(${text} AS TIMESTAMP WITH TIME ZONE) IS NOT NULL` },
] as const;

/** What rows of one key and time are ordered by, as SQL over the table's columns; missing values, NaN too, are NULL. */
export async function tieExpressions(database: Database, table: FileTable, names: readonly string[]): Promise<string[]> {
  const columns = names.flatMap((name) => table.columns.filter((column) => column.name === name));
  if (table.format === 'parquet' || columns.length === 0) return columns.map(({ name, type }) => orderOf(quoteIdentifier(name), type));
  const fits = columns.flatMap(({ name }, index) => READINGS.map((reading, place) => `coalesce(bool_and(${reading.fits(quoteIdentifier(name))}), true) AS "${index} ${place}"`));
  const [row] = await database.rows(`SELECT ${fits.join(', ')} FROM ${table.from}`);
  return columns.map(({ name }, index) => {
    const type = READINGS.find((_, place) => row?.[`${index} ${place}`] === true)?.type;
    return type === undefined ? quoteIdentifier(name) : orderOf(`${quoteIdentifier(name)}::${type}`, type);
  });
}

const orderOf = (value: string, type: string): string => (type === 'DOUBLE' || type === 'FLOAT' ? `CASE WHEN NOT isnan(${value}) THEN ${value} END` : value);
