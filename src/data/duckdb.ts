import { mkdir } from 'node:fs/promises';
import { BOOLEAN, DOUBLE, DuckDBInstance, DuckDBScalarFunction, type DuckDBConnection, type DuckDBDataChunk, type DuckDBValue } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { PerennialError } from '../contracts/failures.js';
import { quoteLiteral } from './feature-encoding.js';
import { type AppendedType, TableAppender } from './table-appender.js';

export interface DatabaseLimits {
  /** Memory of the buffers, in MiB; what does not fit is spilled to the scratch folder. */
  readonly memoryMb: number;
  readonly threads: number;
}

export const DEFAULT_LIMITS: DatabaseLimits = { memoryMb: 1_024, threads: 2 };

export interface DatabaseOptions {
  /** Files that may be read, absolute and without symlinks. Nothing else on the machine can be. */
  readonly files: readonly string[];
  /** A folder that may be read and written, for spilling too; made where it is missing. */
  readonly scratch: string;
  readonly limits?: DatabaseLimits;
  /** Whether DuckDB's words, which quote what it stumbles over, are kept out of errors: the files have sensitive columns. */
  readonly discreet?: boolean;
  /** When it fires, the running statement is interrupted and the signal's reason thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** What a column of a result may hold: 64-bit integers, decimals and times come as text, so cast counts to DOUBLE. */
export type Cell = string | number | boolean | null;
export type Row = Readonly<Record<string, Cell>>;

/**
 * An in-memory DuckDB that can touch only the files it was opened for, loads no extension and reaches no network.
 * Its time zone is UTC. Use {@link withDatabase}, which closes it.
 */
export class Database {
  private passes = 0;

  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    private readonly options: DatabaseOptions,
  ) {}

  static async open(options: DatabaseOptions): Promise<Database> {
    const limits = options.limits ?? DEFAULT_LIMITS;
    await mkdir(options.scratch, { recursive: true });
    const instance = await DuckDBInstance.create(':memory:', {
      threads: String(limits.threads),
      memory_limit: `${limits.memoryMb}MiB`,
      temp_directory: options.scratch,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      // The system keeps what is read from files, too.
      enable_external_file_cache: 'false',
    });
    const connection = await instance.connect();
    const list = (paths: readonly string[]): string => `[${paths.map(quoteLiteral).join(', ')}]`;
    for (const setting of [
      "TimeZone = 'UTC'",
      // Access is checked for the path as it was written and for the file that it names.
      `allowed_paths = ${list([...new Set([...options.files, ...options.files.map(unexpanded)])])}`,
      `allowed_directories = ${list([options.scratch])}`,
      'enable_external_access = false',
      'lock_configuration = true',
    ]) await connection.run(`SET ${setting}`);
    return new Database(instance, connection, options);
  }

  /** Runs a statement whose result is of no interest. @throws as {@link rows} */
  async run(sql: string, parameters: readonly DuckDBValue[] = []): Promise<void> {
    await this.guard(() => this.connection.run(sql, [...parameters]));
  }

  /**
   * All rows of a small result.
   * @throws PerennialError `DataNotFound` for a file that is gone, `DataUnreadable` for one that cannot be read; the
   *   signal's reason when it fired; DuckDB's own error for anything else, which is a fault of ours.
   */
  async rows(sql: string, parameters: readonly DuckDBValue[] = []): Promise<Row[]> {
    const reader = await this.guard(() => this.connection.runAndReadAll(sql, [...parameters]));
    return reader.getRowObjectsJson().map((row) => mapValues(row, toCell));
  }

  /**
   * Numeric columns of a result, gathered chunk by chunk: each is an array of its own, as long as the result.
   * @param select as many expressions as `types`, of the types FLOAT or DOUBLE, never NULL @throws as {@link rows}
   */
  async columns(select: string, types: readonly NumericType[]): Promise<NumericColumns> {
    const gathered = types.map((type) => new GatheredColumn(type));
    await this.visitColumns(select, types, (columns) => gathered.forEach((column, index) => column.add(columns[index]!)));
    return { rows: gathered[0]?.length ?? 0, columns: gathered.map((column) => column.values()) };
  }

