import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The inputs of each window beside the champion's baseline. */
export class WindowDrift1763808000000 implements MigrationInterface {
  readonly name = 'WindowDrift1763808000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query('GRANT SELECT, INSERT ON window_drift TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLES = `
ALTER TABLE window_check DROP CONSTRAINT window_check_look;
ALTER TABLE window_check ADD CONSTRAINT window_check_look CHECK (look IN ('inputs', 'loss', 'drift'));
CREATE TABLE window_drift (
  model text NOT NULL,
  deployment text NOT NULL,
  look text NOT NULL DEFAULT 'drift' CONSTRAINT window_drift_look CHECK (look = 'drift'),
  from_event timestamptz NOT NULL,
  until_event timestamptz NOT NULL,
  champion_version integer NOT NULL,
  baseline_digest text NOT NULL CONSTRAINT window_drift_baseline REFERENCES snapshot (digest),
  report_digest text NOT NULL,
  rows integer NOT NULL,
  drifted text[] NOT NULL,
  search jsonb NOT NULL,
  measured_at timestamptz NOT NULL,
  CONSTRAINT window_drift_pkey PRIMARY KEY (model, deployment, from_event),
  CONSTRAINT window_drift_check FOREIGN KEY (model, deployment, look, from_event) REFERENCES window_check (model, deployment, look, from_event),
  CONSTRAINT window_drift_champion FOREIGN KEY (model, champion_version) REFERENCES model_version (model, number)
);
CREATE INDEX window_drift_newest ON window_drift (model, until_event);
CREATE TRIGGER window_drift_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON window_drift
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE window_drift ENABLE ALWAYS TRIGGER window_drift_append_only;
`;
