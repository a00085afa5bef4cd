import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Experiments that were made elsewhere. The model's own trainings are on the record already. */
export class Experiments1763827000000 implements MigrationInterface {
  readonly name = 'Experiments1763827000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLE);
    await runner.query('GRANT SELECT, INSERT ON experiment TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLE = `
CREATE TABLE experiment (
  model text NOT NULL CONSTRAINT experiment_model REFERENCES model (name),
  number integer NOT NULL,
  name text NOT NULL,
  parameters jsonb NOT NULL,
  data_version text NOT NULL,
  code_version text NOT NULL,
  metrics jsonb NOT NULL,
  artifacts jsonb NOT NULL,
  notes text,
  logged_by text NOT NULL,
  idempotency_key text NOT NULL,
  body_digest text NOT NULL,
  logged_at timestamptz NOT NULL,
  started_at timestamptz,
  finished_at timestamptz,
  CONSTRAINT experiment_pkey PRIMARY KEY (model, number),
  CONSTRAINT experiment_once UNIQUE (logged_by, idempotency_key),
  CONSTRAINT experiment_times CHECK (finished_at >= started_at)
);
CREATE TRIGGER experiment_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON experiment
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE experiment ENABLE ALWAYS TRIGGER experiment_append_only;
`;
