import { type Database, fileList } from '../data/duckdb.js';
import { quoteIdentifier } from '../data/feature-encoding.js';
import type { CategoryProfile } from './category-drift.js';
import { ColumnRoom } from './column-room.js';

/** Categories of one column that are counted apart; the rarer ones of a column of free text are counted as one. */
export const COUNTED_CATEGORIES = 20_000;
export const OTHER_CATEGORIES = '(rarer texts)';

/** Rows beside each other in a sample: a vector of DuckDB's, which is decoded as a whole. */
const SAMPLED_ROWS = 2_048;
/** A sample's largest size over what is asked for. */
const MOST_SAMPLED = 4;
/** Rows that are worked on together. */
const BLOCK = 524_288;

/** Reads the columns of one side of a comparison. */
export class DriftColumns {
  private constructor(private readonly database: Database, private readonly relation: string, readonly rows: number) {}

  /** @throws PerennialError `DataNotFound`, `DataUnreadable` */
  static async open(database: Database, files: readonly string[]): Promise<DriftColumns> {
    const relation = `read_parquet(${fileList(files)}, union_by_name = true)`;
    const [counted] = await database.rows(`SELECT count(*)::DOUBLE AS rows FROM ${relation}`);
    return new DriftColumns(database, relation, Number(counted?.['rows']));
  }

  /** Numbers as they stand in the files, NaN where there is none. @param into an array a column, as long as there are rows */
  async numbers(names: readonly string[], into: readonly Float64Array[]): Promise<void> {
    let at = 0;
    await this.visit(names, (chunk) => {
      chunk.forEach((values, index) => into[index]!.set(values, at));
      at += chunk[0]?.length ?? 0;
    });
  }

  /**
   * As {@link numbers}, so many rows at a time that to turn from one column's tables to the next one's takes little: the arrays hold until `visit` returns.
   * @param room for the blocks
   */
  async visitBlocks(names: readonly string[], visit: (columns: readonly Float64Array[]) => void, room = new ColumnRoom()): Promise<void> {
    const blocks = names.map((_, index) => room.double(index, BLOCK));
    let filled = 0;
    const flush = (): void => {
      visit(blocks.map((block) => block.subarray(0, filled)));
      filled = 0;
    };
    await this.visit(names, (chunk) => {
      const rows = chunk[0]?.length ?? 0;
      if (filled + rows > BLOCK) flush();
      chunk.forEach((values, index) => blocks[index]!.set(values, filled));
      filled += rows;
    });
    if (filled > 0) flush();
  }

  /** @param where of SQL, if not all rows are visited */
  private async visit(names: readonly string[], visit: (columns: readonly Float64Array[]) => void, where = ''): Promise<void> {
    await this.database.passColumns(names.map((name) => `CAST(${quoteIdentifier(name)} AS DOUBLE)`), `${this.relation} ${where}`, visit);
  }

  /**
   * Some of the numbers' values, in stretches that are spread evenly over the files: DuckDB passes over what lies between them.
   * @param size about so many a column, up to four times as many
   */
  async sample(names: readonly string[], size: number): Promise<Float64Array[]> {
    const every = Math.max(1, Math.floor(this.rows / size)) * SAMPLED_ROWS;
    const parts = names.map((): Float64Array[] => []);
    let length = 0;
    await this.visit(names, (chunk) => {
      // Each of many small files begins with a stretch.
      if (length >= MOST_SAMPLED * size) return;
      chunk.forEach((values, index) => parts[index]!.push(values.slice()));
      length += chunk[0]?.length ?? 0;
    }, `WHERE file_row_number % ${every} < ${SAMPLED_ROWS}`);
    return parts.map(joined);
  }

  categories(name: string): Promise<CategoryProfile> {
    return readCategories(this.database, `SELECT CAST(${quoteIdentifier(name)} AS VARCHAR) AS value, count(*)::DOUBLE AS rows FROM ${this.relation} GROUP BY 1`, this.rows);
  }
}

/** @param counted SQL of all texts of a column with their rows @param rows in all */
export async function readCategories(database: Database, counted: string, rows: number): Promise<CategoryProfile> {
  const most = await database.rows(`SELECT value, rows FROM (${counted}) ORDER BY value IS NULL DESC, rows DESC, value LIMIT ${COUNTED_CATEGORIES + 1}`);
  const missing = most[0]?.['value'] === null ? Number(most[0]['rows']) : 0;
  const counts = new Map(most.filter(({ value }) => value !== null).map(({ value, rows: count }) => [String(value), Number(count)]));
  const uncounted = rows - missing - [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (uncounted > 0) counts.set(OTHER_CATEGORIES, uncounted);
  return { counts, missing };
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}
