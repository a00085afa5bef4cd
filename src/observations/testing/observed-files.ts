import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withDatabase } from '../../data/duckdb.js';
import { quoteLiteral } from '../../data/feature-encoding.js';

/** A folder in which a test writes Parquet files by SQL. */
export class ObservedFiles {
  private made = 0;

  private constructor(readonly folder: string) {}

  static async make(): Promise<ObservedFiles> {
    return new ObservedFiles(await mkdtemp(join(tmpdir(), 'perennial-observed-')));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** @returns the file's path */
  async write(sql: string): Promise<string> {
    const path = join(this.folder, `rows-${++this.made}.parquet`);
    await withDatabase({ files: [], scratch: this.folder }, (database) => database.run(`COPY (${sql}) TO ${quoteLiteral(path)} (FORMAT parquet)`));
    return path;
  }

  /** @param select rows of i, eventTime (TIMESTAMP), version, output and whatever of the other columns shall differ */
  async observations(from: string, columns: Readonly<Record<string, string>> = {}): Promise<string> {
    const all = { ...OBSERVATION, ...columns };
    return this.write(`SELECT ${Object.entries(all).map(([name, expression]) => `${expression} AS ${name}`).join(', ')} FROM ${from}`);
  }

  async mirrors(from: string, columns: Readonly<Record<string, string>> = {}): Promise<string> {
    return this.write(`SELECT ${Object.entries({ ...MIRROR, ...columns }).map(([name, expression]) => `${expression} AS ${name}`).join(', ')} FROM ${from}`);
  }

  /** @param rows values of batch, row, prediction_id, entity_key, event_time_ms, label, known_at_ms */
  async labels(...rows: readonly string[]): Promise<string> {
    return this.write(`SELECT batch::INTEGER AS batch, row::INTEGER AS row, prediction_id::VARCHAR AS prediction_id, entity_key::VARCHAR AS entity_key,
      event_time_ms::BIGINT AS event_time_ms, label::DOUBLE AS label, known_at_ms::BIGINT AS known_at_ms
      FROM (VALUES ${rows.map((row) => `(${row})`).join(', ')}) AS t(batch, row, prediction_id, entity_key, event_time_ms, label, known_at_ms)`);
  }

  /** @param rows as those of {@link labels}, and the outcome after them */
  async outcomes(...rows: readonly string[]): Promise<string> {
    return this.write(`SELECT batch::INTEGER AS batch, row::INTEGER AS row, prediction_id::VARCHAR AS prediction_id, entity_key::VARCHAR AS entity_key,
      event_time_ms::BIGINT AS event_time_ms, label::DOUBLE AS label, known_at_ms::BIGINT AS known_at_ms, outcome::DOUBLE AS outcome
      FROM (VALUES ${rows.map((row) => `(${row})`).join(', ')}) AS t(batch, row, prediction_id, entity_key, event_time_ms, label, known_at_ms, outcome)`);
  }
}

/** Row i of a deployment that is asked once a second from the beginning of 2024. */
const OBSERVATION: Readonly<Record<string, string>> = {
  prediction_id: "'p-' || i", entity_key: "'e-' || (i % 10)", event_time: "TIMESTAMP '2024-01-01' + to_seconds(i)", received_at: "TIMESTAMP '2024-01-01' + to_seconds(i)",
  gateway: "'g'", boot: "'b'", segment: '0', sequence: 'i::BIGINT', row: '0', version: '1', epoch: '1::BIGINT', revision: '1::BIGINT', role: "'champion'", stale: 'false',
  latency_ms: '2.5::FLOAT', guard: 'NULL::VARCHAR', output: '(i % 7)::FLOAT / 7', raw_output: 'NULL::FLOAT', inputs: "{'size': i::FLOAT, 'colour': 'red'}",
};
const MIRROR: Readonly<Record<string, string>> = {
  gateway: "'g'", boot: "'b'", sequence: 'i::BIGINT', row: '0', version: '2', outcome: "'executed'", reason: 'NULL::VARCHAR', latency_ms: '4.5::FLOAT', output: '(i % 5)::FLOAT / 5',
};
