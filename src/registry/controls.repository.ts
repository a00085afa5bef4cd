import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { inSnapshot } from './snapshot.js';

/** A named query for evidence (`lifecycle/control-map.ts`). */
export interface EvidenceQuery {
  readonly name: string;
  /** Gives `subject` and `at`; `$1` is the model's name. */
  readonly query: string;
}

export interface EvidenceCount {
  readonly count: number;
  readonly newestAt: Date | null;
  /** The newest few. */
  readonly subjects: readonly string[];
}

const SUBJECTS = 5;

/** Evidence for controls, as the record has it at one moment. */
@Injectable()
export class ControlsRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Runs each query in one transaction that can only read. @throws what PostgreSQL says of a query that it cannot run, with the evidence's name */
  async evidence(model: string, queries: readonly EvidenceQuery[]): Promise<Map<string, EvidenceCount>> {
    return inSnapshot(this.dataSource, async (manager) => {
      await manager.query("SET LOCAL statement_timeout = '5s'");
      const found = new Map<string, EvidenceCount>();
      for (const { name, query } of queries) {
        const [row] = await manager.query<{ count: number; newest: Date | null; subjects: string[] | null }[]>(
          `SELECT count(*)::int AS count, max(at) AS newest, (array_agg(subject ORDER BY at DESC, subject))[1:${SUBJECTS}] AS subjects FROM (${query}) AS evidence WHERE $1::text IS NOT NULL`, [model],
        ).catch((error: unknown) => {
          throw new Error(`The query for evidence ${name} cannot be run: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        });
        found.set(name, { count: row?.count ?? 0, newestAt: row?.newest ?? null, subjects: row?.subjects ?? [] });
      }
      return found;
    });
  }
}