  /**
   * Numeric columns of a result, some rows at a time: the arrays hold until `visit` returns.
   * @param select as that of {@link columns} @throws as {@link rows}, and what `visit` throws
   */
  async visitColumns(select: string, types: readonly NumericType[], visit: (columns: readonly (Float32Array | Float64Array)[]) => void): Promise<void> {
    const result = await this.guard(() => this.connection.stream(select));
    for (;;) {
      const chunk = await this.guard(() => result.fetchChunk());
      if (!chunk || chunk.rowCount === 0) return;
      visit(vectorsOf(chunk, types));
    }
  }

  /**
   * Numeric columns of a relation where they lie in DuckDB's memory, some rows at a time: a third less work than {@link visitColumns}, which has every chunk
   * copied and kept in a queue. The arrays hold until `visit` returns. The rows come in their order where the database has one thread.
   * @param expressions of type DOUBLE; NULL comes as NaN @param from what stands behind FROM @throws as {@link rows}, and what `visit` throws
   */
  async passColumns(expressions: readonly string[], from: string, visit: (columns: readonly Float64Array[]) => void): Promise<void> {
    const name = `perennial_visit_${(this.passes += 1)}`;
    let thrown: { readonly error: unknown } | undefined;
    const pass = DuckDBScalarFunction.create({
      name, parameterTypes: expressions.map(() => DOUBLE), returnType: BOOLEAN, volatile: true, specialHandling: true,
      mainFunction: (_, { chunk, rowCount }) => {
        if (thrown) return;
        try {
          visit(expressions.map((_expression, index) => doublesOf(duckdb.data_chunk_get_vector(chunk, index), rowCount)));
        } catch (error) {
          thrown = { error };
        }
      },
    });
    this.connection.registerScalarFunction(pass);
    pass.destroySync();
    await this.guard(() => this.connection.run(`SELECT count(${name}(${expressions.join(', ')})) FROM ${from}`));
    if (thrown) throw thrown.error;
  }

  /** For a table of columns of these types, in their order; to be closed before the table is read. */
  async appender(table: string, types: readonly AppendedType[]): Promise<TableAppender> {
    return new TableAppender(await this.connection.createAppender(table), types);
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }

  private async guard<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    // An interrupt that comes before the statement has begun is lost, so it is given again until the statement ends.
    let again: NodeJS.Timeout | undefined;
    const interrupt = (): void => {
      this.connection.interrupt();
      again ??= setInterval(() => this.connection.interrupt(), INTERRUPT_EVERY_MS);
    };
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw readFailure(error, this.options);
    } finally {
      signal?.removeEventListener('abort', interrupt);
      clearInterval(again);
    }
  }
}

export type NumericType = 'FLOAT' | 'DOUBLE';

export interface NumericColumns {
  readonly rows: number;
  /** Float32Array for FLOAT, Float64Array for DOUBLE. */
  readonly columns: readonly (Float32Array | Float64Array)[];
}

const vectorsOf = (chunk: DuckDBDataChunk, types: readonly NumericType[]): (Float32Array | Float64Array)[] =>
  types.map((type, index) => itemsOf(chunk.getColumnVector(index), type, chunk.rowCount));

/** The vector's typed array is not in its public type; reading value by value is ten times slower. */
function itemsOf(vector: unknown, type: NumericType, rows: number): Float32Array | Float64Array {
  const { items } = vector as { items?: unknown };
  if (type === 'FLOAT' && items instanceof Float32Array) return items.subarray(0, rows);
  if (type === 'DOUBLE' && items instanceof Float64Array) return items.subarray(0, rows);
  throw new TypeError(`DuckDB gave no array of ${type}`);
}

/** Of a vector of DOUBLE, by DuckDB's own bindings: an object of their API for each vector would cost more than its values. */
function doublesOf(vector: duckdb.Vector, rows: number): Float64Array {
  const bytes = duckdb.vector_get_data(vector, rows * Float64Array.BYTES_PER_ELEMENT);
  const values = new Float64Array(bytes.buffer, bytes.byteOffset, rows);
  const words = Math.ceil(rows / 64) * 2;
  // Where no value is NULL there is no mask.
  const mask = duckdb.vector_get_validity(vector, words * Uint32Array.BYTES_PER_ELEMENT) as Uint8Array | null;
  if (mask) fillMissing(values, new Uint32Array(mask.buffer, mask.byteOffset, words));
  return values;
}

