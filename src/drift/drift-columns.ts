import { type Database, fileList } from '../data/duckdb.js';
import { quoteIdentifier } from '../data/feature-encoding.js';
import type { CategoryProfile } from './category-drift.js';

/** Categories of one column that are counted apart; the rarer ones of a column of free text are counted as one. */
export const COUNTED_CATEGORIES = 20_000;
export const OTHER_CATEGORIES = '(rarer texts)';

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

  /** As {@link numbers}, some rows at a time. */
  async visit(names: readonly string[], visit: (columns: readonly Float64Array[]) => void): Promise<void> {
    const select = names.map((name) => `coalesce(CAST(${quoteIdentifier(name)} AS DOUBLE), 'NaN'::DOUBLE)`).join(', ');
    await this.database.visitColumns(`SELECT ${select} FROM ${this.relation}`, names.map(() => 'DOUBLE' as const), (columns) => visit(columns as readonly Float64Array[]));
  }

  /** Every so-many-th of a number's values. */
  async sample(name: string, size: number): Promise<Float64Array> {
    const step = Math.max(1, Math.floor(this.rows / size));
    const values = new Float64Array(Math.ceil(this.rows / step));
    let [at, next] = [0, 0];
    await this.visit([name], ([column]) => {
      for (; next < at + column!.length; next += step) values[next / step] = column![next - at]!;
      at += column!.length;
    });
    return values;
  }

  async categories(name: string): Promise<CategoryProfile> {
    const counted = `SELECT CAST(${quoteIdentifier(name)} AS VARCHAR) AS value, count(*)::DOUBLE AS rows FROM ${this.relation} GROUP BY 1`;
    const rows = await this.database.rows(`SELECT value, rows FROM (${counted}) ORDER BY value IS NULL DESC, rows DESC, value LIMIT ${COUNTED_CATEGORIES + 1}`);
    const missing = rows[0]?.['value'] === null ? Number(rows[0]['rows']) : 0;
    const counts = new Map(rows.filter(({ value }) => value !== null).map(({ value, rows: count }) => [String(value), Number(count)]));
    const uncounted = this.rows - missing - [...counts.values()].reduce((sum, count) => sum + count, 0);
    if (uncounted > 0) counts.set(OTHER_CATEGORIES, uncounted);
    return { counts, missing };
  }
}
