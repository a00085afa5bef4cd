import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What windows are estimated by before their labels, and where the evidence of harm from estimated errors stands. */
export class LabelFreeFigures1763816000000 implements MigrationInterface {
  readonly name = 'LabelFreeFigures1763816000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query('GRANT SELECT, INSERT ON label_free_baseline TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLES = `
CREATE TABLE label_free_baseline (
  model text NOT NULL,
  version integer NOT NULL,
  plan_digest text NOT NULL,
  figures_digest text NOT NULL,
  made_at timestamptz NOT NULL,
  CONSTRAINT label_free_baseline_pkey PRIMARY KEY (model, version, plan_digest),
  CONSTRAINT label_free_baseline_version FOREIGN KEY (model, version) REFERENCES model_version (model, number)
);
CREATE TRIGGER label_free_baseline_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON label_free_baseline
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE label_free_baseline ENABLE ALWAYS TRIGGER label_free_baseline_append_only;
ALTER TABLE window_assessment ADD COLUMN estimated_harm jsonb;
`;
