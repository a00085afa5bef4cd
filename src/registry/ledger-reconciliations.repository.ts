import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { AlarmNotice } from '../contracts/alarms.js';
import { LEDGER_ALARM_KEY, type LedgerDifference, LISTED_DIFFERENCES, type ReconciliationCounts, type ReconciliationPlan, type ReconciliationResult } from '../contracts/reconciliations.js';
import { isoTime } from '../contracts/time.js';
import { AuditLedger, type Origin, SYSTEM_ACTOR } from './audit-ledger.js';
import { endOpenAlarms, raiseAlarm } from './open-alarms.js';

/** A run as an entry names it. */
export interface NamedRun {
  readonly workflowId: string;
  readonly runId: string;
  /** The first entry that names it. */
  readonly entry: number;
  /** ISO 8601. */
  readonly at: string;
}

export interface ReconciliationStory extends ReconciliationResult {
  readonly since: Date;
  readonly until: Date;
  readonly begunAt: Date;
  readonly endedAt: Date;
  /** The first that were found; `firstSeen`: by which reconciliation. */
  readonly listed: readonly (LedgerDifference & { readonly firstSeen: number })[];
}

const PAGE = 1_000;
/** Held by whoever takes the next number. */
const NUMBER_LOCK = 1_919_247_971;

// As PostgreSQL reads it again to the microsecond, so that a page goes on where the last one ended.
const AT_TEXT = `(entry.at AT TIME ZONE 'UTC')::text || 'Z'`;

