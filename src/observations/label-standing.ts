import { join } from 'node:path';
import type { LabelCounts } from '../contracts/labels.js';
import { withDatabase, type Cell, type Database, type DatabaseLimits } from '../data/duckdb.js';
import { quoteLiteral } from '../data/feature-encoding.js';
import { type LabelledValue, labelRelation, observationRelation, outcomeRelation, type TimeRange, valuesIn } from './observation-rows.js';

export interface StandingRequest {
  /** The batch as {@link normalizeLabels} wrote it, in `scratch`. */
  readonly labels: string;
  readonly batch: number;
  readonly scratch: string;
  /** Rows of the batch, and those that were invalid and are not in `labels`. */
  readonly rows: number;
  readonly invalid: number;
  readonly labelHorizonMs: number;
  /** Of the deployment when the batch came; null where nothing was observed. */
  readonly streamTimeMs: number | null;
  /** Paths of observation files, those first that are likeliest to hold the predictions; a few hundred at a time. */
  observations(range: TimeRange | null): AsyncIterable<readonly string[]>;
  /** Paths of the files of earlier batches that may label predictions of the range; null: of any. */
  earlierLabels(range: TimeRange | null): Promise<readonly string[]>;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal;
}

/** How a batch's labels stand to what was known before it; event times in milliseconds since 1970, both ends included. */
export interface LabelStanding {
  readonly counts: LabelCounts;
  /** Labels whose prediction's event time is not known. */
  readonly unplaced: number;
  readonly eventTimes: { readonly firstMs: number; readonly lastMs: number } | null;
  /** Of the predictions that got a corrected or a late label. */
  readonly amends: { readonly firstMs: number; readonly lastMs: number } | null;
  /** Of those that got their first one in time. */
  readonly inTime: { readonly firstMs: number; readonly lastMs: number } | null;
}

/** Looks the labels up among the observations and the earlier labels. @throws PerennialError `DataNotFound`, `DataUnreadable` */
export async function labelStanding(request: StandingRequest): Promise<LabelStanding> {
  const matched = await matchObservations(request);
  const placed = await within(request, [], (database) => placedRange(database, request, matched));
  const earlier = await request.earlierLabels(placed);
  return within(request, earlier, (database) => standing(database, request, matched, earlier));
}

const within = <T>({ scratch, limits, signal }: StandingRequest, files: readonly string[], work: (database: Database) => Promise<T>): Promise<T> =>
  withDatabase({ files, scratch, ...(limits ? { limits } : {}), signal }, work);

const MATCHED = 'row, prediction_id, entity_key, event_time_ms';

/** Goes through the observations until every label has found its prediction. @returns files with the matches of each round */
async function matchObservations(request: StandingRequest): Promise<string[]> {
  const found: string[] = [];
  const wanted = await within(request, [], (database) => searchRange(database, request.labels));
  for await (const paths of request.observations(wanted)) {
    const target = join(request.scratch, `matched-${found.length}.parquet`);
    const open = await within(request, paths, (database) => matchRound(database, request.labels, found, paths, target));
    found.push(target);
    if (open === 0) break;
  }
  return found;
}

/** Where the predictions can lie: known when every label says its event time. */
async function searchRange(database: Database, labels: string): Promise<TimeRange | null> {
  const [row] = await database.rows(`SELECT count_if(prediction_id IS NOT NULL)::DOUBLE AS named, min(event_time_ms)::DOUBLE AS first, max(event_time_ms)::DOUBLE AS last FROM ${labelRelation([labels])}`);
  return Number(row?.['named']) > 0 ? null : rangeOf(row?.['first'], row?.['last']);
}

