import type { MigrationInterface, QueryRunner } from 'typeorm';

const CHANGEABLE = 'requests, rows, errors, latency, executed, dropped, failed, mirrored_latency, updated_at';

/** What each version did in each start of each gateway. */
export class Serving1763802000000 implements MigrationInterface {
  readonly name = 'Serving1763802000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query('GRANT SELECT, INSERT ON serving_tally TO perennial_app');
    await runner.query(`GRANT UPDATE (${CHANGEABLE}) ON serving_tally TO perennial_app`);
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

// Counts only rise within a boot, whoever writes: a write that was delayed must not take anything back.
const TABLES = `
CREATE TABLE serving_tally (
  gateway text NOT NULL,
  boot uuid NOT NULL,
  model text NOT NULL,
  deployment text NOT NULL,
  version integer NOT NULL,
  requests bigint NOT NULL,
  rows bigint NOT NULL,
  errors jsonb NOT NULL,
  latency bigint[] NOT NULL,
  executed bigint NOT NULL,
  dropped bigint NOT NULL,
  failed bigint NOT NULL,
  mirrored_latency bigint[] NOT NULL,
  since timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT serving_tally_pkey PRIMARY KEY (model, deployment, version, gateway, boot),
  CONSTRAINT serving_tally_version FOREIGN KEY (model, version) REFERENCES model_version (model, number)
);

CREATE FUNCTION serving_tally_only_rises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.updated_at < OLD.updated_at OR NEW.requests < OLD.requests OR NEW.rows < OLD.rows
     OR NEW.executed < OLD.executed OR NEW.dropped < OLD.dropped OR NEW.failed < OLD.failed THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER serving_tally_only_rises BEFORE UPDATE ON serving_tally FOR EACH ROW EXECUTE FUNCTION serving_tally_only_rises();
ALTER TABLE serving_tally ENABLE ALWAYS TRIGGER serving_tally_only_rises;
`;
