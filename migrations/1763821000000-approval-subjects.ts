import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Approvals are of use cases, versions and retirements, and say what they rest on and who may not vote. */
export class ApprovalSubjects1763821000000 implements MigrationInterface {
  readonly name = 'ApprovalSubjects1763821000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(SCHEMA);
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

/** What an approval was of so far is filled in by its owner; nobody else may change a row. */
const SCHEMA = `
ALTER TABLE approval
  ADD COLUMN kind text NOT NULL DEFAULT 'useCase' CONSTRAINT approval_kind CHECK (kind IN ('useCase', 'version', 'retirement')),
  ADD COLUMN version integer,
  ADD COLUMN digest text,
  ADD COLUMN evidence jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN barred jsonb;
ALTER TABLE approval DISABLE TRIGGER approval_append_only;
UPDATE approval SET digest = spec_digest, barred = jsonb_build_object(author, 'applied the spec');
ALTER TABLE approval ENABLE ALWAYS TRIGGER approval_append_only;
ALTER TABLE approval
  ALTER COLUMN kind DROP DEFAULT,
  ALTER COLUMN evidence DROP DEFAULT,
  ALTER COLUMN digest SET NOT NULL,
  ALTER COLUMN barred SET NOT NULL,
  ADD CONSTRAINT approval_subject CHECK ((kind = 'version') = (version IS NOT NULL)),
  ADD CONSTRAINT approval_version FOREIGN KEY (model, version) REFERENCES model_version (model, number);
`;
