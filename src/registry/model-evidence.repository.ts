import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { EvidenceClass } from '../contracts/retirements.js';

const PAGE_ROWS = 1_000;
/** A table is read whole, a few times in the life of a model: longer than any other statement may take. */
const SCAN_MS = 1_800_000;
const DIGEST = 'sha256:[0-9a-f]{64}';

/** What the files that a table names are; those of any other table are reports. A file that several name is what the named ones say. */
const CLASSES: Readonly<Record<string, EvidenceClass>> = {
  observation_file: 'predictions', label_batch: 'labels', label_file: 'labels', snapshot: 'snapshots', model_version: 'artifacts', training_run: 'artifacts',
};
/** What proves a retirement is kept as long as the record. */
const OF_THE_RECORD = /^(audit_|retirement|legal_hold|approval)/;

interface EvidenceTable {
  readonly name: string;
  /** SQL: the rows of the model $1. */
  readonly own: string;
  /** SQL: the rows of all others. */
  readonly others: string;
  /** SQL: all columns of a row as text, bytes as the characters that they hold. */
  readonly text: string;
}

interface ColumnRow {
  readonly table: string;
  readonly column: string;
  readonly type: string;
}

/** A file that the record of a model names. */
export interface NamedFile {
  readonly digest: string;
  /** All classes that name it. */
  readonly classes: readonly EvidenceClass[];
}

/**
 * All that the record holds of a model, and the files that it names, found by the tables themselves: one that is added later is taken along. Each table with a
 * column `model` counts, and each that belongs to an alarm.
 */
@Injectable()
export class ModelEvidenceRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The model's rows as JSON, table by table, as they are at one moment. Bytes are hexadecimal. */
  async* rows(model: string): AsyncGenerator<{ readonly table: string; readonly lines: readonly string[] }> {
    const runner = this.dataSource.createQueryRunner();
    await runner.startTransaction('REPEATABLE READ');
    try {
      for (const { name, own } of await tablesOf(runner.manager)) {
        for (let after = '(0,0)'; ;) {
          const rows: { at: string; line: string }[] = await runner.manager.query(
            `SELECT part.ctid::text AS at, to_jsonb(part)::text AS line FROM "${name}" part WHERE ${own} AND part.ctid > $2::tid ORDER BY part.ctid LIMIT ${PAGE_ROWS}`, [model, after]);
          yield { table: name, lines: rows.map(({ line }) => line) };
          if (rows.length < PAGE_ROWS) break;
          after = rows.at(-1)!.at;
        }
      }
    } finally {
      await runner.rollbackTransaction().finally(() => runner.release());
    }
  }

  /** Digests that the model's own rows name, whether or not a file has them. */
  async files(model: string): Promise<NamedFile[]> {
    const classes = new Map<string, Set<EvidenceClass>>();
    for (const [table, rows] of await this.digests(model, 'own')) {
      const evidence = CLASSES[table.name] ?? 'reports';
      for (const { digest } of rows) classes.set(digest, (classes.get(digest) ?? new Set()).add(evidence));
    }
    return [...classes].map(([digest, found]) => ({ digest, classes: [...found].filter((one) => one !== 'reports' || found.size === 1) }));
  }

  /** Digests that anything else names: other models, and what belongs to none. */
  async filesOfOthers(model: string): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const [, rows] of await this.digests(model, 'others')) for (const { digest } of rows) found.add(digest);
    const segments: { digest: string }[] = await this.dataSource.query('SELECT digest FROM observation_segment');
    for (const { digest } of segments) found.add(digest);
    return found;
  }

  private async digests(model: string, whose: 'own' | 'others'): Promise<(readonly [EvidenceTable, { digest: string }[]])[]> {
    return this.dataSource.transaction(async (manager) => {
      await manager.query(`SET LOCAL statement_timeout = ${SCAN_MS}`);
      const found: (readonly [EvidenceTable, { digest: string }[]])[] = [];
      for (const table of await tablesOf(manager)) if (!OF_THE_RECORD.test(table.name)) found.push([table, await manager.query(digestsIn(table, table[whose]), [model])]);
      return found;
    });
  }
}

const digestsIn = ({ name, text }: EvidenceTable, where: string): string =>
  `SELECT DISTINCT found[1] AS digest FROM "${name}" part, regexp_matches(${text}, '${DIGEST}', 'g') found WHERE ${where}`;

async function tablesOf(manager: EntityManager): Promise<EvidenceTable[]> {
  const rows: ColumnRow[] = await manager.query(`
    SELECT t.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid
    WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY t.relname, a.attnum`);
  return [...new Set(rows.map(({ table }) => table))].flatMap((name) => {
    const columns = rows.filter(({ table }) => table === name);
    const own = name.startsWith('audit_') ? undefined : ownRows(name, columns.map(({ column }) => column));
    if (own === undefined) return [];
    const text = columns.map(({ column, type }) => (type === 'bytea' ? `encode(part."${column}", 'escape')` : `part."${column}"::text`)).join(', ');
    return [{ name, own, others: `NOT coalesce(${own}, false)`, text: `concat_ws(' ', ${text})` }];
  });
}

function ownRows(table: string, columns: readonly string[]): string | undefined {
  if (columns.includes('model')) return 'part.model = $1';
  if (table === 'model') return 'part.name = $1';
  return columns.includes('alarm_id') ? 'part.alarm_id IN (SELECT id FROM alarm WHERE model = $1)' : undefined;
}
