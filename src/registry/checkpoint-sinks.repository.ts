import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { SinkName } from '../contracts/checkpoint-copies.js';

/** How far copies of checkpoints are, at one place. */
export interface SinkStanding {
  readonly sink: SinkName;
  /** Entries under the newest checkpoint that is there; 0 where none is. */
  readonly size: number;
  readonly deliveredAt: Date | null;
  /** Entries that only a newer checkpoint stands over. */
  readonly behind: number;
  /** Since when a checkpoint waits; null where none does. */
  readonly behindSince: Date | null;
  /** Of the failure that goes on; null where the last attempt succeeded. */
  readonly failingSince: Date | null;
  readonly attempts: number;
  readonly reason: string | null;
}

/** What is known of the places that copies of checkpoints go to. It is for operators; what binds lies at those places. */
@Injectable()
export class CheckpointSinksRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Those that are set now; of others nothing is expected any more. */
  async configure(sinks: readonly SinkName[]): Promise<void> {
    await this.dataSource.query('INSERT INTO audit_sink (sink) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [sinks]);
    await this.dataSource.query('UPDATE audit_sink SET active = sink = ANY($1) WHERE active <> (sink = ANY($1))', [sinks]);
  }

  /** How many entries the newest checkpoint there stands over. */
  async delivered(sink: SinkName): Promise<number> {
    const [row] = await this.dataSource.query<{ size: string }[]>('SELECT size FROM audit_sink WHERE sink = $1', [sink]);
    return Number(row?.size ?? 0);
  }

  async recordDelivery(sink: SinkName, size: number, at: Date): Promise<void> {
    await this.dataSource.query(
      'UPDATE audit_sink SET size = greatest(size, $2), delivered_at = $3, failing_since = NULL, attempts = 0, reason = NULL WHERE sink = $1', [sink, size, at]);
  }

  /** @returns since when it fails */
  async recordFailure(sink: SinkName, reason: string, at: Date): Promise<Date> {
    const [[row]] = await this.dataSource.query<[{ failing_since: Date }[], number]>(
      'UPDATE audit_sink SET failing_since = coalesce(failing_since, $2), attempts = attempts + 1, reason = $3 WHERE sink = $1 RETURNING failing_since', [sink, at, reason]);
    return row?.failing_since ?? at;
  }

  /** By name. */
  async list(): Promise<SinkStanding[]> {
    const rows: (Omit<SinkStanding, 'size' | 'behind'> & { size: string; behind: string })[] = await this.dataSource.query(
      `SELECT sink, size, delivered_at AS "deliveredAt", failing_since AS "failingSince", attempts, reason,
         greatest(0, coalesce((SELECT max(size) FROM audit_checkpoint), 0) - size) AS behind, (SELECT min(at) FROM audit_checkpoint WHERE audit_checkpoint.size > audit_sink.size) AS "behindSince"
       FROM audit_sink WHERE active ORDER BY sink`,
    );
    return rows.map((row) => ({ ...row, size: Number(row.size), behind: Number(row.behind) }));
  }
}
