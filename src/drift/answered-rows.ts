import type { RowsNotTaken } from '../contracts/feature-drift.js';
import type { Database } from '../data/duckdb.js';
import type { ObservedWindow } from '../observations/observed-window.js';
import { type InputColumn, valueOf } from './written-inputs.js';

/** Rows of a window, with inputs, that one version answered. */
export interface AnsweredRows {
  /** Null: not known. */
  readonly version: number | null;
  readonly rows: number;
  /** Those without a value, by feature. */
  readonly missing: ReadonlyMap<string, number>;
}

/** Counts the rows of a window by the version that answered. @param features of which those without a value are counted too */
export async function countAnswered(database: Database, { relation, kept }: ObservedWindow, features: readonly InputColumn[]): Promise<AnsweredRows[]> {
  const missing = features.map((feature, place) =>
    `CAST(count(*) FILTER (WHERE ${valueOf(feature, kept)} IS NULL) AS DOUBLE) AS missing_${place}`);
  const counted = await database.rows(`SELECT version, ${['count(*)::DOUBLE AS rows', ...missing].join(', ')} FROM ${relation} WHERE ${kept ? 'inputs IS NOT NULL' : 'false'} GROUP BY version`);
  return counted.map((row) => ({
    version: row['version'] === null ? null : Number(row['version']), rows: Number(row['rows']), missing: new Map(features.map(({ name }, place) => [name, Number(row[`missing_${place}`])])),
  }));
}

/**
 * Of the features that a version which answered does not take, the rows that such versions answered.
 * @param taken by version, the names of its spec's features; a version that is not among them counts as one that takes all
 */
export function rowsNotTaken(answered: readonly AnsweredRows[], features: readonly InputColumn[], taken: ReadonlyMap<number, ReadonlySet<string>>): ReadonlyMap<string, RowsNotTaken> {
  const found = new Map<string, RowsNotTaken>();
  for (const { version, rows, missing } of answered) {
    const known = version === null ? undefined : taken.get(version);
    for (const { name } of known ? features.filter((feature) => !known.has(feature.name)) : []) {
      const before = found.get(name) ?? { rows: 0, missing: 0 };
      found.set(name, { rows: before.rows + rows, missing: before.missing + (missing.get(name) ?? rows) });
    }
  }
  return found;
}
