import { fileList, type Database } from '../data/duckdb.js';

/** Parquet files of a deployment on this machine, absolute. */
export interface ObservationPaths {
  readonly observations: readonly string[];
  readonly mirrors: readonly string[];
  readonly labels: readonly string[];
}

/** Event time from `fromMs` on, before `untilMs`; milliseconds since 1970. */
export interface TimeRange {
  readonly fromMs: number;
  readonly untilMs: number;
}

const OBSERVATION_COLUMNS = `prediction_id VARCHAR, entity_key VARCHAR, event_time TIMESTAMP, received_at TIMESTAMP, gateway VARCHAR, boot VARCHAR, segment INTEGER,
  sequence BIGINT, row INTEGER, version INTEGER, epoch BIGINT, revision BIGINT, role VARCHAR, stale BOOLEAN, latency_ms FLOAT, guard VARCHAR, output FLOAT, raw_output FLOAT`;
const MIRROR_COLUMNS = 'gateway VARCHAR, boot VARCHAR, sequence BIGINT, row INTEGER, version INTEGER, outcome VARCHAR, reason VARCHAR, latency_ms FLOAT, output FLOAT';
const LABEL_COLUMNS = 'batch INTEGER, row INTEGER, prediction_id VARCHAR, entity_key VARCHAR, event_time_ms BIGINT, label DOUBLE, known_at_ms BIGINT, outcome DOUBLE';

const relation = (paths: readonly string[], columns: string): string => {
  if (paths.length > 0) return `read_parquet(${fileList(paths)}, union_by_name = true, hive_partitioning = false)`;
  return `(SELECT ${columns.split(',').map((column) => column.trim().split(' ') as [string, string]).map(([name, type]) => `NULL::${type} AS ${name}`).join(', ')} WHERE false)`;
};

export const observationRelation = (paths: readonly string[]): string => relation(paths, OBSERVATION_COLUMNS);
export const mirrorRelation = (paths: readonly string[]): string => relation(paths, MIRROR_COLUMNS);
export const labelRelation = (paths: readonly string[]): string => relation(paths, LABEL_COLUMNS);
/** The same, with `outcome` also where none of the files has the column. */
export const outcomeRelation = (paths: readonly string[]): string => `(SELECT * FROM ${labelRelation(paths)} UNION ALL BY NAME SELECT NULL::DOUBLE AS outcome WHERE false)`;

/** A moment as DuckDB writes it. */
export const timestamp = (ms: number): string => `make_timestamp(${Math.round(ms)}::BIGINT * 1000)`;

/** Observations of a stretch of event time; a prediction that was asked for again under its id counts once, as first received. */
export const observationsWithin = (paths: readonly string[], { fromMs, untilMs }: TimeRange, condition = 'true'): string => `
  (SELECT *, epoch_ms(event_time) AS event_time_ms FROM ${observationRelation(paths)}
   WHERE event_time >= ${timestamp(fromMs)} AND event_time < ${timestamp(untilMs)} AND ${condition}
   QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY received_at, gateway, boot, sequence, row) = 1)`;

/** What a row of labels may say of its prediction. */
export type LabelledValue = 'label' | 'outcome';

/** What files of labels say: most have no outcomes, and reading them as if they had costs a half more. */
export async function valuesIn(database: Database, labelPaths: readonly string[]): Promise<readonly LabelledValue[]> {
  if (labelPaths.length === 0) return ['label'];
  const described = await database.rows(`DESCRIBE SELECT * FROM ${labelRelation(labelPaths)}`);
  return described.some((column) => column['column_name'] === 'outcome') ? ['label', 'outcome'] : ['label'];
}

/**
 * `observed` with a column `label` (and `outcome` where asked for), NULL where none is known: of the labels that name the prediction by its id, or by entity
 * and event time, the one known last counts, of several at once that which came last. A row that says nothing of one of them leaves it as it was.
 * @param observed a table with prediction_id, entity_key and event_time_ms, one row a prediction @param values those that {@link valuesIn} the files are, or fewer
 */
export const withLabels = (observed: string, labelPaths: readonly string[], values: readonly LabelledValue[] = ['label']): string => `
  (WITH given AS (SELECT batch, row, prediction_id, entity_key, event_time_ms, known_at_ms, ${values.join(', ')}
     FROM ${labelRelation(labelPaths)}),
   named AS (
     SELECT observed.prediction_id, ${values.map(latestOf).join(', ')}
       FROM ${observed} AS observed JOIN given ON given.prediction_id = observed.prediction_id
     UNION ALL
     SELECT observed.prediction_id, ${values.map(latestOf).join(', ')}
       FROM ${observed} AS observed JOIN given ON given.entity_key = observed.entity_key AND given.event_time_ms = observed.event_time_ms
       WHERE given.prediction_id IS NULL),
   decided AS (SELECT prediction_id, ${values.map((value) => `max(latest_${value}).value AS ${value}`).join(', ')} FROM named GROUP BY prediction_id)
   SELECT observed.*, ${values.map((value) => `decided.${value}`).join(', ')} FROM ${observed} AS observed LEFT JOIN decided ON decided.prediction_id = observed.prediction_id)`;

const latestOf = (value: LabelledValue): string =>
  `CASE WHEN given.${value} IS NOT NULL THEN {'known': known_at_ms, 'batch': batch, 'row': given.row, 'value': given.${value}} END AS latest_${value}`;
