import type { Database } from '../data/duckdb.js';
import { quoteLiteral } from '../data/feature-encoding.js';
import { type AppendedType, CHUNK_ROWS, type TableAppender } from '../data/table-appender.js';
import { known, type Origin } from './observation-table.js';
import type { MirroredOutput } from './segment-format.js';
import { OUTCOMES } from './segment-frames.js';

const COLUMNS: readonly (readonly [name: string, type: AppendedType])[] = [
  ['sequence', 'DOUBLE'], ['row', 'INTEGER'], ['version', 'INTEGER'], ['revision', 'DOUBLE'], ['outcome', 'INTEGER'], ['reason', 'VARCHAR'],
  ['latency_ms', 'FLOAT'], ['output', 'FLOAT'],
];

/** What other versions made of one deployment's requests, in a table of DuckDB: one row a row, with no output where none was made. */
export class MirrorTable {
  private filled = 0;

  private constructor(private readonly table: string, private readonly appender: TableAppender) {}

  static async create(database: Database, table: string): Promise<MirrorTable> {
    await database.run(`CREATE TABLE ${table} (${COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ')})`);
    return new MirrorTable(table, await database.appender(table, COLUMNS.map(([, type]) => type)));
  }

  add(mirrored: MirroredOutput): void {
    for (let row = 0; row < mirrored.rows; row++) {
      if (this.filled === CHUNK_ROWS) this.commit();
      this.addRow(mirrored, row, this.filled);
      this.filled += 1;
    }
  }

  close(): void {
    this.commit();
    this.appender.close();
  }

  select({ gateway, boot, segment }: Origin): string {
    return `SELECT ${quoteLiteral(gateway)} AS gateway, ${quoteLiteral(boot)} AS boot, ${segment}::INTEGER AS segment, sequence::BIGINT AS sequence, "row", version,
      revision::BIGINT AS revision, [${OUTCOMES.map(quoteLiteral).join(', ')}][outcome + 1] AS outcome, reason, ${known('latency_ms')} AS latency_ms, ${known('output')} AS output
      FROM ${this.table}`;
  }

  private addRow({ sequence, version, revision, outcome, reason, latencyMs, outputs }: MirroredOutput, row: number, at: number): void {
    const values = [sequence, row, version, revision, OUTCOMES.indexOf(outcome), reason, latencyMs ?? NaN, outputs?.[row] ?? NaN];
    values.forEach((value, index) => ((this.appender.columns[index] as (string | number | null)[])[at] = value));
  }

  private commit(): void {
    if (this.filled > 0) this.appender.commit(this.filled);
    this.filled = 0;
  }
}