async function matchRound(database: Database, labels: string, found: readonly string[], paths: readonly string[], target: string): Promise<number> {
  const before = found.length === 0 ? '(SELECT NULL::INTEGER AS row WHERE false)' : labelRelation(found);
  await database.run(`CREATE TEMP TABLE open AS SELECT * FROM ${labelRelation([labels])} WHERE row NOT IN (SELECT row FROM ${before})`);
  await database.run(`
    COPY (SELECT row, first(prediction_id ORDER BY event_time_ms, prediction_id) AS prediction_id, first(entity_key ORDER BY event_time_ms, prediction_id) AS entity_key, min(event_time_ms) AS event_time_ms FROM (
      SELECT open.row, observed.prediction_id, observed.entity_key, epoch_ms(observed.event_time) AS event_time_ms
        FROM ${observationRelation(paths)} AS observed JOIN open ON open.prediction_id = observed.prediction_id
      UNION ALL
      SELECT open.row, observed.prediction_id, observed.entity_key, epoch_ms(observed.event_time)
        FROM ${observationRelation(paths)} AS observed JOIN open ON open.entity_key = observed.entity_key AND open.event_time_ms = epoch_ms(observed.event_time)
        WHERE open.prediction_id IS NULL) GROUP BY row) TO ${quoteLiteral(target)} (FORMAT parquet)`);
  const [left] = await database.rows(`SELECT count(*)::DOUBLE AS left FROM open WHERE row NOT IN (SELECT row FROM ${labelRelation([target])})`);
  return Number(left?.['left']);
}

const matchRelation = (matched: readonly string[]): string =>
  matched.length > 0 ? labelRelation(matched) : `(SELECT NULL::INTEGER AS row, NULL::VARCHAR AS prediction_id, NULL::VARCHAR AS entity_key, NULL::BIGINT AS event_time_ms WHERE false)`;

/** The labels, each with all that is known of its prediction. */
const identified = (labels: string, matched: readonly string[], values: readonly LabelledValue[]): string => `
  (SELECT given.batch, given.row, coalesce(given.prediction_id, found.prediction_id) AS prediction_id, given.prediction_id IS NULL AS by_entity, ${values.map((value) => `given.${value}`).join(', ')}, given.known_at_ms, found.row IS NOT NULL AS known,
     CASE WHEN found.row IS NOT NULL THEN found.entity_key WHEN given.prediction_id IS NULL THEN given.entity_key END AS entity_key,
     CASE WHEN found.row IS NOT NULL THEN found.event_time_ms WHEN given.prediction_id IS NULL THEN given.event_time_ms END AS event_time_ms
   FROM ${labelRelation([labels])} AS given LEFT JOIN (SELECT ${MATCHED} FROM ${matchRelation(matched)}) AS found ON found.row = given.row)`;

async function placedRange(database: Database, { labels }: StandingRequest, matched: readonly string[]): Promise<TimeRange | null> {
  const [row] = await database.rows(`SELECT count_if(event_time_ms IS NULL)::DOUBLE AS unplaced, min(event_time_ms)::DOUBLE AS first, max(event_time_ms)::DOUBLE AS last FROM ${identified(labels, matched, ['label'])}`);
  return Number(row?.['unplaced']) > 0 ? null : rangeOf(row?.['first'], row?.['last']);
}

