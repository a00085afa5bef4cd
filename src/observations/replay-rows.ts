import { join } from 'node:path';
import { LEFT_OUT } from '../contracts/replays.js';
import { withDatabase, type Database, type DatabaseLimits, type NumericType } from '../data/duckdb.js';
import { quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import { mirrorRelation, observationRelation, observationsWithin, withLabels, type ObservationPaths, type TimeRange } from './observation-rows.js';

export interface ReplayQuery extends TimeRange {
  /** The version that is replayed. */
  readonly version: number;
  /** What it takes, by its own spec. */
  readonly features: readonly FeatureSpec[];
  /** Who was champion in each epoch that the deployment ever had. */
  readonly champions: readonly { readonly epoch: number; readonly version: number }[];
  /** Versions whose logged inputs lack features that this one takes. */
  readonly lacking: readonly number[];
  readonly files: ObservationPaths;
  readonly scratch: string;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal | undefined;
}

/** Where the inputs of the rows lie, for the scoring process: no column of a spec has a space in its name. */
export const REPLAYED_LABEL = 'known label';
export const REPLAYED_TIME = 'event time';

/** Rows that can be scored, by event time and then prediction id: as many as `inputs` has, in its order. */
export interface ReplayableRows {
  /** Parquet in `scratch`: the features' raw values by name, {@link REPLAYED_LABEL} and {@link REPLAYED_TIME}; null where there are no rows. */
  readonly inputs: string | null;
  readonly eventTimeMs: Float64Array;
  /** What the champion of then gave, before any guard rail, and which version it was. */
  readonly champion: Float32Array;
  readonly championVersion: Float64Array;
  /** NaN: none known. */
  readonly label: Float64Array;
  /** Of the request, as far as the champion answered it; NaN where a challenger did and the champion's was not measured. */
  readonly championLatencyMs: Float32Array;
  /** Those that are no pairs, one for each prediction: its event time, and why (a place in {@link LEFT_OUT}). */
  readonly left: { readonly eventTimeMs: Float64Array; readonly standing: Float64Array };
}

const PAIR = LEFT_OUT.length;
const COLUMNS: readonly NumericType[] = ['DOUBLE', 'FLOAT', 'DOUBLE', 'DOUBLE', 'FLOAT'];

/**
 * The logged predictions of a stretch of event time, each once as first received, beside what the champion of its epoch made
 * of it: as the answer, or mirrored where a challenger answered. In memory 32 bytes a row; the inputs are written to a file.
 * @throws PerennialError `DataNotFound`, `DataUnreadable`; the signal's reason
 */
export async function readReplayable(query: ReplayQuery): Promise<ReplayableRows> {
  const { files, scratch, limits, signal } = query;
  const options = { files: [...files.observations, ...files.mirrors, ...files.labels], scratch, ...(limits ? { limits } : {}), signal };
  return withDatabase(options, async (database) => {
    await database.run(`CREATE TEMP TABLE champion_of AS SELECT * FROM (VALUES ${[...query.champions, { epoch: -1, version: -1 }].map(({ epoch, version }) => `(${epoch}::BIGINT, ${version}::INTEGER)`).join(', ')}) AS epochs(epoch, champion)`);
    const kept = await keptFields(database, query);
    await database.run(`CREATE TEMP TABLE asked AS ${selectAsked(query, kept)}`);
    await database.run(`CREATE TEMP TABLE pair AS SELECT * FROM asked WHERE standing = ${PAIR}`);
    await database.run(`
      CREATE TEMP TABLE replayed AS SELECT row_number() OVER (ORDER BY event_time_ms, prediction_id) AS place, * FROM ${withLabels('pair', files.labels)}`);
    const { rows, columns } = await database.columns(
      "SELECT event_time_ms::DOUBLE, champion_output, champion::DOUBLE, coalesce(label, 'NaN'::DOUBLE), coalesce(champion_latency_ms, 'NaN'::FLOAT)::FLOAT FROM replayed ORDER BY place", COLUMNS,
    );
    const [eventTimeMs, champion, championVersion, label, championLatencyMs] = columns;
    const left = await database.columns(`SELECT event_time_ms::DOUBLE, standing::DOUBLE FROM asked WHERE standing <> ${PAIR} ORDER BY event_time_ms`, ['DOUBLE', 'DOUBLE']);
    return {
      inputs: rows === 0 ? null : await writeInputs(database, query), eventTimeMs, champion, championVersion, label, championLatencyMs,
      left: { eventTimeMs: left.columns[0], standing: left.columns[1] },
    } as ReplayableRows;
  });
}

/** The fields of the struct `inputs`; null where no file kept any. */
async function keptFields(database: Database, { files }: ReplayQuery): Promise<ReadonlySet<string> | null> {
  const observed = observationRelation(files.observations);
  const described = await database.rows(`DESCRIBE SELECT * FROM ${observed}`);
  if (!described.some((column) => column['column_name'] === 'inputs')) return null;
  const fields = await database.rows(`SELECT unnest(struct_keys(inputs)) AS name FROM (SELECT inputs FROM ${observed} WHERE inputs IS NOT NULL LIMIT 1)`);
  return new Set(fields.map((row) => String(row['name']).toLowerCase()));
}

function selectAsked(query: ReplayQuery, kept: ReadonlySet<string> | null): string {
  const { files, version, lacking, features } = query;
  const missing = features.some(({ name }) => !kept?.has(name.toLowerCase()));
  const conditions: Record<(typeof LEFT_OUT)[number], string> = {
    ownAnswers: `champion = ${version}`,
    withoutInputs: kept === null ? 'true' : 'inputs IS NULL',
    lackingFeatures: missing ? 'true' : lacking.length === 0 ? 'false' : `observed.version IN (${lacking.join(', ')})`,
    withoutChampion: 'champion_output IS NULL',
  };
  const standing = LEFT_OUT.map((name, place) => `WHEN ${conditions[name]} THEN ${place}`).join(' ');
  const values = features.map((feature, index) => `${inputOf(feature, kept)} AS f${index}`);
  return `
    WITH observed AS (
      SELECT row_of.*, champion_of.champion, mirror.outcome AS mirror_outcome, mirror.output AS mirror_output, mirror.latency_ms AS mirror_latency_ms
      FROM ${observationsWithin(files.observations, query)} AS row_of
      LEFT JOIN champion_of ON champion_of.epoch = row_of.epoch
      LEFT JOIN ${mirrorRelation(files.mirrors)} AS mirror
        ON mirror.gateway = row_of.gateway AND mirror.boot = row_of.boot AND mirror.sequence = row_of.sequence AND mirror.row = row_of.row
          AND mirror.version = champion_of.champion AND row_of.version <> champion_of.champion)
    SELECT prediction_id, entity_key, event_time_ms, champion,
      CASE WHEN version = champion THEN coalesce(raw_output, output) WHEN mirror_outcome = 'executed' THEN mirror_output END AS champion_output,
      CASE WHEN version = champion THEN latency_ms ELSE mirror_latency_ms END AS champion_latency_ms,
      CASE ${standing} ELSE ${PAIR} END AS standing${values.length > 0 ? `, ${values.join(', ')}` : ''}
    FROM observed`;
}

/** Typed as the version takes it, whatever it was in the file: a number that was logged as text beside another file's is the same number. */
function inputOf({ name, type }: FeatureSpec, kept: ReadonlySet<string> | null): string {
  const duckdbType = type === 'number' ? 'FLOAT' : 'VARCHAR';
  return kept?.has(name.toLowerCase()) ? `TRY_CAST(inputs.${quoteIdentifier(name)} AS ${duckdbType})` : `NULL::${duckdbType}`;
}

async function writeInputs(database: Database, { features, scratch }: ReplayQuery): Promise<string> {
  const path = join(scratch, 'inputs.parquet');
  const columns = features.map(({ name }, index) => `f${index} AS ${quoteIdentifier(name)}`);
  await database.run(`
    COPY (SELECT ${[...columns, `label AS ${quoteIdentifier(REPLAYED_LABEL)}`, `make_timestamp(event_time_ms * 1000) AS ${quoteIdentifier(REPLAYED_TIME)}`].join(', ')} FROM replayed ORDER BY place)
    TO ${quoteLiteral(path)} (FORMAT parquet)`);
  return path;
}
