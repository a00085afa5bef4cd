import { type LabelFault, type LabelField, type LabelFormat, MAX_LABEL_FAULTS } from '../contracts/labels.js';
import { MASK } from '../contracts/masking.js';
import { isoTime } from '../contracts/time.js';
import { withDatabase, type Database, type DatabaseLimits } from '../data/duckdb.js';
import { quoteLiteral } from '../data/feature-encoding.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { readRawLabels } from './label-source.js';

export interface NormalizeRequest {
  /** The bytes as they came. */
  readonly path: string;
  readonly format: LabelFormat;
  readonly batch: number;
  readonly receivedAtMs: number;
  readonly task: ModelSpec['task'];
  /** The label is sensitive: faults quote nothing of what was brought. */
  readonly discreet?: boolean;
  /** Where the Parquet file is written; below `scratch`. */
  readonly target: string;
  readonly scratch: string;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal;
}

export interface NormalizedLabels {
  readonly rows: number;
  readonly invalid: number;
  /** The first ones by row. */
  readonly faults: readonly LabelFault[];
}

/** A label that is known later than it came, by more than a clock may be wrong, is a mistake and would never be corrected. */
const CLOCK_TOLERANCE_MS = 60 * 60_000;
const EARLIEST_MS = Date.UTC(1900, 0, 1);
const LATEST_MS = Date.UTC(2200, 0, 1);
const MAX_ID_CHARACTERS = 1_000;

/**
 * Writes the valid labels of a batch as Parquet: batch, row, prediction_id, entity_key, event_time_ms, label (DOUBLE, 0 and 1
 * for a class; NULL where the row has an outcome alone), known_at_ms, and where any row has one outcome (DOUBLE). The same bytes for the same batch, whoever writes them.
 * @throws PerennialError `DataUnreadable` when the batch is not what its format says
 */
export async function normalizeLabels(request: NormalizeRequest): Promise<NormalizedLabels> {
  const { path, scratch, limits, discreet = false, signal } = request;
  return withDatabase({ files: [path], scratch, ...(limits ? { limits } : {}), discreet, signal }, async (database) => {
    await readRawLabels(database, request.format, path);
    await database.run(parsedTable(request));
    await database.run(judgedTable(request));
    const [counts] = await database.rows(
      'SELECT count(*)::DOUBLE AS rows, count(fault)::DOUBLE AS invalid, (count(outcome_value) FILTER (WHERE fault IS NULL))::DOUBLE AS outcomes FROM judged');
    const outcome = Number(counts?.['outcomes']) > 0 ? ', outcome_value AS outcome' : '';
    await database.run(`
      COPY (SELECT ${request.batch}::INTEGER AS batch, row::INTEGER AS row, prediction_id, entity_key, event_time_ms, value AS label, known_at_ms${outcome}
        FROM judged WHERE fault IS NULL ORDER BY row) TO ${quoteLiteral(request.target)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)`);
    return { rows: Number(counts?.['rows']), invalid: Number(counts?.['invalid']), faults: await firstFaults(database) };
  });
}

/** Milliseconds since 1970 of ISO 8601 text with a zone, or of a whole number of them; NULL for anything else. */
const instantMs = (text: string): string => `CASE
  WHEN regexp_full_match(${text}, '-?\\d{1,15}(\\.0)?') THEN TRY_CAST(TRY_CAST(${text} AS DOUBLE) AS BIGINT)
  WHEN regexp_full_match(${text}, '\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?(Z|[+-]\\d{2}:\\d{2})')
    THEN epoch_ms(TRY_CAST(regexp_replace(${text}, '^(.{10})[T ](\\d{2}:\\d{2})(Z|[+-])', '\\1T\\2:00\\3') AS TIMESTAMPTZ)) END`;

/** A finite number; NULL for anything else. */
const finite = (text: string): string => `CASE WHEN isfinite(TRY_CAST(${text} AS DOUBLE)) THEN TRY_CAST(${text} AS DOUBLE) + 0.0 END`;