/** What counted for a prediction before each label, or outcome, by order of batch and row: of the labels that meet the condition. */
const before = (value: LabelledValue, partition: string, condition: string): string => `max(CASE WHEN ${condition} AND ${value} IS NOT NULL THEN {'known': known_at_ms, 'batch': batch, 'row': row, 'value': ${value}} END)
  OVER (PARTITION BY ${partition} ORDER BY batch, row ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;

async function standing(database: Database, request: StandingRequest, matched: readonly string[], earlier: readonly string[]): Promise<LabelStanding> {
  const values = await valuesIn(database, [request.labels]);
  await database.run(`CREATE TEMP TABLE fresh AS SELECT * FROM ${identified(request.labels, matched, values)}`);
  const prior = `SELECT batch, row, prediction_id, prediction_id IS NULL AS by_entity, ${values.join(', ')}, known_at_ms, true AS known, CASE WHEN prediction_id IS NULL THEN entity_key END AS entity_key, CASE WHEN prediction_id IS NULL THEN event_time_ms END AS event_time_ms
    FROM ${values.includes('outcome') ? outcomeRelation(earlier) : labelRelation(earlier)} AS old WHERE prediction_id IN (SELECT prediction_id FROM fresh) OR (prediction_id IS NULL AND (entity_key, event_time_ms) IN (SELECT (entity_key, event_time_ms) FROM fresh))`;
  await database.run(`
    CREATE TEMP TABLE judged AS
    WITH history AS (SELECT * FROM fresh UNION ALL BY NAME ${prior}), followed AS (SELECT *, ${values.map(followed).join(', ')} FROM history)
    SELECT *, ${values.map(lastOf).join(', ')} FROM followed WHERE batch = ${request.batch}`);
  const late = request.streamTimeMs === null ? 'false' : `(event_time_ms + ${request.labelHorizonMs} < ${request.streamTimeMs})`;
  await database.run(`
    CREATE TEMP TABLE classified AS SELECT event_time_ms, ${late} AS late,
      CASE WHEN ${anyOf(values, (value) => `last_${value}.value <> ${value}`)} THEN 'corrected' WHEN NOT (${anyOf(values, (value) => `${value} IS NOT NULL AND last_${value} IS NULL`)}) THEN 'repeated'
        WHEN known THEN 'accepted' ELSE 'unknown' END AS standing FROM judged`);
  const [row = {}] = await database.rows(SUMMARY);
  const count = (name: string): number => Number(row[name]);
  return {
    counts: {
      rows: request.rows, accepted: count('accepted'), repeated: count('repeated'), corrected: count('corrected'), late: count('late'), unknown: count('unknown'), invalid: request.invalid,
    },
    unplaced: count('unplaced'),
    eventTimes: spanOf(row['first'], row['last']),
    amends: spanOf(row['amends_from'], row['amends_until']),
    inTime: spanOf(row['in_time_from'], row['in_time_until']),
  };
}

const followed = (value: LabelledValue): string => `${before(value, 'prediction_id', 'prediction_id IS NOT NULL')} AS ${value}_of_id,
  CASE WHEN entity_key IS NOT NULL AND event_time_ms IS NOT NULL THEN ${before(value, 'entity_key, event_time_ms', 'by_entity')} END AS ${value}_of_entity`;
const lastOf = (value: LabelledValue): string => `CASE WHEN ${value}_of_id IS NULL THEN ${value}_of_entity
  WHEN ${value}_of_entity IS NULL OR ${value}_of_id >= ${value}_of_entity THEN ${value}_of_id ELSE ${value}_of_entity END AS last_${value}`;
const anyOf = (values: readonly LabelledValue[], condition: (value: LabelledValue) => string): string => values.map((value) => `coalesce(${condition(value)}, false)`).join(' OR ');

const AMENDS = "(standing = 'corrected' OR (standing = 'accepted' AND late))";
const IN_TIME = "(standing = 'accepted' AND NOT late)";
const SUMMARY = `
  SELECT ${['accepted', 'repeated', 'corrected', 'unknown'].map((standing) => `count_if(standing = '${standing}')::DOUBLE AS ${standing}`).join(', ')},
    count_if(late AND standing IN ('accepted', 'corrected'))::DOUBLE AS late, count_if(event_time_ms IS NULL)::DOUBLE AS unplaced,
    min(event_time_ms)::DOUBLE AS first, max(event_time_ms)::DOUBLE AS last,
    min(event_time_ms) FILTER (${AMENDS})::DOUBLE AS amends_from, max(event_time_ms) FILTER (${AMENDS})::DOUBLE AS amends_until,
    min(event_time_ms) FILTER (${IN_TIME})::DOUBLE AS in_time_from, max(event_time_ms) FILTER (${IN_TIME})::DOUBLE AS in_time_until FROM classified`;

function spanOf(first: Cell | undefined, last: Cell | undefined): { firstMs: number; lastMs: number } | null {
  return typeof first === 'number' && typeof last === 'number' ? { firstMs: first, lastMs: last } : null;
}

function rangeOf(first: Cell | undefined, last: Cell | undefined): TimeRange | null {
  const span = spanOf(first, last);
  return span && { fromMs: span.firstMs, untilMs: span.lastMs + 1 };
}
