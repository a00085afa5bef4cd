import type { MigrationInterface, QueryRunner } from 'typeorm';

/** In which hours of event time a file has rows; what comes late for a window is found by them. */
export class ObservedHours1763815000000 implements MigrationInterface {
  readonly name = 'ObservedHours1763815000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE observation_file ADD COLUMN event_hours integer[]');
    await runner.query('CREATE INDEX observation_segment_converted ON observation_segment (converted_at)');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}
