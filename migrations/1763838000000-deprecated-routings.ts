import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A model answers while it is deprecated, and no more once it retires: what was called retiring was the first of the two. Gateways read it as a new revision. */
export class DeprecatedRoutings1763838000000 implements MigrationInterface {
  readonly name = 'DeprecatedRoutings1763838000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE routing SET retirement = jsonb_set(retirement, '{state}', '"deprecated"'), revision = revision + 1 WHERE retirement ->> 'state' = 'retiring'`);
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}
