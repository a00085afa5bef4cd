import type { ProtectedColumn } from '../evaluation/fairness-groups.js';
import { MAX_SLICE_VALUES } from '../evaluation/parquet-rows.js';
import type { SliceColumn } from '../evaluation/slices.js';
import type { Database } from '../data/duckdb.js';
import { quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import { type ObservedWindowQuery, withObservedWindow } from '../observations/observed-window.js';
import { MOST_NUMBER_GROUPS } from '../spec/fairness-section.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { type ObservedOperations, readOperations, type SlowLimit } from './window-operations.js';

/** The rows of a window that one version answered, in the order of event time; all columns of one length. */
export interface ServedRows {
  /** Of all versions that answered, the one with the most rows first. */
  readonly versions: readonly { readonly version: number; readonly rows: number }[];
  /** As it was answered; NaN where a guard rail gave none. */
  readonly outputs: Float32Array;
  /** 1 and 0 for a class; NaN where it is not known. */
  readonly labels: Float64Array;
  /** The business outcome that came with labels; NaN where it is not known. */
  readonly outcomes: Float64Array;
  /** Milliseconds since 1970. */
  readonly eventTimesMs: Float64Array;
  /** Those slice columns that are inputs and were kept. */
  readonly slices: readonly SliceColumn[];
  /** Those protected features whose inputs were kept. */
  readonly protectedColumns: readonly ProtectedColumn[];
  /** Of all versions that answered. */
  readonly operations: ObservedOperations;
}

/** SQL of the order that rows have: by event time, then as they were asked for. No two have the same place. */
export const ROW_ORDER = 'event_time, gateway, boot, sequence, row';

/** Inputs by which rows are told apart. */
export interface ServedColumns {
  readonly slices: readonly string[];
  readonly protectedFeatures: readonly FeatureSpec[];
}

/**
 * Reads the rows of the version that answered most of a window; of equals the newer one.
 * @returns null where nothing was observed @throws PerennialError `DataNotFound`, `DataUnreadable`
 */
export function readServedRows(query: Omit<ObservedWindowQuery, 'version'>, { slices, protectedFeatures, slowAfterMs }: ServedColumns & SlowLimit): Promise<ServedRows | null> {
  return withObservedWindow({ ...query, version: null }, async (database, { relation, kept }) => {
    const counts = await database.rows(`SELECT version, count(*)::DOUBLE AS rows FROM ${relation} GROUP BY version ORDER BY rows DESC, version DESC`);
    const versions = counts.map(({ version, rows }) => ({ version: Number(version), rows: Number(rows) }));
    const [most] = versions;
    if (!most) return null;
    await database.run(`CREATE TEMP TABLE served AS SELECT * FROM ${relation} WHERE version = ${most.version} ORDER BY ${ROW_ORDER}`);
    const { columns } = await database.columns(
      "SELECT coalesce(output, 'nan'::FLOAT), coalesce(label, 'nan'::DOUBLE), epoch_ms(event_time)::DOUBLE, coalesce(outcome, 'nan'::DOUBLE) FROM served ORDER BY rowid", ['FLOAT', 'DOUBLE', 'DOUBLE', 'DOUBLE']);
    return {
      versions, outputs: columns[0] as Float32Array, labels: columns[1] as Float64Array, eventTimesMs: columns[2] as Float64Array, outcomes: columns[3] as Float64Array,
      slices: await inTurn(slices.filter((name) => kept?.includes(name)), (name) => readSlice(database, name)),
      protectedColumns: await inTurn(protectedFeatures.filter(({ name }) => kept?.includes(name)), (feature) => readProtected(database, feature)),
      operations: await readOperations(database, query.files.observations, { ...query, slowAfterMs }),
    };
  });
}

async function inTurn<From, To>(items: readonly From[], read: (item: From) => Promise<To>): Promise<To[]> {
  const results: To[] = [];
  for (const item of items) results.push(await read(item));
  return results;
}

const textOf = (column: string): string => `CAST(inputs.${quoteIdentifier(column)} AS VARCHAR)`;

async function readSlice(database: Database, column: string): Promise<SliceColumn> {
  const text = textOf(column);
  const found = await database.rows(`SELECT ${text} AS value, count(*) AS rows FROM served GROUP BY value ORDER BY rows DESC, value NULLS LAST`);
  const values = found.slice(0, MAX_SLICE_VALUES).map(({ value }) => (value === null ? null : String(value)));
  const others = found.length > values.length;
  const cases = values.map((value, code) => `WHEN ${text} IS NOT DISTINCT FROM ${value === null ? 'NULL' : quoteLiteral(value)} THEN ${code}`);
  const { columns } = await database.columns(`SELECT (CASE ${cases.join(' ')} ELSE ${values.length} END)::FLOAT FROM served ORDER BY rowid`, ['FLOAT']);
  return { column, values: others ? [...values, '(others)'] : values, codes: Int32Array.from(columns[0] as Float32Array) };
}

/** A category's groups are the values that the spec lists, all of them; a number's its most frequent ones. Rows with another value, or none, are of no known group. */
async function readProtected(database: Database, feature: FeatureSpec): Promise<ProtectedColumn> {
  const text = textOf(feature.name);
  const groups = feature.type === 'category' ? feature.categories : await mostFrequent(database, text);
  const { columns } = await database.columns(
    `SELECT coalesce(list_position([${groups.map(quoteLiteral).join(', ')}]::VARCHAR[], ${text}) - 1, -1)::FLOAT FROM served ORDER BY rowid`, ['FLOAT']);
  return { column: feature.name, groups, codes: Int32Array.from(columns[0] as Float32Array) };
}

async function mostFrequent(database: Database, text: string): Promise<string[]> {
  const found = await database.rows(`SELECT ${text} AS value FROM served WHERE value IS NOT NULL GROUP BY value ORDER BY count(*) DESC, value LIMIT ${MOST_NUMBER_GROUPS}`);
  return found.map(({ value }) => String(value));
}
