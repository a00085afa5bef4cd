import { join } from 'node:path';
import { SOURCE_GATEWAY } from '../contracts/observed-source.js';
import { type Database, fileList, withDatabase } from '../data/duckdb.js';
import { float32, quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import { staged } from '../data/staged-rows.js';
import { CHUNK_ROWS } from '../data/table-appender.js';
import type { ConvertedFile } from '../registry/observations.repository.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { EventHours } from './event-hours.js';
import { idFilter } from './id-filter.js';
import { predictionId, type SourceSection } from './observed-source.js';
import { reachedLead } from './stream-time.js';

export interface ObservedAnswers {
  readonly spec: ModelSpec;
  readonly section: SourceSection;
  readonly model: string;
  readonly observeInputs: boolean;
  /** Who answers, unless the file says another version. */
  readonly champion: { readonly version: number; readonly epoch: number; readonly revision: number };
  /** [rows], in the order of the rows; null where the file has them. */
  readonly outputs: Float32Array | null;
  readonly boot: string;
  /** When the file was read, in milliseconds since 1970. */
  readonly receivedAtMs: number;
  readonly scratch: string;
  readonly signal?: AbortSignal;
}

export interface WrittenObservations extends Omit<ConvertedFile, 'digest' | 'bytes'> {
  readonly path: string;
}

/**
 * Writes staged rows as observations, with the columns of segment-to-parquet.ts, each row a prediction of its own.
 * @returns null where there are none
 */
export async function writeSourceObservations(rows: string, answers: ObservedAnswers): Promise<WrittenObservations | null> {
  const { spec, section, model, scratch, receivedAtMs, signal } = answers;
  const path = join(scratch, 'observations.parquet');
  return withDatabase({ files: [rows], scratch, signal }, async (database) => {
    const time = quoteIdentifier(spec.data.eventTime);
    const { columns } = await database.columns(`SELECT epoch_us(${time}) / 1000.0 FROM ${staged(rows)}`, ['DOUBLE']);
    const eventTimesMs = columns[0] as Float64Array;
    if (eventTimesMs.length === 0) return null;
    if (answers.outputs) await fillOutputs(database, answers.outputs);
    await database.run(`COPY (${observationSelect(rows, answers)}) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
    return {
      path, model, deployment: section.deployment, kind: 'observation', rows: eventTimesMs.length, firstSequence: 1, lastSequence: eventTimesMs.length,
      firstEventMs: eventTimesMs[0]!, lastEventMs: eventTimesMs.at(-1)!, newestReceivedMs: receivedAtMs, leadMs: reachedLead(eventTimesMs.map((eventMs) => eventMs - receivedAtMs)), eventHours: hoursOf(eventTimesMs),
      idFilter: await idFilter(database, path, eventTimesMs.length),
    };
  });
}

function hoursOf(eventTimesMs: Float64Array): number[] | null {
  const hours = new EventHours();
  for (const timeMs of eventTimesMs) hours.add(timeMs);
  return hours.hours();
}

async function fillOutputs(database: Database, outputs: Float32Array): Promise<void> {
  await database.run('CREATE TEMP TABLE answered (ordinal DOUBLE, output FLOAT)');
  const appender = await database.appender('answered', ['DOUBLE', 'FLOAT']);
  for (let start = 0; start < outputs.length; start += CHUNK_ROWS) {
    const rows = Math.min(CHUNK_ROWS, outputs.length - start);
    for (let row = 0; row < rows; row++) (appender.columns[0] as Float64Array)[row] = start + row;
    (appender.columns[1] as Float32Array).set(outputs.subarray(start, start + rows));
    appender.commit(rows);
  }
  appender.close();
}

function observationSelect(rows: string, { spec, section, champion, outputs, observeInputs, boot, receivedAtMs }: ObservedAnswers): string {
  const output = outputs ? 'answered.output' : `TRY_CAST(rows.${quoteIdentifier(section.output ?? '')} AS FLOAT)`;
  const version = section.version === undefined ? String(champion.version) : `CAST(rows.${quoteIdentifier(section.version)} AS INTEGER)`;
  const known = `CASE WHEN isnan(${output}) THEN NULL ELSE ${output} END`;
  const inputs = observeInputs ? `, struct_pack(${spec.data.features.map((feature) => `${quoteIdentifier(feature.name)} := ${inputOf(feature)}`).join(', ')}) AS inputs` : '';
  return `
    SELECT ${predictionId(spec)} AS prediction_id, NULL::VARCHAR AS entity_key, rows.${quoteIdentifier(spec.data.eventTime)} AS event_time,
      make_timestamp(${Math.round(receivedAtMs)}::BIGINT * 1000) AS received_at, ${quoteLiteral(SOURCE_GATEWAY)} AS gateway, ${quoteLiteral(boot)} AS boot, 1::INTEGER AS segment,
      (rows.file_row_number + 1)::BIGINT AS sequence, 0::INTEGER AS "row", ${version}::INTEGER AS version, ${champion.epoch}::BIGINT AS epoch, ${champion.revision}::BIGINT AS revision,
      'champion' AS role, false AS stale, NULL::FLOAT AS latency_ms, 'none' AS guard, ${known} AS output, ${known} AS raw_output${inputs}
    FROM read_parquet(${fileList([rows])}, file_row_number = true) AS rows${outputs ? ' JOIN answered ON answered.ordinal = rows.file_row_number' : ''}
    ORDER BY rows.file_row_number`;
}

/** As the model takes it: float32, and what float32 cannot hold is missing. */
function inputOf({ name, type }: FeatureSpec): string {
  const column = `rows.${quoteIdentifier(name)}`;
  return type === 'category' ? `CAST(${column} AS VARCHAR)` : float32(column);
}

export interface SourceLabels {
  readonly spec: ModelSpec;
  /** The column of the business outcome, where the file has it. */
  readonly outcome: string | null;
  /** Where the batch is written. */
  readonly path: string;
  readonly scratch: string;
  readonly signal?: AbortSignal;
}

/**
 * Writes the labels and outcomes that staged rows have as a batch of labels (label-source.ts).
 * @returns how many rows have one; no file is written where none has
 */
export async function writeSourceLabels(rows: string, { spec, outcome, scratch, path, signal }: SourceLabels): Promise<number> {
  const label = quoteIdentifier(spec.data.label);
  return withDatabase({ files: [rows], scratch, signal }, async (database) => {
    const columns = (await database.rows(`DESCRIBE SELECT * FROM ${staged(rows)}`)).map((row) => row['column_name']);
    const brought = outcome !== null && columns.includes(outcome) ? quoteIdentifier(outcome) : 'NULL::DOUBLE';
    const known = `${label} IS NOT NULL OR ${brought} IS NOT NULL`;
    const [counts] = await database.rows(`SELECT count_if(${known})::DOUBLE AS known FROM ${staged(rows)}`);
    const labelled = Number(counts?.['known']);
    const select = `${predictionId(spec)} AS prediction_id, ${label} AS label${brought.startsWith('NULL') ? '' : `, ${brought} AS outcome`}`;
    if (labelled > 0) await database.run(`COPY (SELECT ${select} FROM ${staged(rows)} WHERE ${known}) TO ${quoteLiteral(path)} (FORMAT parquet)`);
    return labelled;
  });
}
