import { type Database, type DatabaseOptions, fileList, withDatabase } from '../data/duckdb.js';
import { float32, quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import { type ObservedPartQuery, withObservedPart } from '../observations/observed-parts.js';
import { type ObservedWindowQuery, withObservedWindow } from '../observations/observed-window.js';
import type { FeatureSpec } from '../spec/model-spec.js';

/**
 * Inputs as columns of Parquet files, those of all sides made alike: numbers as the model takes them (float32; what is not finite is missing),
 * categories as texts.
 */

/** Where the inputs of a window are. */
export type WindowInputs = Omit<ObservedWindowQuery, 'version'>;

export type InputColumn = Pick<FeatureSpec, 'name' | 'type'>;

/** @param baseline rows as the source has them, a Parquet file */
export const writeBaseline = (baseline: string, features: readonly InputColumn[], path: string, scope: Pick<DatabaseOptions, 'scratch' | 'signal'>): Promise<void> =>
  withDatabase({ files: [baseline], ...scope }, (database) =>
    write(database, path, features.map((feature) => named(feature, alike(feature, quoteIdentifier(feature.name)))), `read_parquet(${fileList([baseline])})`));

/** @returns the features that the window has */
export function writeWindow({ scratch, ...query }: WindowInputs, features: readonly FeatureSpec[], path: string): Promise<readonly FeatureSpec[]> {
  const files = { ...query.files, labels: [] };
  return withObservedWindow({ ...query, scratch, files, version: null }, async (database, { relation, kept }) => {
    const known = features.filter(({ name }) => kept?.includes(name));
    if (known.length > 0) await write(database, path, known.map((feature) => named(feature, valueOf(feature, kept))), `${relation} WHERE inputs IS NOT NULL`);
    return known;
  });
}

/** Writes all of the features: those that these files have not are missing in every row. */
export const writePart = (part: ObservedPartQuery, features: readonly InputColumn[], path: string): Promise<void> =>
  withObservedPart(part, (database, { relation, kept }) => {
    const columns = features.map((feature) => named(feature, valueOf(feature, kept)));
    return write(database, path, columns, `${relation} WHERE ${kept ? 'inputs IS NOT NULL' : 'false'}`);
  });

/** SQL of a feature's value in rows with the struct `inputs`, NULL where it is missing. @param kept the fields of that struct */
export const valueOf = (feature: InputColumn, kept: readonly string[] | null): string =>
  alike(feature, kept?.includes(feature.name) ? `inputs.${quoteIdentifier(feature.name)}` : 'NULL');

const alike = ({ type }: InputColumn, value: string): string => (type === 'category' ? `CAST(${value} AS VARCHAR)` : float32(value));

const named = ({ name }: InputColumn, value: string): string => `${value} AS ${quoteIdentifier(name)}`;

const write = (database: Database, path: string, columns: readonly string[], relation: string): Promise<void> =>
  database.run(`COPY (SELECT ${columns.join(', ')} FROM ${relation}) TO ${quoteLiteral(path)} (FORMAT parquet)`);
