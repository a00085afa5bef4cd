import type { MigrationInterface, QueryRunner } from 'typeorm';

const APPEND_ONLY = ['ledger_reconciliation', 'ledger_difference', 'ledger_reconciliation_end'];

/** Rows that hold what people wrote: their words can be erased, and nothing else of them changes. */
const WRITTEN: Readonly<Record<string, readonly string[]>> = {
  alarm_action: ['reason'],
  alarm_end: ['reason'],
  approval_vote: ['reason'],
  finding: ['title', 'evidence_needed'],
  finding_end: ['evidence'],
  go_live_confirmation: ['reason'],
  legal_hold: ['reason'],
  legal_hold_lift: ['reason'],
  quarantine_release: ['reason'],
  replay: ['request_reason'],
  retirement: ['reason'],
  retirement_confirmation: ['said'],
  review: ['reason'],
  stage_move: ['reason'],
  validation_decision: ['reason'],
};

/** What comparing the audit ledger with Temporal's histories came to, where copies of its checkpoints are, and the words of people that can be erased beside it. */
export class LedgerUpkeep1763830000000 implements MigrationInterface {
  readonly name = 'LedgerUpkeep1763830000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(RECONCILIATION);
    await runner.query(SINKS);
    await runner.query(WORDS);
    for (const [table, columns] of Object.entries(WRITTEN)) {
      const [{ others }] = (await runner.query(
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS others FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL ($2)", [table, columns],
      )) as [{ others: string }];
      await runner.query(`
        DROP TRIGGER ${table}_append_only ON ${table};
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OF ${others} OR DELETE OR TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;
        CREATE TRIGGER ${table}_only_erased BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION only_words_erased(${columns.map((column) => `'${column}'`).join(', ')});
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_only_erased;
        GRANT UPDATE (${columns.join(', ')}) ON ${table} TO perennial_app;`);
    }
    await runner.query('GRANT UPDATE (body) ON command TO perennial_app');
    for (const table of APPEND_ONLY) {
      await runner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;
        GRANT SELECT, INSERT ON ${table} TO perennial_app;`);
    }
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const WORDS = `
CREATE FUNCTION only_words_erased() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  column_name text;
BEGIN
  IF to_jsonb(NEW) - TG_ARGV::text[] IS DISTINCT FROM to_jsonb(OLD) - TG_ARGV::text[] THEN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  FOREACH column_name IN ARRAY TG_ARGV LOOP
    IF to_jsonb(NEW) ->> column_name IS DISTINCT FROM to_jsonb(OLD) ->> column_name AND to_jsonb(NEW) ->> column_name IS DISTINCT FROM '(erased)' THEN
      RAISE EXCEPTION '% is append-only: words can be erased, and not changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END IF;
  END LOOP;
  RETURN NEW;
END $$;
`;

// How far copies of checkpoints are outside: for operators, and no evidence of anything.
const SINKS = `
CREATE TABLE audit_sink (
  sink text CONSTRAINT audit_sink_pkey PRIMARY KEY CONSTRAINT audit_sink_name CHECK (sink IN ('s3', 'webhook')),
  active boolean NOT NULL DEFAULT true,
  size bigint NOT NULL DEFAULT 0,
  delivered_at timestamptz,
  failing_since timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  reason text
);
GRANT SELECT, INSERT, UPDATE (active, size, delivered_at, failing_since, attempts, reason) ON audit_sink TO perennial_app;
`;

// Entries are looked through in the order of their times, and looked up by the run that they name, without a scan of years.
const RECONCILIATION = `
CREATE INDEX audit_entry_of_runs ON audit_entry (at, id) WHERE run_id IS NOT NULL;
CREATE INDEX audit_entry_run ON audit_entry (run_id, at, id) WHERE run_id IS NOT NULL;
CREATE TABLE ledger_reconciliation (
  number integer CONSTRAINT ledger_reconciliation_pkey PRIMARY KEY CONSTRAINT ledger_reconciliation_number CHECK (number > 0),
  workflow_id text NOT NULL,
  run_id text NOT NULL CONSTRAINT ledger_reconciliation_once UNIQUE,
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  begun_at timestamptz NOT NULL
);
CREATE TABLE ledger_difference (
  reconciliation integer NOT NULL CONSTRAINT ledger_difference_of REFERENCES ledger_reconciliation (number),
  kind text NOT NULL CONSTRAINT ledger_difference_kind CHECK (kind IN ('runUnknown', 'entryMissing', 'commandUnknown')),
  key text NOT NULL,
  workflow_id text NOT NULL,
  run_id text NOT NULL,
  entry_id bigint,
  command_id text,
  says text NOT NULL,
  CONSTRAINT ledger_difference_pkey PRIMARY KEY (reconciliation, kind, key)
);
CREATE INDEX ledger_difference_known ON ledger_difference (kind, key);
CREATE TABLE ledger_reconciliation_end (
  reconciliation integer CONSTRAINT ledger_reconciliation_end_pkey PRIMARY KEY CONSTRAINT ledger_reconciliation_end_of REFERENCES ledger_reconciliation (number),
  entry_runs bigint NOT NULL,
  runs bigint NOT NULL,
  commands bigint NOT NULL,
  differences bigint NOT NULL,
  fresh integer NOT NULL,
  ended_at timestamptz NOT NULL
);
`;
