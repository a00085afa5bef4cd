import { withDatabase } from '../data/duckdb.js';
import { observationRelation } from './observation-rows.js';
import { STRAY_SHARE } from './stream-time.js';

export interface FirstEventQuery {
  /** Parquet files of observations on this machine. */
  readonly files: readonly string[];
  /** Only what was received from this moment on counts, in milliseconds since 1970. */
  readonly sinceMs: number;
  readonly scratch: string;
  readonly signal?: AbortSignal;
}

/** With fewer rows one stray cannot be told from the others. */
const LEAST_ROWS = Math.ceil(1 / STRAY_SHARE);

/**
 * The event time with which traffic began, in milliseconds since 1970: of the rows received since, the first but for strays, so
 * that one prediction with an event time of long ago begins no stretch of years. Null while there are fewer than 20 rows.
 */
export async function firstEventTime({ files, sinceMs, scratch, signal }: FirstEventQuery): Promise<number | null> {
  if (files.length === 0) return null;
  return withDatabase({ files, scratch, signal }, async (database) => {
    const [row] = await database.rows(`
      WITH received AS (SELECT epoch_ms(event_time) AS event_ms FROM ${observationRelation(files)} WHERE epoch_ms(received_at) >= ${Math.floor(sinceMs)}),
      ranked AS (SELECT event_ms, row_number() OVER (ORDER BY event_ms) AS place, count(*) OVER () AS total FROM received)
      SELECT min(event_ms)::DOUBLE AS first FROM ranked WHERE total >= ${LEAST_ROWS} AND place > total * ${STRAY_SHARE}`);
    return (row?.['first'] as number | null | undefined) ?? null;
  });
}
