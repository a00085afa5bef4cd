import type { MigrationInterface, QueryRunner } from 'typeorm';

const APPEND_ONLY = ['observation_file'];

/** Columns that the application may change after a row was written; all other columns are fixed by PostgreSQL itself. */
const CHANGEABLE: Readonly<Record<string, string>> = {
  observation_segment: 'converted_at, damage',
};

export class Observations1763800000000 implements MigrationInterface {
  readonly name = 'Observations1763800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    for (const table of APPEND_ONLY) {
      await runner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;`);
    }
    await runner.query(GUARD);
    const tables = [...APPEND_ONLY, ...Object.keys(CHANGEABLE)];
    await runner.query(`GRANT SELECT, INSERT ON ${tables.join(', ')} TO perennial_app`);
    for (const [table, columns] of Object.entries(CHANGEABLE)) {
      await runner.query(`GRANT UPDATE (${columns}) ON ${table} TO perennial_app`);
    }
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLES = `
CREATE TABLE observation_segment (
  gateway text NOT NULL,
  boot text NOT NULL,
  segment integer NOT NULL,
  digest text NOT NULL,
  bytes bigint NOT NULL,
  observations integer NOT NULL,
  mirrored integer NOT NULL,
  first_event_time timestamptz,
  last_event_time timestamptz,
  sealed_at timestamptz NOT NULL,
  converted_at timestamptz,
  damage jsonb,
  CONSTRAINT observation_segment_pkey PRIMARY KEY (gateway, boot, segment)
);
CREATE INDEX observation_segment_waiting ON observation_segment (sealed_at) WHERE converted_at IS NULL;
CREATE TABLE observation_file (
  gateway text NOT NULL,
  boot text NOT NULL,
  segment integer NOT NULL,
  model text NOT NULL,
  deployment text NOT NULL,
  kind text NOT NULL CONSTRAINT observation_file_kind CHECK (kind IN ('observation', 'mirror')),
  digest text NOT NULL,
  bytes bigint NOT NULL,
  rows integer NOT NULL,
  first_sequence bigint NOT NULL,
  last_sequence bigint NOT NULL,
  first_event_time timestamptz,
  last_event_time timestamptz,
  newest_received_at timestamptz,
  lead_ms double precision,
  CONSTRAINT observation_file_pkey PRIMARY KEY (gateway, boot, segment, model, deployment, kind),
  CONSTRAINT observation_file_segment FOREIGN KEY (gateway, boot, segment) REFERENCES observation_segment (gateway, boot, segment),
  CONSTRAINT observation_file_times CHECK ((kind = 'mirror') = (first_event_time IS NULL))
);
CREATE INDEX observation_file_time ON observation_file (model, deployment, last_event_time) WHERE kind = 'observation';
CREATE INDEX observation_file_sequence ON observation_file (gateway, boot, model, deployment, last_sequence) WHERE kind = 'mirror';
CREATE INDEX observation_file_lead ON observation_file (model, deployment, lead_ms) WHERE kind = 'observation';
`;

// What was converted stays so: a second conversion would bring the same observations again.
const GUARD = `
CREATE FUNCTION segment_converts_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.converted_at IS NOT NULL THEN
    RAISE EXCEPTION 'segment %/%/% was converted already', OLD.gateway, OLD.boot, OLD.segment
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER segment_converts_once BEFORE UPDATE ON observation_segment FOR EACH ROW EXECUTE FUNCTION segment_converts_once();
ALTER TABLE observation_segment ENABLE ALWAYS TRIGGER segment_converts_once;
`;