/** Writes NaN where a bit of the mask is 0: DuckDB keeps nothing there. */
function fillMissing(values: Float64Array, mask: Uint32Array): void {
  for (let word = 0; word < mask.length; word++) {
    for (let missing = ~mask[word]!; missing !== 0; missing &= missing - 1) {
      const row = 32 * word + 31 - Math.clz32(missing & -missing);
      if (row < values.length) values[row] = NaN;
    }
  }
}

/** Grows by doubling, so that a long result is copied a few times in all. */
class GatheredColumn {
  length = 0;
  private room: Float32Array | Float64Array;

  constructor(private readonly type: NumericType) {
    this.room = this.make(2_048);
  }

  add(values: Float32Array | Float64Array): void {
    if (this.length + values.length > this.room.length) this.grow(this.length + values.length);
    this.room.set(values, this.length);
    this.length += values.length;
  }

  values(): Float32Array | Float64Array {
    return this.room.slice(0, this.length);
  }

  private grow(least: number): void {
    const larger = this.make(Math.max(least, 2 * this.room.length));
    larger.set(this.room.subarray(0, this.length));
    this.room = larger;
  }

  private make(length: number): Float32Array | Float64Array {
    return this.type === 'FLOAT' ? new Float32Array(length) : new Float64Array(length);
  }
}

/** Opens a database, hands it to `work` and closes it whatever happens. */
export async function withDatabase<T>(options: DatabaseOptions, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await Database.open(options);
  try {
    return await work(database);
  } finally {
    database.close();
  }
}

/** A list of files as DuckDB takes it. */
export const fileList = (paths: readonly string[]): string => `[${paths.map((path) => quoteLiteral(unexpanded(path))).join(', ')}]`;

/** Characters that DuckDB would expand stand in brackets. */
const unexpanded = (path: string): string => path.replaceAll(/[*?[]/g, '[$&]');

const INTERRUPT_EVERY_MS = 50;

/** Errors that the bytes of a file cause, by the words DuckDB begins them with. */
const FILE_FAULTS = /^(?:IO Error|Invalid Error|Invalid Input Error|Conversion Error|Serialization Error|Not implemented Error|Out of Range Error)/;
const MAX_REASON = 1_000;

function readFailure(error: unknown, { files, discreet = false }: DatabaseOptions): unknown {
  if (!(error instanceof Error)) return error;
  const cause = discreet ? {} : { cause: error };
  const file = files.find((path) => error.message.includes(path) || error.message.includes(unexpanded(path)));
  // What is no longer a file is looked into as a folder, which is not allowed.
  const gone = file !== undefined && error.message.startsWith('Permission Error') && error.message.includes(`${unexpanded(file)}/**`);
  // A full disk is no fault of a data file.
  const foreign = file === undefined && error.message.startsWith('IO Error');
  if (!gone && (foreign || !FILE_FAULTS.test(error.message))) return discreet ? new Error(withheld(error)) : error;
  const shown = file === undefined ? 'A data file' : baseName(file);
  const reason = discreet ? withheld(error) : (error.message.split('\n\n')[0]?.replaceAll(file ?? '\0', shown).slice(0, MAX_REASON) ?? '');
  if (gone || /No files found|No such file/i.test(error.message)) {
    return new PerennialError('DataNotFound', `${shown} is no longer there; bring it back`, { file: shown }, cause);
  }
  return new PerennialError('DataUnreadable', `${shown} cannot be read: ${reason}`, file === undefined ? {} : { file: shown }, cause);
}

/** What kind of error it was, and where in a CSV. */
function withheld({ message }: Error): string {
  const [kind = 'Error'] = /^[A-Za-z ]{3,40}Error/.exec(message) ?? [];
  const line = /\bLine: (\d+)/.exec(message)?.[1];
  return `${kind}${line === undefined ? '' : ` in line ${line}`} (DuckDB's words may quote a value of a sensitive column and are left out; data.sensitive)`;
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function toCell(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return JSON.stringify(value);
}

const mapValues = <A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
