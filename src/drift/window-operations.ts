import type { VersionTally } from '../contracts/serving-tallies.js';
import { isoTime } from '../contracts/time.js';
import type { OperationFigures } from '../contracts/window-assessment.js';
import type { Cell, Database, Row } from '../data/duckdb.js';
import { observationRelation, type TimeRange, timestamp } from '../observations/observation-rows.js';

/** What the observed rows of a window say of how it was served; errors leave no rows. */
export type ObservedOperations = Omit<OperationFigures, 'errors'>;

/**
 * How a window was served, by whichever versions. Every answer counts, those to predictions that were asked for again too: each of them was
 * served. The rows of a request share its latency, which counts once; percentiles interpolate linearly between requests.
 * @param database that may read `observations` @param observations paths of Parquet files; rows outside of the range are passed over
 */
export async function readOperations(database: Database, observations: readonly string[], { fromMs, untilMs }: TimeRange): Promise<ObservedOperations> {
  await database.run(`
    CREATE TEMP TABLE answered AS SELECT prediction_id, gateway, boot, sequence, event_time, received_at, stale, guard, latency_ms::DOUBLE AS latency_ms
    FROM ${observationRelation(observations)} WHERE event_time >= ${timestamp(fromMs)} AND event_time < ${timestamp(untilMs)}`);
  const [row = {}] = await database.rows(`
    SELECT (count(*) - count(DISTINCT prediction_id))::DOUBLE AS repeated, count_if(stale)::DOUBLE AS stale,
      epoch_ms(min(event_time))::DOUBLE AS first, epoch_ms(max(event_time))::DOUBLE AS last, epoch_ms(max(received_at))::DOUBLE AS newest FROM answered`);
  const guards = await database.rows("SELECT guard, count(*)::DOUBLE AS rows FROM answered WHERE guard <> 'none' GROUP BY guard ORDER BY guard");
  const [latency = {}] = await database.rows(`
    SELECT quantile_cont(latency, 0.5) AS p50, quantile_cont(latency, 0.95) AS p95, quantile_cont(latency, 0.99) AS p99, max(latency) AS greatest
    FROM (SELECT max(latency_ms) AS latency FROM answered WHERE isfinite(latency_ms) GROUP BY gateway, boot, sequence)`);
  return {
    repeated: Number(row['repeated']), stale: Number(row['stale']), guards: Object.fromEntries(guards.map(({ guard, rows }) => [String(guard), Number(rows)])),
    latencyMs: latencyOf(latency), firstEvent: timeOf(row['first']), lastEvent: timeOf(row['last']), newestReceived: timeOf(row['newest']),
  };
}

/** Failed requests of all versions by failure type. */
export function failuresByType(tallies: readonly Pick<VersionTally, 'errors'>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { errors } of tallies) for (const [type, count] of Object.entries(errors)) sums.set(type, (sums.get(type) ?? 0) + count);
  return Object.fromEntries(sums);
}

function latencyOf({ p50, p95, p99, greatest }: Row): OperationFigures['latencyMs'] {
  return greatest === null || greatest === undefined ? null : { p50: Number(p50), p95: Number(p95), p99: Number(p99), greatest: Number(greatest) };
}

const timeOf = (ms: Cell | undefined): string | null => (typeof ms === 'number' ? isoTime(ms) : null);
