import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Stream time goes by what was received last, and a release by what was received since it began. */
export class StreamTime1763805000000 implements MigrationInterface {
  readonly name = 'StreamTime1763805000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX observation_file_lead');
    await runner.query("CREATE INDEX observation_file_received ON observation_file (model, deployment, newest_received_at) WHERE kind = 'observation'");
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}
