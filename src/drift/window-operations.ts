import type { VersionTally } from '../contracts/serving-tallies.js';
import { isoTime } from '../contracts/time.js';
import type { OperationFigures } from '../contracts/window-assessment-report.js';
import type { Cell, Database, Row } from '../data/duckdb.js';
import { observationRelation, type TimeRange, timestamp } from '../observations/observation-rows.js';

/** What the observed rows of a window say of how it was served; errors leave no rows. */
export type ObservedOperations = Required<Omit<OperationFigures, 'errors' | 'gateways' | 'checks'>>;

/** An answer that took longer is slow, in milliseconds; of the spec. */
export interface SlowLimit {
  readonly slowAfterMs: number;
}

/**
 * How a window was served, by whichever versions. Every answer counts, those to predictions that were asked for again too: each of them was
 * served. The rows of a request share its latency, which counts once; percentiles interpolate linearly between requests.
 * When predictions were received, and how long after their events, is told of their first receipts: one that is asked for again, long after, was received once.
 * @param database that may read `observations` @param observations paths of Parquet files; rows outside of the range are passed over
 */
export async function readOperations(database: Database, observations: readonly string[], { fromMs, untilMs, slowAfterMs }: TimeRange & SlowLimit): Promise<ObservedOperations> {
  await database.run(`
    CREATE TEMP TABLE answered AS SELECT prediction_id, gateway, boot, sequence, event_time, received_at, stale, guard, latency_ms::DOUBLE AS latency_ms
    FROM ${observationRelation(observations)} WHERE event_time >= ${timestamp(fromMs)} AND event_time < ${timestamp(untilMs)}`);
  const [row = {}] = await database.rows(`
    SELECT (count(*) - count(DISTINCT prediction_id))::DOUBLE AS repeated, count_if(stale)::DOUBLE AS stale,
      epoch_ms(min(event_time))::DOUBLE AS first, epoch_ms(max(event_time))::DOUBLE AS last, epoch_ms(max(received_at))::DOUBLE AS newest FROM answered`);
  const [receipts = {}] = await database.rows(`
    SELECT epoch_ms(min(receipt))::DOUBLE AS first, epoch_ms(max(receipt))::DOUBLE AS last, quantile_cont(lag, 0.5) AS p50, quantile_cont(lag, 0.95) AS p95, max(lag) AS greatest
    FROM (SELECT min(received_at) AS receipt, (epoch_us(min(received_at)) - epoch_us(arg_min(event_time, received_at)))::DOUBLE / 1000 AS lag FROM answered GROUP BY prediction_id)`);
  const guards = await database.rows("SELECT guard, count(*)::DOUBLE AS rows FROM answered WHERE guard <> 'none' GROUP BY guard ORDER BY guard");
  const [latency = {}] = await database.rows(`
    SELECT quantile_cont(latency, 0.5) AS p50, quantile_cont(latency, 0.95) AS p95, quantile_cont(latency, 0.99) AS p99, max(latency) AS greatest,
      count(*)::DOUBLE AS requests, count_if(latency > ${slowAfterMs})::DOUBLE AS slow
    FROM (SELECT max(latency_ms) AS latency FROM answered WHERE isfinite(latency_ms) GROUP BY gateway, boot, sequence)`);
  return {
    repeated: Number(row['repeated']), stale: Number(row['stale']), guards: Object.fromEntries(guards.map(({ guard, rows }) => [String(guard), Number(rows)])),
    latencyMs: latencyOf(latency), firstEvent: timeOf(row['first']), lastEvent: timeOf(row['last']), newestReceived: timeOf(row['newest']),
    received: receivedOf(receipts), arrivalLagMs: lagOf(receipts), slow: { afterMs: slowAfterMs, requests: Number(latency['requests']), count: Number(latency['slow']) },
  };
}

/**
 * The wall time in which the predictions of a window were received, for what has only wall time. Predictions that are made as their events happen are
 * received within the window; then all of it counts, so that an hour in which every request failed is not left out. Those of a replay of the past are not.
 */
export function receivedStretch({ fromMs, untilMs }: TimeRange, received: ObservedOperations['received']): TimeRange {
  if (!received) return { fromMs, untilMs };
  const [firstMs, lastMs] = [Date.parse(received.first), Date.parse(received.last) + 1];
  const within = firstMs < untilMs && lastMs > fromMs;
  return within ? { fromMs: Math.min(fromMs, firstMs), untilMs: Math.max(untilMs, lastMs) } : { fromMs: firstMs, untilMs: lastMs };
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

function receivedOf({ first, last }: Row): ObservedOperations['received'] {
  return typeof first === 'number' && typeof last === 'number' ? { first: isoTime(first), last: isoTime(last) } : null;
}

function lagOf({ p50, p95, greatest }: Row): ObservedOperations['arrivalLagMs'] {
  return greatest === null || greatest === undefined ? null : { p50: Number(p50), p95: Number(p95), greatest: Number(greatest) };
}

const timeOf = (ms: Cell | undefined): string | null => (typeof ms === 'number' ? isoTime(ms) : null);
