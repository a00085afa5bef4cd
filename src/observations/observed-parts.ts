import { type Database, type DatabaseOptions, fileList, withDatabase } from '../data/duckdb.js';
import { quoteLiteral } from '../data/feature-encoding.js';
import { observationRelation, timestamp, type TimeRange } from './observation-rows.js';
import { keptInputs, type ObservedWindow } from './observed-window.js';

/** Places of rows in their file: from one up to, without, another. */
export type RowPlaces = readonly [from: number, until: number];

/** A file of observations, or some of its rows. */
export interface FileSlice {
  readonly path: string;
  /** Null: all of them. */
  readonly places: RowPlaces | null;
}

type Scope = Pick<DatabaseOptions, 'scratch' | 'signal'>;

export interface SurveyQuery extends TimeRange, Scope {
  /** Parquet files of observations on this machine. */
  readonly files: readonly string[];
}

/** Where a file's rows of a window lie. */
export interface SurveyedFile {
  readonly path: string;
  readonly rows: number;
  readonly places: RowPlaces;
}

/** The files that hold rows of a window, in the order of `files`; only event times are read. @throws PerennialError `DataNotFound`, `DataUnreadable` */
export async function surveyFiles({ files, scratch, signal, ...range }: SurveyQuery): Promise<SurveyedFile[]> {
  if (files.length === 0) return [];
  const select = `SELECT filename, count(*)::DOUBLE AS rows, min(file_row_number)::DOUBLE AS least, max(file_row_number)::DOUBLE AS greatest FROM ${observationRelation(files)} WHERE ${within(range)} GROUP BY filename`;
  const found = await withDatabase({ files, scratch, signal }, (database) => database.rows(select));
  const byPath = new Map(found.map(({ filename, rows, least, greatest }) => [String(filename), { rows: Number(rows), places: [Number(least), Number(greatest) + 1] as const }]));
  return files.flatMap((path) => {
    const surveyed = byPath.get(path);
    return surveyed ? [{ path, ...surveyed }] : [];
  });
}

/** The fields of `inputs` in these files; null where no inputs were kept. */
export const inputsIn = ({ files, scratch, signal }: Omit<SurveyQuery, keyof TimeRange>): Promise<readonly string[] | null> =>
  withDatabase({ files, scratch, signal }, (database) => keptInputs(database, files));

/**
 * Writes which rows of a window do not count, since their prediction was asked for before under the same id ({@link observationsWithin} leaves them
 * out), in the order of their keys. Only ids that come more than once are held together.
 * @returns how many they are
 */
export async function writeRepeated({ files, scratch, signal, ...range }: SurveyQuery, path: string): Promise<number> {
  const asked = `(SELECT prediction_id, received_at, gateway, boot, sequence, row FROM ${observationRelation(files)} WHERE ${within(range)})`;
  return withDatabase({ files, scratch, signal }, async (database) => {
    await database.run(`COPY (SELECT gateway, boot, sequence, row FROM ${asked}
      WHERE hash(prediction_id) IN (SELECT hash(prediction_id) AS id FROM ${asked} GROUP BY id HAVING count(*) > 1)
      QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY received_at, gateway, boot, sequence, row) > 1
      ORDER BY gateway, boot, sequence, row) TO ${quoteLiteral(path)} (FORMAT parquet)`);
    const [counted] = await database.rows(`SELECT count(*)::DOUBLE AS rows FROM read_parquet(${fileList([path])})`);
    return Number(counted?.['rows']);
  });
}

export interface ObservedPartQuery extends TimeRange, Scope {
  readonly slices: readonly FileSlice[];
  /** What {@link writeRepeated} wrote; null where every row counts. */
  readonly repeated: string | null;
}

/** Opens some of a window's rows; parts that have every row once have together what {@link withObservedWindow} has, without labels. @throws PerennialError `DataNotFound`, `DataUnreadable` */
export async function withObservedPart<T>({ slices, repeated, scratch, signal, ...range }: ObservedPartQuery, work: (database: Database, window: ObservedWindow) => Promise<T>): Promise<T> {
  const files = [...new Set(slices.map(({ path }) => path))];
  return withDatabase({ files: [...files, ...(repeated === null ? [] : [repeated])], scratch, signal }, async (database) => {
    const counts = repeated === null ? '' : ` ANTI JOIN read_parquet(${fileList([repeated])}) AS repeated USING (gateway, boot, sequence, row)`;
    const relation = `(SELECT * FROM (SELECT * FROM ${observationRelation(files)} WHERE ${within(range)} AND ${among(slices)}) AS observed${counts}) AS observed_part`;
    return work(database, { relation, kept: await keptInputs(database, files) });
  });
}

const within = ({ fromMs, untilMs }: TimeRange): string => `event_time >= ${timestamp(fromMs)} AND event_time < ${timestamp(untilMs)}`;

/** Of one file the places alone: what lies elsewhere is not even decoded. */
function among(slices: readonly FileSlice[]): string {
  const cut = slices.flatMap(({ path, places }) => (places ? [{ path, places }] : []));
  if (cut.length === 0) return 'true';
  const placed = ({ places: [from, until] }: { readonly places: RowPlaces }): string => `file_row_number >= ${from} AND file_row_number < ${until}`;
  if (slices.length === 1) return cut.map(placed).join('');
  const pieces = cut.map((slice) => `(filename = ${quoteLiteral(slice.path)} AND ${placed(slice)})`);
  return `(filename NOT IN (${cut.map(({ path }) => quoteLiteral(path)).join(', ')}) OR ${pieces.join(' OR ')})`;
}