const VALUE: Readonly<Record<ModelSpec['task'], string>> = {
  'binary-classification': "CASE WHEN lower(label) = 'true' THEN 1.0 WHEN lower(label) = 'false' THEN 0.0 WHEN TRY_CAST(label AS DOUBLE) IN (0, 1) THEN abs(TRY_CAST(label AS DOUBLE)) END",
  regression: finite('label'),
};

const parsedTable = ({ task, receivedAtMs }: NormalizeRequest): string => `
  CREATE TEMP TABLE parsed AS SELECT raw.*, ${instantMs('event_time')} AS event_time_ms,
    CASE WHEN known_at IS NULL THEN ${receivedAtMs} ELSE ${instantMs('known_at')} END::BIGINT AS known_at_ms, ${VALUE[task]}::DOUBLE AS value,
    ${finite('outcome')}::DOUBLE AS outcome_value FROM raw`;

/** The first thing that is wrong with a row, and where. */
function judgedTable({ task, receivedAtMs, discreet }: NormalizeRequest): string {
  const wantedLabel = task === 'regression' ? 'a finite number' : '0, 1, true or false';
  const shown = (name: LabelField): string => (discreet ? quoteLiteral(MASK) : `to_json(left(${name}, 100))::VARCHAR`);
  const outside = (ms: string): string => `(${ms} < ${EARLIEST_MS} OR ${ms} >= ${LATEST_MS})`;
  const checks: readonly (readonly [condition: string, column: LabelField | null, message: string])[] = [
    ['prediction_id IS NULL AND (entity_key IS NULL OR event_time IS NULL)', null, quoteLiteral('names no prediction: give prediction_id, or entity_key and event_time')],
    [`length(prediction_id) > ${MAX_ID_CHARACTERS}`, 'prediction_id', quoteLiteral(`is longer than ${MAX_ID_CHARACTERS} characters`)],
    [`length(entity_key) > ${MAX_ID_CHARACTERS}`, 'entity_key', quoteLiteral(`is longer than ${MAX_ID_CHARACTERS} characters`)],
    ...(['event_time', 'known_at'] as const).map((name) => [`${name} IS NOT NULL AND (${name}_ms IS NULL OR ${outside(`${name}_ms`)})`, name,
      `${shown(name)} || ' is no time from 1900 to 2199: write ISO 8601 with a zone, such as 2013-04-01T12:00:00Z, or milliseconds since 1970'`] as const),
    [`known_at_ms > ${receivedAtMs + CLOCK_TOLERANCE_MS}`, 'known_at', `${shown('known_at')} || ' had not come yet when the batch did, at ${isoTime(receivedAtMs)}'`],
    ['label IS NULL AND outcome IS NULL', 'label', quoteLiteral(`is missing: give ${wantedLabel}, or an outcome`)],
    ['label IS NOT NULL AND value IS NULL', 'label', `${shown('label')} || ' is not ${wantedLabel}'`],
    ['outcome IS NOT NULL AND outcome_value IS NULL', 'outcome', `${shown('outcome')} || ' is not a finite number'`],
  ];
  const choose = (what: (check: (typeof checks)[number]) => string, own: string): string =>
    `CASE WHEN fault IS NOT NULL THEN ${own} ${checks.map((check) => `WHEN ${check[0]} THEN ${what(check)}`).join(' ')} END`;
  return `CREATE TEMP TABLE judged AS SELECT * EXCLUDE (fault, fault_column), ${choose(([, , message]) => message, 'fault')} AS fault,
    ${choose(([, column]) => (column === null ? 'NULL' : quoteLiteral(column)), 'fault_column')} AS fault_column FROM parsed`;
}

async function firstFaults(database: Database): Promise<LabelFault[]> {
  const rows = await database.rows(`SELECT row::DOUBLE AS row, fault_column, fault FROM judged WHERE fault IS NOT NULL ORDER BY row LIMIT ${MAX_LABEL_FAULTS}`);
  return rows.map((row) => ({ row: Number(row['row']), column: row['fault_column'] as LabelField | null, message: String(row['fault']) }));
}
