import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['inventory_import', 'inventory_entry'];

/** Models that were found elsewhere: what was said of each, a further revision where something else is said. */
export class Inventory1763825000000 implements MigrationInterface {
  readonly name = 'Inventory1763825000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(SCHEMA);
    for (const table of TABLES) {
      await runner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;`);
    }
    await runner.query(`GRANT SELECT, INSERT ON ${TABLES.join(', ')} TO perennial_app`);
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

// The name of an entry refers to no model: it is one that nobody has registered, or that somebody registers later.
const SCHEMA = `
CREATE TABLE inventory_import (
  number integer CONSTRAINT inventory_import_pkey PRIMARY KEY CONSTRAINT inventory_import_number CHECK (number > 0),
  actor text NOT NULL,
  idempotency_key text NOT NULL,
  digest text NOT NULL,
  added integer NOT NULL,
  changed integer NOT NULL,
  unchanged integer NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT inventory_import_once UNIQUE (actor, idempotency_key)
);
CREATE TABLE inventory_entry (
  name text NOT NULL,
  revision integer NOT NULL CONSTRAINT inventory_entry_revision CHECK (revision > 0),
  owner text,
  tier text CONSTRAINT inventory_entry_tier CHECK (tier IN ('low', 'medium', 'high', 'critical')),
  environment text,
  endpoint text,
  source text,
  monitoring text,
  description text,
  state text NOT NULL CONSTRAINT inventory_entry_state CHECK (state IN ('active', 'decommissioned')),
  import integer NOT NULL CONSTRAINT inventory_entry_import REFERENCES inventory_import (number),
  line integer NOT NULL,
  CONSTRAINT inventory_entry_pkey PRIMARY KEY (name, revision)
);
CREATE INDEX window_assessment_alarmed ON window_assessment (alarm_id, assessed_at) WHERE alarm_id IS NOT NULL;
`;
