import type { ModelSpec } from '../spec/model-spec.js';
import type { Database } from './duckdb.js';
import { quoteIdentifier } from './feature-encoding.js';
import type { Column } from './source-table.js';

/** How the text of a CSV column may be read, the first that fits every field. Text that fits none stays text. */
const READINGS = {
  BIGINT: (text: string) => `regexp_full_match(${text}, '[+-]?[0-9]{1,18}')`,
  DOUBLE: (text: string) => `TRY_CAST(${text} AS DOUBLE) IS NOT NULL`,
  BOOLEAN: (text: string) => `lower(${text}) IN ('true', 'false')`,
} as const;

type Reading = keyof typeof READINGS;

const BATCH = 200;

/**
 * The types that the columns of a CSV source get: numbers for number features, numbers or booleans for the label, text
 * for everything else. A column with a field that is no number stays text whole, so that validation can show that field.
 *
 * @returns a select expression for each column
 */
export async function csvExpressions(database: Database, from: string, columns: readonly Column[], spec: ModelSpec): Promise<Map<string, string>> {
  const expressions = new Map(columns.map(({ name }) => [name, quoteIdentifier(name)]));
  const typed = columns.filter(({ name }) => readingsOf(name, spec).length > 0);
  for (let start = 0; start < typed.length; start += BATCH) {
    const batch = typed.slice(start, start + BATCH);
    const [row] = await database.rows(`SELECT ${batch.map(({ name }, index) => fits(name, index, spec)).join(', ')} FROM ${from}`);
    batch.forEach(({ name }, index) => {
      const reading = readingsOf(name, spec).find((type) => row?.[`${type}${index}`] === true);
      if (reading) expressions.set(name, `TRY_CAST(${quoteIdentifier(name)} AS ${reading}) AS ${quoteIdentifier(name)}`);
    });
  }
  return expressions;
}

function readingsOf(name: string, spec: ModelSpec): readonly Reading[] {
  if (name === spec.data.eventTime || spec.data.key.includes(name)) return [];
  if (name === spec.data.label) return spec.task === 'regression' ? ['DOUBLE'] : ['BIGINT', 'DOUBLE', 'BOOLEAN'];
  return spec.data.features.some((feature) => feature.name === name && feature.type === 'number') ? ['DOUBLE'] : [];
}

const fits = (name: string, index: number, spec: ModelSpec): string => {
  const text = quoteIdentifier(name);
  return readingsOf(name, spec).map((type) => `coalesce(bool_and(${READINGS[type](text)}) FILTER (${text} IS NOT NULL), true) AS "${type}${index}"`).join(', ');
};
