import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { fileList, withDatabase } from '../src/data/duckdb.js';
import { convertSegment } from '../src/observations/segment-to-parquet.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';
import { segmentsIn } from '../src/serving/segment-folder.js';
import { type ServedRegistry, specOf } from '../src/serving/testing/served-registry.js';
import { parseSpec } from '../src/spec/parse-spec.js';
import { eventually } from './installation.js';

/** The largest distance from 1970 that a date can have. */
const MAX_TIME_MS = 8.64e15;

export interface RecordedPlace {
  readonly registry: ServedRegistry;
  /** The record, as its owner. */
  readonly owner: DataSource;
  /** Below it, gateways keep their logs. */
  readonly observations: string;
  readonly scratch: string;
}

/** The Parquet files of a model's observations, once everything that gateways left is in the record. */
export async function recordedFiles({ registry, owner, observations, scratch }: RecordedPlace, model: string): Promise<string[]> {
  await eventually(async () => {
    const waiting = readdirSync(observations).flatMap((name) => segmentsIn(join(observations, name)));
    return waiting.length === 0 ? true : undefined;
  }, () => 'every segment to be uploaded');
  const record = new ObservationsRepository(owner);
  for (const { gateway, boot, segment, digest } of await record.unconverted(100_000)) {
    const conversion = await convertSegment({
      gateway, boot, segment, path: await registry.store.localPath(digest), features: async (name) => parseSpec(specOf(name)).spec.data.features, store: registry.store, workDir: scratch,
    });
    if (conversion.damage) throw new Error(`Segment ${gateway}/${boot}/${segment} is damaged: ${JSON.stringify(conversion.damage)}`);
    await record.recordConversion({ gateway, boot, segment }, conversion);
  }
  const files = await record.observationFiles({ model, deployment: 'default', fromMs: -MAX_TIME_MS, untilMs: MAX_TIME_MS });
  return Promise.all(files.map(({ digest }) => registry.store.localPath(digest)));
}

/** How often each prediction id of a model is in the record, whatever row of a request it names; no row twice. */
export async function recordedPredictions(place: RecordedPlace, model: string): Promise<Map<string, number>> {
  const rows = await query(place, model, (files) =>
    `SELECT regexp_replace(prediction_id, '/[0-9]+$', '') AS id, count(DISTINCT prediction_id)::INTEGER AS named, count(*)::INTEGER AS rows FROM read_parquet(${files}) GROUP BY 1`);
  const twice = rows.find((row) => row['named'] !== row['rows']);
  if (twice) throw new Error(`Prediction ${String(twice['id'])} has a row twice: ${JSON.stringify(twice)}`);
  return new Map(rows.map((row) => [String(row['id']), Number(row['rows'])]));
}

/** Rows of a model in the record, and how many there are by start of the gateway, sequence and row: whatever callers named them. */
export async function recordedRows(place: RecordedPlace, model: string): Promise<{ readonly rows: number; readonly distinct: number }> {
  const [row] = await query(place, model, (files) => `SELECT count(*)::INTEGER AS rows, count(DISTINCT (boot, sequence, "row"))::INTEGER AS distinct_rows FROM read_parquet(${files})`);
  return { rows: Number(row?.['rows'] ?? 0), distinct: Number(row?.['distinct_rows'] ?? 0) };
}

async function query(place: RecordedPlace, model: string, sql: (files: string) => string): Promise<Record<string, unknown>[]> {
  const files = await recordedFiles(place, model);
  return files.length === 0 ? [] : withDatabase({ files, scratch: place.scratch }, (database) => database.rows(sql(fileList(files))));
}
