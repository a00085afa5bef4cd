import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Labels that were in time and count after a window of theirs was assessed, and files that are again what they were before. */
export class Rereadings1763833000000 implements MigrationInterface {
  readonly name = 'Rereadings1763833000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(COLUMNS);
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

// Rows get their numbers in the order in which they were added.
const COLUMNS = `
ALTER TABLE label_file ADD COLUMN in_time_from timestamptz, ADD COLUMN in_time_until timestamptz;
ALTER TABLE source_file ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE source_file DROP CONSTRAINT source_file_pkey;
ALTER TABLE source_file ADD CONSTRAINT source_file_pkey PRIMARY KEY (model, deployment, name, number);
`;
