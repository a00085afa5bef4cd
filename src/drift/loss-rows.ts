import { join } from 'node:path';
import { PerennialError } from '../contracts/failures.js';
import { type Database, withDatabase } from '../data/duckdb.js';
import { featureExpression, quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import type { AppendedType } from '../data/table-appender.js';
import { ParquetRows } from '../evaluation/parquet-rows.js';
import { type ObservedWindowQuery, withObservedWindow } from '../observations/observed-window.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import type { JudgedFile } from './baseline-losses.js';
import type { ScoredBaseline } from './champion-figures.js';
import { LOSS_LABELS, LOSS_PLACE, LOSS_TIME, MODEL_OUTPUT } from './loss-model.js';
import { ROW_ORDER, type ServedRows } from './served-rows.js';

export interface LossRows {
  /** Parquet in `scratch`. */
  readonly path: string;
  /** Of each of its rows, the place among those that judged. */
  readonly places: Int32Array;
}

export interface LossRowsRequest {
  readonly file: JudgedFile;
  /** The rows of the file that judged the version, in its order (evaluation/scoring.ts). */
  readonly judged: ScoredBaseline;
  /** Whether a row that judged is wanted; those without an output or a finite label are not there anyway. */
  readonly wanted: (row: number) => boolean;
  /** Of more rows, one in so many that no more are left. */
  readonly most: number;
  /** A folder for the file and for spilling. */
  readonly scratch: string;
}

/**
 * Rows that judged a version as its loss models take them: inputs as the model takes them, its output, and both losses.
 * @throws PerennialError `DataUnreadable`, `ScoringFailed` (columns); `Internal` where the rows are not those of the file
 */
export async function writeLossRows({ file: { spec: { task, data, evaluation }, parquetPath, asOf, signal }, judged, wanted, most, scratch }: LossRowsRequest): Promise<LossRows> {
  const rows = await ParquetRows.open({ spec: { task, data, evaluation: { ...evaluation, slices: [] } } }, { parquetPath, select: { kind: 'mature', asOf } });
  const places = placesOf(judged, wanted, most);
  try {
    return await withDatabase({ files: [], scratch, signal }, async (database) => {
      await fill(database, rows, data.features, judged, places);
      const path = join(scratch, 'losses.parquet');
      const times = `* REPLACE (make_timestamp(("${LOSS_TIME}" * 1000)::BIGINT) AS "${LOSS_TIME}")`;
      await database.run(`COPY (SELECT ${times} FROM losses ORDER BY "${LOSS_PLACE}") TO ${quoteLiteral(path)} (FORMAT parquet)`);
      return { path, places };
    });
  } finally {
    rows.close();
  }
}

function placesOf({ predictions, labels }: ScoredBaseline, wanted: (row: number) => boolean, most: number): Int32Array {
  const all = Int32Array.from(labels.keys()).filter((row) => wanted(row) && Number.isFinite(predictions[row]! + labels[row]!));
  const step = Math.max(1, Math.ceil(all.length / most));
  return all.filter((_, place) => place % step === 0);
}

async function fill(database: Database, rows: ParquetRows, features: readonly FeatureSpec[], { predictions, labels, eventTimesMs }: ScoredBaseline, places: Int32Array): Promise<void> {
  const types: AppendedType[] = [...features.map(() => 'FLOAT' as const), 'FLOAT', 'DOUBLE', 'DOUBLE', 'DOUBLE', 'INTEGER'];
  const names = [...features.map(({ name }) => name), MODEL_OUTPUT, ...LOSS_LABELS, LOSS_TIME, LOSS_PLACE];
  await database.run(`CREATE TEMP TABLE losses (${names.map((name, index) => `${quoteIdentifier(name)} ${types[index]}`).join(', ')})`);
  const appender = await database.appender('losses', types);
  const error = (row: number): number => Math.abs(labels[row]! - predictions[row]!);
  const own = [(row: number) => predictions[row]!, error, (row: number) => error(row) ** 2, (row: number) => eventTimesMs[row]!, (row: number) => row];
  let [first, next] = [0, 0];
  for await (const { rows: count, features: inputs } of rows.chunks()) {
    const [from, end] = [next, first + count];
    while (next < places.length && places[next]! < end) next += 1;
    const taken = places.subarray(from, next);
    const values = [...inputs.map((column) => (row: number) => column[row - first]!), ...own];
    values.forEach((valueOf, column) => taken.forEach((row, to) => {
      appender.columns[column]![to] = valueOf(row);
    }));
    if (taken.length > 0) appender.commit(taken.length);
    first = end;
  }
  appender.close();
  if (first !== labels.length) throw new PerennialError('Internal', `The baseline has ${first} rows and not the ${labels.length} that judged the version`, { rows: first });
}

/** A window's rows as a loss model takes them, in the order of the served ones. */
export interface ServedInputs {
  /** Parquet in `scratch`. */
  readonly path: string;
  /** One a row: whether its inputs and its output are known. */
  readonly known: Float32Array;
}

/**
 * @param served rows of the same window and files (served-rows.ts)
 * @returns null where the inputs of a feature were not kept @throws PerennialError `DataNotFound`, `DataUnreadable`; `Internal` where the files hold other rows
 */
export function writeServedInputs(query: Omit<ObservedWindowQuery, 'version'>, { versions, outputs }: Pick<ServedRows, 'versions' | 'outputs'>, features: readonly FeatureSpec[]): Promise<ServedInputs | null> {
  return withObservedWindow({ ...query, files: { ...query.files, labels: [] }, version: null }, async (database, { relation, kept }) => {
    if (!features.every(({ name }) => kept?.includes(name))) return null;
    const inputs = features.map((feature) => `${featureExpression(feature, `inputs.${quoteIdentifier(feature.name)}`)} AS ${quoteIdentifier(feature.name)}`);
    const labels = LOSS_LABELS.map((label) => `NULL::DOUBLE AS "${label}"`);
    const from = `FROM ${relation} WHERE version = ${versions[0]!.version} ORDER BY ${ROW_ORDER}`;
    const path = join(query.scratch, 'served.parquet');
    await database.run(`COPY (SELECT ${[...inputs, `output AS "${MODEL_OUTPUT}"`, ...labels, `event_time AS "${LOSS_TIME}"`].join(', ')} ${from}) TO ${quoteLiteral(path)} (FORMAT parquet)`);
    const { columns } = await database.columns(`SELECT (inputs IS NOT NULL AND output IS NOT NULL)::FLOAT ${from}`, ['FLOAT']);
    const known = columns[0] as Float32Array;
    if (known.length !== outputs.length) throw new PerennialError('Internal', `The window holds ${known.length} rows and not the ${outputs.length} that were served`, { rows: known.length });
    return { path, known };
  });
}
