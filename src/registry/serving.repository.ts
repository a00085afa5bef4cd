import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { emptyBuckets } from '../contracts/latency-buckets.js';
import { tallyDifference, type VersionTally } from '../contracts/serving-tallies.js';
import type { GatewayIdentity } from './gateways.repository.js';

/** A version's tally at one gateway since that started. */
export interface NewTally extends VersionTally {
  readonly model: string;
  readonly deployment: string;
  readonly sinceMs: number;
}

interface SummedRow {
  readonly version: number;
  readonly requests: string;
  readonly rows: string;
  readonly executed: string;
  readonly dropped: string;
  readonly failed: string;
  readonly errors: Readonly<Record<string, number>> | null;
  readonly latency: readonly string[];
  readonly mirrored_latency: readonly string[];
}

/** What versions do in service, as the gateways report it. Time is the callers', never SQL's. */
@Injectable()
export class ServingRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Writes tallies of one start of a gateway in place of those before; one that would fall is passed over. */
  async record({ gateway, boot }: Pick<GatewayIdentity, 'gateway' | 'boot'>, tallies: readonly NewTally[], at: Date): Promise<void> {
    const rows = tallies.map(({ model, deployment, version, requests, rows, errors, latency, mirrored, sinceMs }) => ({
      model, deployment, version, requests, rows, errors, latency, executed: mirrored.executed, dropped: mirrored.dropped, failed: mirrored.failed,
      mirrored_latency: mirrored.latency, since: new Date(sinceMs).toISOString(),
    }));
    await this.dataSource.query(RECORD, [gateway, boot, at, JSON.stringify(rows)]);
  }

  /**
   * What each version that was ever asked in a deployment did, all gateways and all their starts together.
   * @param since an earlier result, to be told only what was added after it
   */
  async tallies(model: string, deployment: string, since: readonly VersionTally[] = []): Promise<VersionTally[]> {
    const rows: SummedRow[] = await this.dataSource.query(SUMS, [model, deployment]);
    return tallyDifference(rows.map(tallyOf), since);
  }

  /** Versions that serve in a deployment no more: its champions of before, and those of the model that were found unfit. */
  async withdrawn(model: string, deployment: string): Promise<ReadonlySet<number>> {
    const rows: { version: number }[] = await this.dataSource.query(
      `SELECT version FROM champion_change WHERE model = $1 AND deployment = $2
       UNION SELECT number FROM model_version WHERE model = $1 AND unfit_at IS NOT NULL`, [model, deployment]);
    return new Set(rows.map(({ version }) => version));
  }
}

const RECORD = `
INSERT INTO serving_tally (gateway, boot, updated_at, model, deployment, version, requests, rows, errors, latency, executed, dropped, failed, mirrored_latency, since)
SELECT $1, $2, $3, given.* FROM jsonb_to_recordset($4::jsonb) AS given (
  model text, deployment text, version integer, requests bigint, rows bigint, errors jsonb, latency bigint[],
  executed bigint, dropped bigint, failed bigint, mirrored_latency bigint[], since timestamptz)
ON CONFLICT (model, deployment, version, gateway, boot) DO UPDATE SET
  requests = excluded.requests, rows = excluded.rows, errors = excluded.errors, latency = excluded.latency, executed = excluded.executed,
  dropped = excluded.dropped, failed = excluded.failed, mirrored_latency = excluded.mirrored_latency, updated_at = excluded.updated_at`;

const bucketSums = (column: string): string => `
  (SELECT array_agg(bucket.total ORDER BY bucket.place) FROM (
    SELECT place, sum(count) AS total FROM serving_tally part, unnest(part.${column}) WITH ORDINALITY AS counted (count, place)
    WHERE part.model = $1 AND part.deployment = $2 AND part.version = tally.version GROUP BY place) bucket)`;

const SUMS = `
SELECT tally.version, sum(requests) AS requests, sum(rows) AS rows, sum(executed) AS executed, sum(dropped) AS dropped, sum(failed) AS failed,
  (SELECT jsonb_object_agg(kind.key, kind.total) FROM (
    SELECT key, sum(value::bigint) AS total FROM serving_tally part, jsonb_each_text(part.errors)
    WHERE part.model = $1 AND part.deployment = $2 AND part.version = tally.version GROUP BY key) kind) AS errors,
  ${bucketSums('latency')} AS latency, ${bucketSums('mirrored_latency')} AS mirrored_latency
FROM serving_tally tally WHERE model = $1 AND deployment = $2 GROUP BY tally.version ORDER BY tally.version`;

function tallyOf({ version, requests, rows, errors, latency, executed, dropped, failed, mirrored_latency }: SummedRow): VersionTally {
  return {
    version, requests: Number(requests), rows: Number(rows), errors: errors ?? {}, latency: buckets(latency),
    mirrored: { executed: Number(executed), dropped: Number(dropped), failed: Number(failed), latency: buckets(mirrored_latency) },
  };
}

const buckets = (counts: readonly string[]): number[] => emptyBuckets().map((_, place) => Number(counts[place] ?? 0));
