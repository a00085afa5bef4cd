import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { FailureCounts, GatewaySample, SampledMinute, SampledStretch } from '../contracts/gateway-samples.js';
import type { GatewayIdentity } from './gateways.repository.js';

interface MinuteRow {
  readonly minute_ms: string;
  readonly seconds: number;
  readonly wall_seconds: number;
  readonly requests: string;
  readonly rows: string;
  readonly capacity_rows: number | null;
  readonly busy_seconds: number | null;
  readonly cpu_seconds: number;
  readonly busiest_cores: number;
  readonly memory_bytes: string;
}

interface WholeRow {
  readonly gateways: number;
  readonly cores: number | null;
  readonly lost: number;
}

interface ErrorRow {
  readonly type: string;
  readonly placed: string;
  readonly every: string;
}

/** What gateways did and used, minute by minute of wall time. Time is the callers', never SQL's. */
@Injectable()
export class GatewaySamplesRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Writes samples of one start of a gateway, in place of those that ended sooner; one that is there already changes nothing. */
  async record({ gateway, boot }: Pick<GatewayIdentity, 'gateway' | 'boot'>, samples: readonly GatewaySample[]): Promise<void> {
    const rows = samples.map(({ fromMs, untilMs, requests, rows, errors, memoryBytes, cpuSeconds, cores, lost, deployments }) => ({
      from_at: new Date(fromMs).toISOString(), until_at: new Date(untilMs).toISOString(), requests, rows, errors, memory_bytes: memoryBytes, cpu_seconds: cpuSeconds, cores, lost, deployments,
    }));
    await this.dataSource.query(RECORD, [gateway, boot, JSON.stringify(rows)]);
  }

  /** Of the gateways that served a deployment: their samples that overlap a stretch of wall time, whole ones, by the clock minute in which they begin. */
  async stretch(model: string, deployment: string, fromMs: number, untilMs: number): Promise<SampledStretch> {
    const given = [model, deployment, new Date(fromMs), new Date(untilMs)];
    const [minutes, [whole], errors] = await Promise.all([
      this.dataSource.query<MinuteRow[]>(MINUTES, given), this.dataSource.query<[WholeRow]>(WHOLE, given), this.dataSource.query<ErrorRow[]>(ERRORS, given),
    ]);
    return {
      fromMs, untilMs, gateways: whole.gateways, cores: whole.cores, lostMinutes: whole.lost, minutes: minutes.map(minuteOf),
      errors: counts(errors, ({ placed }) => Number(placed)), unplacedErrors: counts(errors, ({ placed, every }) => Number(every) - Number(placed)),
    };
  }
}

const minuteOf = (row: MinuteRow): SampledMinute => ({
  minuteMs: Number(row.minute_ms), seconds: row.seconds, wallSeconds: row.wall_seconds, requests: Number(row.requests), rows: Number(row.rows), capacityRows: row.capacity_rows, busySeconds: row.busy_seconds,
  cpuSeconds: row.cpu_seconds, busiestCores: row.busiest_cores, memoryBytes: Number(row.memory_bytes),
});

const counts = (rows: readonly ErrorRow[], count: (row: ErrorRow) => number): FailureCounts =>
  Object.fromEntries(rows.map((row) => [row.type, count(row)] as const).filter(([, found]) => found > 0));

const RECORD = `
INSERT INTO gateway_sample AS known (gateway, boot, from_at, until_at, requests, rows, errors, memory_bytes, cpu_seconds, cores, lost, deployments)
SELECT $1, $2, given.* FROM jsonb_to_recordset($3::jsonb) AS given (
  from_at timestamptz, until_at timestamptz, requests bigint, rows bigint, errors jsonb, memory_bytes bigint, cpu_seconds double precision, cores integer, lost integer,
  deployments jsonb)
ON CONFLICT (gateway, boot, from_at) DO UPDATE SET
  until_at = excluded.until_at, requests = excluded.requests, rows = excluded.rows, errors = excluded.errors, memory_bytes = excluded.memory_bytes,
  cpu_seconds = excluded.cpu_seconds, cores = excluded.cores, lost = excluded.lost, deployments = excluded.deployments
WHERE known.until_at < excluded.until_at`;

// A sample is a minute long, or as long as its process was stopped meanwhile: none that began a day before is looked for.
const SERVED = `
WITH served AS (
  SELECT sample.*, extract(epoch FROM until_at - from_at)::double precision AS seconds, own.* FROM gateway_sample sample, LATERAL (
    SELECT max(part.requests) FILTER (WHERE is_own) AS own_requests, max(part.rows) FILTER (WHERE is_own) AS own_rows,
      max(part."rowsPerSecond") FILTER (WHERE is_own) AS rows_per_second, bool_or(is_own) AS serves,
      CASE WHEN bool_and(part.rows = 0 OR part."rowsPerSecond" IS NOT NULL) THEN coalesce(sum(part.rows / part."rowsPerSecond") FILTER (WHERE part.rows > 0), 0) END AS busy_seconds
    FROM (SELECT *, model = $1 AND deployment = $2 AS is_own FROM jsonb_to_recordset(sample.deployments) AS given (
      model text, deployment text, requests bigint, rows bigint, "rowsPerSecond" double precision)) part) own
  WHERE from_at < $4 AND until_at > $3 AND from_at > $3::timestamptz - interval '1 day' AND own.serves
)`;

const MINUTES = `${SERVED}, parts AS (
  SELECT floor(extract(epoch FROM from_at) / 60)::bigint * 60000 AS minute_ms, sum(seconds) AS seconds, sum(own_requests) AS requests, sum(own_rows) AS rows,
    CASE WHEN bool_and(rows_per_second IS NOT NULL) THEN sum(seconds * rows_per_second) END AS capacity_rows,
    CASE WHEN bool_and(busy_seconds IS NOT NULL) THEN sum(busy_seconds) END AS busy_seconds, sum(cpu_seconds) AS cpu_seconds, max(memory_bytes) AS memory_bytes
  FROM served GROUP BY gateway, minute_ms
)
SELECT minute_ms, sum(seconds) AS seconds, max(seconds) AS wall_seconds, sum(requests) AS requests, sum(rows) AS rows,
  CASE WHEN bool_and(capacity_rows IS NOT NULL) THEN sum(capacity_rows) END AS capacity_rows,
  CASE WHEN bool_and(busy_seconds IS NOT NULL) THEN sum(busy_seconds) END AS busy_seconds,
  sum(cpu_seconds) AS cpu_seconds, max(cpu_seconds / seconds) AS busiest_cores, max(memory_bytes) AS memory_bytes
FROM parts GROUP BY minute_ms ORDER BY minute_ms`;

const WHOLE = `${SERVED}
SELECT count(DISTINCT gateway)::integer AS gateways, min(cores) AS cores, coalesce(sum(lost), 0)::integer AS lost FROM served`;

const ERRORS = `${SERVED}
SELECT type, sum(count) FILTER (WHERE placed = 'own') AS placed, sum(count) FILTER (WHERE placed = 'every') - coalesce(sum(count) FILTER (WHERE placed = 'other'), 0) AS every
FROM (
  SELECT kind.key AS type, kind.value::bigint AS count, 'every' AS placed FROM served, jsonb_each_text(errors) kind
  UNION ALL
  SELECT kind.key, kind.value::bigint, CASE WHEN part->>'model' = $1 AND part->>'deployment' = $2 THEN 'own' ELSE 'other' END
  FROM served, jsonb_array_elements(deployments) part, jsonb_each_text(part->'errors') kind
) counted GROUP BY type ORDER BY type`;
