import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Files whose rows were observed without a gateway. */
export class SourceFiles1763814000000 implements MigrationInterface {
  readonly name = 'SourceFiles1763814000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query('GRANT SELECT, INSERT ON source_file TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLES = `
CREATE TABLE source_file (
  model text NOT NULL CONSTRAINT source_file_model REFERENCES model (name),
  deployment text NOT NULL,
  name text NOT NULL,
  stamp text NOT NULL,
  digest text NOT NULL,
  bytes bigint NOT NULL,
  rows integer NOT NULL,
  labelled integer NOT NULL,
  boot text NOT NULL,
  read_at timestamptz NOT NULL,
  CONSTRAINT source_file_pkey PRIMARY KEY (model, deployment, name, stamp)
);
CREATE INDEX source_file_digest ON source_file (model, deployment, digest);
CREATE TRIGGER source_file_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON source_file
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE source_file ENABLE ALWAYS TRIGGER source_file_append_only;
`;
