import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A window may be assessed anew because a person asked for it. */
export class BackfilledWindows1763811000000 implements MigrationInterface {
  readonly name = 'BackfilledWindows1763811000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE window_assessment DROP CONSTRAINT window_assessment_occasion');
    await runner.query("ALTER TABLE window_assessment ADD CONSTRAINT window_assessment_occasion CHECK (occasion IN ('closed', 'matured', 'amended', 'backfilled'))");
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}
