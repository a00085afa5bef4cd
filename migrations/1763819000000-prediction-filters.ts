import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which predictions a file of observations may hold, and what audit entries are about. */
export class PredictionFilters1763819000000 implements MigrationInterface {
  readonly name = 'PredictionFilters1763819000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query('GRANT SELECT, INSERT ON prediction_filter TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

// Kept apart from its file, so that files of before can be given one. Uncompressed, so that 64 bytes of it can be read without the rest.
const TABLES = `
CREATE TABLE prediction_filter (
  gateway text NOT NULL,
  boot text NOT NULL,
  segment integer NOT NULL,
  model text NOT NULL,
  deployment text NOT NULL,
  kind text NOT NULL CONSTRAINT prediction_filter_kind CHECK (kind = 'observation'),
  blocks integer NOT NULL CONSTRAINT prediction_filter_blocks CHECK (blocks > 0),
  filter bytea NOT NULL,
  CONSTRAINT prediction_filter_pkey PRIMARY KEY (gateway, boot, segment, model, deployment),
  CONSTRAINT prediction_filter_file FOREIGN KEY (gateway, boot, segment, model, deployment, kind) REFERENCES observation_file (gateway, boot, segment, model, deployment, kind),
  CONSTRAINT prediction_filter_size CHECK (octet_length(filter) = 64 * blocks)
);
ALTER TABLE prediction_filter ALTER COLUMN filter SET STORAGE EXTERNAL;
CREATE TRIGGER prediction_filter_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON prediction_filter
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE prediction_filter ENABLE ALWAYS TRIGGER prediction_filter_append_only;
CREATE INDEX audit_entry_subject ON audit_entry (model, subject, id);
`;
