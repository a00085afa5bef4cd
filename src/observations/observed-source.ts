import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { PerennialError } from '../contracts/failures.js';
import { sensitivityOf } from '../contracts/masking.js';
import { isoTime } from '../contracts/time.js';
import { type Database, fileList, withDatabase } from '../data/duckdb.js';
import { missingMessage } from '../data/event-time.js';
import { quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import type { HashedFile } from '../data/source-files.js';
import { copyRows, type OpenedSource, selectExpressions, type SourceRequest, withSource } from '../data/source-rows.js';
import { staged } from '../data/staged-rows.js';
import type { ModelSpec } from '../spec/model-spec.js';

/** `monitoring.source` of a spec. */
export type SourceSection = NonNullable<ModelSpec['monitoring']['source']>;

/** A file of a source, at a place where nobody changes it. */
export interface StagedSource {
  /** Parquet: the columns of the spec, in the order of event time and key; the label's too where the file has none. */
  readonly path: string;
  /** Of these the rows that were not in the file before; the same path where it is new. */
  readonly fresh: string;
}

export interface StagingRequest extends Omit<SourceRequest, 'spec' | 'files'> {
  /** Of the version whose features are read. */
  readonly spec: ModelSpec;
  readonly section: SourceSection;
  /** A column that is read where the file has it. */
  readonly outcome: string | null;
  readonly file: HashedFile;
  /** Observations of this file as it was before: predictions in them are known. */
  readonly earlier: readonly string[];
  /** A folder for what is made. */
  readonly scratch: string;
}

/** What a prediction is called: the values of `data.key`. */
export const predictionId = ({ data }: ModelSpec): string => `concat_ws('/', ${data.key.map((column) => `CAST(${quoteIdentifier(column)} AS VARCHAR)`).join(', ')})`;

/**
 * Reads one file of a source whole.
 * @throws PerennialError as {@link withSource}, also where it has changed since it was hashed; `DataInvalid` for columns that are not there or of another type, and for rows without a key, an
 *   answer that is no number, or a version that is none
 */
export async function stageSource({ spec, section, outcome, file, earlier, scratch, ...request }: StagingRequest): Promise<StagedSource> {
  const answers = [section.output, section.version].filter((column) => column !== undefined);
  const asked = sourceSpec(spec, { path: file.name, format: section.format }, [...answers, ...(outcome === null ? [] : [outcome])]);
  const path = join(scratch, 'rows.parquet');
  await withSource({ ...request, spec: asked, files: [file] }, async (source) => {
    refuseMissing(source, asked, answers);
    const window = { start: isoTime(source.bounds.oldestMs), end: isoTime(source.bounds.newestMs + 1) };
    const copied = join(source.scratch, 'rows.parquet');
    await copyRows(source, { expressions: await expressionsOf(source, window, asked), window, without: [], key: spec.data.key, path: copied });
    await rename(copied, path);
  });
  return withDatabase({ files: [path, ...earlier], scratch, signal: request.signal, discreet: sensitivityOf(spec).columns.size > 0 }, async (database) => {
    await refuseUnfit(database, path, { spec, section, name: file.name });
    return { path, fresh: earlier.length === 0 ? path : await freshRows(database, path, { spec, earlier, scratch }) };
  });
}

/** The spec as if the file were its data: joins and types are those of the training rows, and what else is read are columns as slices are. */
const sourceSpec = (spec: ModelSpec, source: ModelSpec['data']['source'], more: readonly string[]): ModelSpec =>
  ({ ...spec, data: { ...spec.data, source }, evaluation: { ...spec.evaluation, slices: [...more] } });

function refuseMissing({ table, files }: OpenedSource, { data }: ModelSpec, answers: readonly string[]): void {
  const wanted = [...data.key, ...data.features.map(({ name }) => name), ...answers];
  const missing = wanted.filter((name) => !table.selected.some((column) => column.name === name));
  if (missing.length > 0) throw invalid(files[0]!.name, missing.map((name) => missingMessage(name, table.others)));
}

/** A file may lack the label: labels come later, or by another way. */
async function expressionsOf(source: OpenedSource, window: Parameters<typeof selectExpressions>[1], spec: ModelSpec): Promise<string[]> {
  const expressions = await selectExpressions(source, window, spec);
  const { label } = spec.data;
  return source.table.selected.some(({ name }) => name === label) ? expressions : [...expressions, `NULL::DOUBLE AS ${quoteIdentifier(label)}`];
}

const NUMERIC = /^(?:U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|FLOAT|DOUBLE|DECIMAL.*|BOOLEAN|"NULL")$/;

interface Checked {
  readonly spec: ModelSpec;
  readonly section: SourceSection;
  readonly name: string;
}

async function refuseUnfit(database: Database, path: string, { spec, section: { output, version }, name }: Checked): Promise<void> {
  const types = new Map((await database.rows(`DESCRIBE SELECT * FROM ${staged(path)}`)).map((row) => [String(row['column_name']), String(row['column_type'])]));
  const texts = spec.data.features.filter((feature) => feature.type === 'number' && !NUMERIC.test(types.get(feature.name) ?? ''));
  const faults = texts.map((feature) => `Feature ${feature.name} is ${types.get(feature.name)}; write it as a number, and leave it empty where it is missing`);
  const [counts] = await database.rows(`
    SELECT count_if(${spec.data.key.map((column) => `${quoteIdentifier(column)} IS NULL`).join(' OR ')})::DOUBLE AS keyless, count_if(${noNumber(output)})::DOUBLE AS unanswered,
      count_if(${noChance(spec, output)})::DOUBLE AS improbable, count_if(${noVersion(version)})::DOUBLE AS versionless FROM ${staged(path)}`);
  const [keyless, unanswered, improbable, versionless] = ['keyless', 'unanswered', 'improbable', 'versionless'].map((name) => Number(counts?.[name])) as [number, number, number, number];
  if (keyless > 0) faults.push(`${keyless} rows lack a value of ${spec.data.key.join(', ')}, which names their prediction`);
  if (unanswered > 0) faults.push(`${unanswered} rows have a value of ${output} that is no number; leave it empty where there was no answer`);
  if (improbable > 0) faults.push(`${improbable} rows have a value of ${output} outside of 0 to 1; write the probability of the positive class`);
  if (versionless > 0) faults.push(`${versionless} rows have a value of ${version} that is no version; write a whole number from 1`);
  if (faults.length > 0) throw invalid(name, faults);
}

/** Nothing was answered where there is none. */
const noNumber = (column: string | undefined): string => (column === undefined ? 'false' : `${quoteIdentifier(column)} IS NOT NULL AND TRY_CAST(${quoteIdentifier(column)} AS DOUBLE) IS NULL`);
const noChance = ({ task }: ModelSpec, column: string | undefined): string =>
  column === undefined || task === 'regression' ? 'false' : `TRY_CAST(${quoteIdentifier(column)} AS DOUBLE) NOT BETWEEN 0 AND 1`;
const noVersion = (column: string | undefined): string =>
  column === undefined ? 'false' : `coalesce(TRY_CAST(${quoteIdentifier(column)} AS INTEGER), 0) < 1 OR TRY_CAST(${quoteIdentifier(column)} AS DOUBLE) <> TRY_CAST(${quoteIdentifier(column)} AS INTEGER)`;

const MAX_TOLD = 5;

function invalid(file: string, faults: readonly string[]): PerennialError {
  const more = faults.length > MAX_TOLD ? ` (${faults.length - MAX_TOLD} more)` : '';
  return new PerennialError('DataInvalid', `${file} cannot be observed: ${faults.slice(0, MAX_TOLD).join('; ')}${more}`, { file, violationCount: faults.length });
}

async function freshRows(database: Database, path: string, { spec, earlier, scratch }: { readonly spec: ModelSpec; readonly earlier: readonly string[]; readonly scratch: string }): Promise<string> {
  const fresh = join(scratch, 'fresh.parquet');
  await database.run(`
    COPY (SELECT * FROM ${staged(path)} WHERE ${predictionId(spec)} NOT IN (SELECT prediction_id FROM read_parquet(${fileList(earlier)}, union_by_name = true, hive_partitioning = false)))
    TO ${quoteLiteral(fresh)} (FORMAT parquet)`);
  return fresh;
}