/** Comparisons of the ledger with Temporal's histories: what is asked of the ledger, and what came out. */
@Injectable()
export class LedgerReconciliationsRepository {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditLedger,
  ) {}

  /** Begins one, once for each run of its workflow. */
  async begin({ sinceMs, untilMs, at }: { readonly sinceMs: number; readonly untilMs: number; readonly at: Date }, { workflowId, runId }: Origin): Promise<ReconciliationPlan> {
    return this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock($1)', [NUMBER_LOCK]);
      await manager.query(
        `INSERT INTO ledger_reconciliation (number, workflow_id, run_id, since, until, begun_at)
         SELECT coalesce((SELECT max(number) FROM ledger_reconciliation), 0) + 1, $1, $2, $3, $4, $5 ON CONFLICT (run_id) DO NOTHING`,
        [workflowId, runId, new Date(sinceMs), new Date(untilMs), at],
      );
      const [{ number, since, until }] = await manager.query<[{ number: number; since: Date; until: Date }]>('SELECT number, since, until FROM ledger_reconciliation WHERE run_id = $1', [runId]);
      return { number, since: isoTime(since.getTime()), until: isoTime(until.getTime()) };
    });
  }

  /** Runs that entries name, in the order of their first entries, each once. @param cursor where a page goes on; empty at the beginning */
  async namedRuns({ since, until }: ReconciliationPlan, cursor: string): Promise<{ runs: NamedRun[]; cursor: string | null }> {
    const [afterAt = since, afterId = '0'] = cursor === '' ? [] : cursor.split('|');
    const rows: { id: string; workflowId: string; runId: string; at: string }[] = await this.dataSource.query(
      `SELECT entry.id, coalesce(entry.workflow_id, '') AS "workflowId", entry.run_id AS "runId", ${AT_TEXT} AS at FROM audit_entry entry
       WHERE entry.run_id IS NOT NULL AND entry.at >= $1 AND entry.at < $2 AND (entry.at, entry.id) > ($3::timestamptz, $4::bigint)
         AND NOT EXISTS (SELECT FROM audit_entry earlier WHERE earlier.run_id = entry.run_id AND earlier.at >= $1 AND (earlier.at, earlier.id) < (entry.at, entry.id))
       ORDER BY entry.at, entry.id LIMIT ${PAGE}`,
      [since, until, afterAt, afterId],
    );
    const last = rows.at(-1);
    return { runs: rows.map(({ id, ...run }) => ({ ...run, entry: Number(id) })), cursor: rows.length === PAGE && last ? `${last.at}|${last.id}` : null };
  }

  /** Which of these runs an entry names, whenever. */
  async runsWithEntries(runIds: readonly string[]): Promise<Set<string>> {
    const rows: { runId: string }[] = await this.dataSource.query('SELECT DISTINCT run_id AS "runId" FROM audit_entry WHERE run_id = ANY($1)', [runIds]);
    return new Set(rows.map(({ runId }) => runId));
  }

  /** Which of these ids are of accepted commands. */
  async acceptedCommands(ids: readonly string[]): Promise<Set<string>> {
    const rows: { id: string }[] = await this.dataSource.query('SELECT id::text FROM command WHERE id::text = ANY($1)', [ids]);
    return new Set(rows.map(({ id }) => id));
  }

  /** Entries that say that a run was sent the id of no command, by that id. */
  async unknownCommandEntries(runId: string): Promise<Map<string, number>> {
    const rows: { id: string; details: Buffer }[] = await this.dataSource.query("SELECT id, details FROM audit_entry WHERE run_id = $1 AND action = 'command.unknown'", [runId]);
    return new Map(rows.map(({ id, details }) => [(JSON.parse(details.toString('utf8')) as { id: string }).id, Number(id)]));
  }

  /** Keeps differences, each once; those beyond the first thousand are only counted. */
  async addDifferences(number: number, differences: readonly LedgerDifference[]): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO ledger_difference (reconciliation, kind, key, workflow_id, run_id, entry_id, command_id, says)
       SELECT $1, kind, coalesce("commandId", "runId"), "workflowId", "runId", entry, "commandId", says
       FROM jsonb_to_recordset($2::jsonb) found (kind text, "workflowId" text, "runId" text, entry bigint, "commandId" text, says text)
       LIMIT greatest(0, ${LISTED_DIFFERENCES} - (SELECT count(*) FROM ledger_difference WHERE reconciliation = $1)) ON CONFLICT DO NOTHING`,
      [number, JSON.stringify(differences)],
    );
  }

  /** Puts the result on the record, once, and tells people of differences that are new. */
  async end(plan: ReconciliationPlan, counts: ReconciliationCounts, at: Date, origin: Origin): Promise<ReconciliationResult> {
    return this.dataSource.transaction(async (manager) => {
      const fresh = await freshOf(manager, plan.number);
      const result: ReconciliationResult = { number: plan.number, ...counts, fresh };
      const added: unknown[] = await manager.query(
        `INSERT INTO ledger_reconciliation_end (reconciliation, entry_runs, runs, commands, differences, fresh, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING reconciliation`,
        [plan.number, counts.entries, counts.runs, counts.commands, counts.differences, fresh, at],
      );
      if (added.length === 0) return result;
      await this.audit.append(manager, {
        at, actor: SYSTEM_ACTOR, action: 'ledger.reconciled', model: null, subject: `reconciliation/${plan.number}`, details: { ...counts, fresh, since: plan.since, until: plan.until }, origin,
      });
      if (fresh > 0 || counts.differences === 0) await endOpenAlarms(manager, this.audit, { dedupKey: LEDGER_ALARM_KEY }, `Reconciliation ${plan.number} found ${fresh > 0 ? 'more' : 'no difference'}`, at, origin);
      if (fresh > 0) await raiseAlarm(manager, this.audit, differenceAlarm(result), at, origin);
      return result;
    });
  }

  /** The last one that came to its end, with the differences that it lists. */
  async newest(): Promise<ReconciliationStory | null> {
    const [row]: (Record<keyof ReconciliationCounts, string> & { number: number; fresh: number; since: Date; until: Date; begunAt: Date; endedAt: Date })[] = await this.dataSource.query(
      `SELECT number, since, until, begun_at AS "begunAt", ended_at AS "endedAt", entry_runs AS entries, runs, commands, differences, fresh
       FROM ledger_reconciliation JOIN ledger_reconciliation_end ON reconciliation = number ORDER BY number DESC LIMIT 1`,
    );
    if (!row) return null;
    const listed: (LedgerDifference & { firstSeen: number })[] = await this.dataSource.query(
      `SELECT kind, workflow_id AS "workflowId", run_id AS "runId", entry_id::float8 AS entry, command_id AS "commandId", says,
         (SELECT min(before.reconciliation) FROM ledger_difference before WHERE before.kind = found.kind AND before.key = found.key) AS "firstSeen"
       FROM ledger_difference found WHERE reconciliation = $1 ORDER BY kind, key`,
      [row.number],
    );
    const { entries, runs, commands, differences } = row;
    return { ...row, entries: Number(entries), runs: Number(runs), commands: Number(commands), differences: Number(differences), listed };
  }
}

async function freshOf(manager: EntityManager, number: number): Promise<number> {
  const [{ fresh }] = await manager.query<[{ fresh: number }]>(
    `SELECT count(*)::int AS fresh FROM ledger_difference found WHERE reconciliation = $1
       AND NOT EXISTS (SELECT FROM ledger_difference before WHERE before.kind = found.kind AND before.key = found.key AND before.reconciliation < $1)`,
    [number],
  );
  return fresh;
}

const differenceAlarm = ({ number, fresh, differences }: ReconciliationResult): AlarmNotice => ({
  kind: 'ledgerDiffers', severity: 'critical', model: null, deployment: null, subject: `reconciliation/${number}`, dedupKey: LEDGER_ALARM_KEY, test: false,
  summary: `The audit ledger and Temporal's histories do not fit: ${fresh} new ${fresh === 1 ? 'difference' : 'differences'}, ${differences} in all. See them with \`perennial audit reconcile\`, and compare an export with the checkpoints.`,
  details: { reconciliation: number, fresh, differences },
});
