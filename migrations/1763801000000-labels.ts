import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Labels1763801000000 implements MigrationInterface {
  readonly name = 'Labels1763801000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query('GRANT SELECT, INSERT ON label_batch, label_file TO perennial_app');
    await runner.query('GRANT UPDATE (ingested_at, counts, faults, failure) ON label_batch TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLES = `
CREATE TABLE label_batch (
  model text NOT NULL,
  number integer NOT NULL,
  deployment text NOT NULL,
  actor text NOT NULL,
  idempotency_key text NOT NULL,
  body_digest text NOT NULL,
  format text NOT NULL CONSTRAINT label_batch_format CHECK (format IN ('ndjson', 'csv', 'parquet')),
  artifact_digest text NOT NULL,
  bytes bigint NOT NULL,
  received_at timestamptz NOT NULL,
  ingested_at timestamptz,
  counts jsonb,
  faults jsonb,
  failure jsonb,
  CONSTRAINT label_batch_pkey PRIMARY KEY (model, number),
  CONSTRAINT label_batch_once UNIQUE (actor, idempotency_key),
  CONSTRAINT label_batch_routing FOREIGN KEY (model, deployment) REFERENCES routing (model, deployment),
  CONSTRAINT label_batch_ingested CHECK (num_nonnulls(counts, failure) = CASE WHEN ingested_at IS NULL THEN 0 ELSE 1 END)
);
CREATE INDEX label_batch_waiting ON label_batch (model, number) WHERE ingested_at IS NULL;
CREATE INDEX label_batch_deployment ON label_batch (model, deployment, number);
CREATE TABLE label_file (
  model text NOT NULL,
  batch integer NOT NULL,
  deployment text NOT NULL,
  digest text NOT NULL,
  bytes bigint NOT NULL,
  rows integer NOT NULL,
  unplaced integer NOT NULL,
  first_event_time timestamptz,
  last_event_time timestamptz,
  amends_from timestamptz,
  amends_until timestamptz,
  CONSTRAINT label_file_pkey PRIMARY KEY (model, batch),
  CONSTRAINT label_file_batch FOREIGN KEY (model, batch) REFERENCES label_batch (model, number)
);
CREATE INDEX label_file_deployment ON label_file (model, deployment, batch);
CREATE TRIGGER label_file_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON label_file
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE label_file ENABLE ALWAYS TRIGGER label_file_append_only;
`;
