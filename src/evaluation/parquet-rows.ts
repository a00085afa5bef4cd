import { DuckDBInstance, type DuckDBConnection, type DuckDBDataChunk } from '@duckdb/node-api';
import { PerennialError } from '../contracts/failures.js';
import { durationMs } from '../contracts/time.js';
import { categoryCode, featureSelectList, quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import type { RowCounts, ScoreWork, ScoringJob } from './scoring-job.js';

/** A slice column keeps its most frequent values; the others are one slice. */
export const MAX_SLICE_VALUES = 50;
/** Reading in the file's order holds a few row groups; more threads hold more of them and read no faster than a model runs. */
const DUCKDB = { threads: '1', memory_limit: '256MB', autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' };
/** Types whose text is the category's name. A fraction has none: 1.0 is not "1". */
const CATEGORY_TYPES = /^(VARCHAR|ENUM\(.*|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER)$/;

/** The slice values of a column; null stands for missing, and the last one for the rest where there is one. */
export interface SliceValues {
  readonly column: string;
  readonly values: readonly (string | null)[];
}

/** What reading rows takes of a job. */
type RowsJob = Pick<ScoringJob, 'spec'>;
type RowsWork = Pick<ScoreWork, 'parquetPath' | 'select'>;

/** A stretch of rows, column by column. */
export interface RowChunk {
  readonly rows: number;
  readonly labels: Float64Array;
  readonly eventTimesMs: Float64Array;
  readonly slices: readonly Float32Array[];
  readonly features: readonly Float32Array[];
}

/** The rows of a Parquet file that a job asks for, encoded in DuckDB and streamed in the file's order. */
export class ParquetRows {
  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly job: RowsJob,
    private readonly relation: string,
    readonly counts: RowCounts,
    readonly slices: readonly SliceValues[],
  ) {}

  /** @throws PerennialError `DataUnreadable` or `ScoringFailed` (columns that are missing or of a wrong type). */
  static async open(job: RowsJob, work: RowsWork): Promise<ParquetRows> {
    const instance = await DuckDBInstance.create(':memory:', DUCKDB);
    const connection = await instance.connect();
    const file = `read_parquet(${quoteLiteral(work.parquetPath)})`;
    const types = await describe(connection, file, work.parquetPath);
    requireColumns(job, types);
    const known = `(${quoteIdentifier(job.spec.data.label)} IS NOT NULL AND isfinite(CAST(${quoteIdentifier(job.spec.data.label)} AS DOUBLE)))`;
    const time = eventTimeUs(job.spec.data.eventTime, types);
    const mature = work.select.kind === 'mature' ? `(${time} + ${horizonUs(job)} <= ${asOfUs(work.select.asOf)})` : 'true';
    const counts = await countRows(connection, file, known, mature, work);
    const columns = work.select.kind === 'mature' ? job.spec.evaluation.slices : [];
    const rows = work.select.kind === 'mature' ? `(SELECT * FROM ${file} WHERE ${known} AND ${mature})` : `(SELECT * FROM ${file} LIMIT ${counts.scored})`;
    const slices: SliceValues[] = [];
    for (const column of columns) slices.push(await sliceValues(connection, rows, column));
    return new ParquetRows(instance, connection, job, `${rows} AS "judged"`, counts, slices);
  }

  /**
   * Streams the rows; a chunk holds at most 2,048. The next one is being read while the caller works on this one.
   * @param features expressions of type FLOAT, never NULL, over the file's columns: by default those that the model takes
   */
  async *chunks(features: readonly string[] = featureSelectList(this.job.spec.data.features)): AsyncGenerator<RowChunk, void, undefined> {
    const { data } = this.job.spec;
    const types = await describe(this.connection, this.relation, this.relation);
    const head = [`coalesce(CAST(${quoteIdentifier(data.label)} AS DOUBLE), 'NaN'::DOUBLE)`, `${eventTimeUs(data.eventTime, types)} / 1000.0`];
    const select = [...head, ...this.slices.map(sliceCode), ...features];
    const result = await this.connection.stream(`SELECT ${select.join(', ')} FROM ${this.relation}`);
    let next = result.fetchChunk();
    for (let chunk = await next; chunk && chunk.rowCount > 0; chunk = await next) {
      next = result.fetchChunk();
      // The caller may stop before it asks for the next one; a failure to read that is then of no interest.
      next.catch(() => undefined);
      yield rowChunk(chunk, this.slices.length);
    }
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }
}

type ColumnTypes = ReadonlyMap<string, string>;

async function describe(connection: DuckDBConnection, relation: string, path: string): Promise<ColumnTypes> {
  try {
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${relation}`);
    return new Map(described.getRows().map(([name, type]) => [String(name), String(type)]));
  } catch (error) {
    throw new PerennialError('DataUnreadable', `${path} cannot be read as Parquet: ${messageOf(error)}`, { path });
  }
}

/** All faults at once: a column that is not there, a category of a type that has no names. */
function requireColumns({ spec }: RowsJob, types: ColumnTypes): void {
  const needed = new Set([spec.data.label, spec.data.eventTime, ...spec.evaluation.slices, ...spec.data.features.map(({ name }) => name)]);
  const faults = [...needed].filter((name) => !types.has(name)).map((name) => `column ${name} is missing`);
  for (const feature of spec.data.features) {
    const type = types.get(feature.name);
    if (feature.type === 'category' && type !== undefined && !CATEGORY_TYPES.test(type)) {
      faults.push(`column ${feature.name} is a category and of type ${type}; store it as text or whole numbers`);
    }
  }
  if (faults.length > 0) throw new PerennialError('ScoringFailed', `The evaluation rows do not fit the spec: ${faults.join('; ')}`, { faults });
}

function eventTimeUs(column: string, types: ColumnTypes): string {
  const name = quoteIdentifier(column);
  return types.get(column) === 'TIMESTAMP WITH TIME ZONE' ? `epoch_us(${name})` : `epoch_us(CAST(${name} AS TIMESTAMP))`;
}

const horizonUs = ({ spec }: RowsJob): number => (durationMs(spec.data.labelHorizon) ?? 0) * 1000;

function asOfUs(asOf: string): number {
  const ms = Date.parse(asOf);
  if (Number.isNaN(ms)) throw new PerennialError('ScoringFailed', `${JSON.stringify(asOf)} is not a time; give asOf in ISO 8601`);
  return ms * 1000;
}

async function countRows(connection: DuckDBConnection, file: string, known: string, mature: string, work: RowsWork): Promise<RowCounts> {
  const counted = await connection.runAndReadAll(
    `SELECT count(*), count(*) FILTER (NOT ${known}), count(*) FILTER (${known} AND NOT ${mature}) FROM ${file}`,
  );
  const [inFile, unlabelled, immature] = counted.getRows()[0]!.map(Number) as [number, number, number];
  const { select } = work;
  const scored = select.kind === 'mature' ? inFile - unlabelled - immature : select.kind === 'first' ? Math.min(inFile, select.rows) : inFile;
  return { inFile, scored, unlabelled, immature };
}

async function sliceValues(connection: DuckDBConnection, rows: string, column: string): Promise<SliceValues> {
  const name = quoteIdentifier(column);
  const found = await connection.runAndReadAll(
    `SELECT CAST(${name} AS VARCHAR) AS value, count(*) OVER () AS distinct_values FROM ${rows}
     WHERE ${name} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, value LIMIT ${MAX_SLICE_VALUES}`,
  );
  const top = found.getRows();
  const others = Number(top[0]?.[1] ?? 0) - top.length;
  return { column, values: [...top.map(([value]) => String(value)), null, ...(others > 0 ? [`(${others} other values)`] : [])] };
}

/** Codes as SliceValues numbers them, FLOAT and never NULL. */
function sliceCode({ column, values }: SliceValues): string {
  const missing = values.indexOf(null);
  const name = quoteIdentifier(column);
  const named = values.slice(0, missing) as string[];
  const code = named.length === 0 ? 'NULL' : categoryCode(name, named);
  return `CAST(CASE WHEN ${name} IS NULL THEN ${missing} ELSE coalesce(${code}, ${missing + 1}) END AS FLOAT)`;
}

function rowChunk(chunk: DuckDBDataChunk, slices: number): RowChunk {
  const column = (index: number): Float32Array | Float64Array => {
    // The vector's typed array is not in its public type; reading value by value is ten times slower.
    const { items } = chunk.getColumnVector(index) as unknown as { items?: unknown };
    if (items instanceof Float32Array || items instanceof Float64Array) return items;
    throw new PerennialError('Internal', 'DuckDB no longer gives numbers as typed arrays; the pinned version was changed');
  };
  const range = (from: number, to: number): Float32Array[] => Array.from({ length: to - from }, (_, index) => column(from + index) as Float32Array);
  return {
    rows: chunk.rowCount,
    labels: column(0) as Float64Array,
    eventTimesMs: column(1) as Float64Array,
    slices: range(2, 2 + slices),
    features: range(2 + slices, chunk.columnCount),
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
