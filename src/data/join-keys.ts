import { quoteIdentifier } from './feature-encoding.js';
import type { Column } from './source-table.js';

/** A column that a join goes by, of the source or of the table. */
export interface KeyColumn extends Column {
  /** Whether it is the text of CSV, where everything is. */
  readonly untyped: boolean;
}

/** What values may be equal by, and the type in which they are compared. Fractions are no key: what is written twice may differ in its last bit. */
const KINDS = [
  { type: /^(?:VARCHAR|UUID|ENUM\(.*\))$/s, as: 'VARCHAR', fromText: true },
  { type: /^(?:U?(?:TINY|SMALL|BIG)?INT(?:EGER)?|HUGEINT|DECIMAL\(\d+,0\))$/, as: 'HUGEINT', fromText: true },
  { type: /^DATE$/, as: 'DATE', fromText: true },
  { type: /^BOOLEAN$/, as: 'BOOLEAN', fromText: false },
] as const;

/**
 * How a key is compared: two SQL expressions of one type over the column of that name. The text of CSV is compared with the text of a whole number or a date,
 * as DuckDB writes it: 7 and not 07.
 * @returns undefined for types that have no values in common, or are none for a key
 */
export function keyExpressions(source: KeyColumn, table: KeyColumn): { readonly source: string; readonly table: string } | undefined {
  const [ours, theirs] = [kindOf(source), kindOf(table)];
  if (!ours || !theirs) return undefined;
  const column = quoteIdentifier(source.name);
  const textual = ours !== theirs && ours.fromText && theirs.fromText && (source.untyped || table.untyped);
  if (ours !== theirs && !textual) return undefined;
  const as = (type: string): string => (textual && type !== 'VARCHAR' ? `${column}::${type}::VARCHAR` : `${column}::${type}`);
  return { source: as(ours.as), table: as(theirs.as) };
}

const kindOf = ({ type }: Column): (typeof KINDS)[number] | undefined => KINDS.find((kind) => kind.type.test(type));
