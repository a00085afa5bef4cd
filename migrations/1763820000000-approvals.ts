import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['approval', 'approval_vote', 'approval_end'];

/** What has to be approved, who voted how, and what it came to. */
export class Approvals1763820000000 implements MigrationInterface {
  readonly name = 'Approvals1763820000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(SCHEMA);
    for (const table of TABLES) {
      await runner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;`);
    }
    await runner.query(`GRANT SELECT, INSERT ON ${TABLES.join(', ')} TO perennial_app`);
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const SCHEMA = `
ALTER TABLE command DROP CONSTRAINT command_kind;
ALTER TABLE command ADD CONSTRAINT command_kind CHECK (kind IN ('apply', 'retrain', 'rollback', 'release', 'steer', 'replay', 'alarm', 'releaseWindow', 'vote', 'requestApproval'));
CREATE TABLE approval (
  model text NOT NULL CONSTRAINT approval_model REFERENCES model (name),
  number integer NOT NULL CONSTRAINT approval_number CHECK (number > 0),
  spec_digest text NOT NULL,
  tier text NOT NULL,
  rule jsonb NOT NULL,
  author text NOT NULL,
  command_id uuid NOT NULL CONSTRAINT approval_command REFERENCES command (id),
  opened_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  remind_every_ms double precision NOT NULL,
  CONSTRAINT approval_pkey PRIMARY KEY (model, number),
  CONSTRAINT approval_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest),
  CONSTRAINT approval_expiry CHECK (expires_at > opened_at)
);
CREATE TABLE approval_vote (
  model text NOT NULL,
  approval integer NOT NULL,
  actor text NOT NULL,
  choice text NOT NULL CONSTRAINT approval_vote_choice CHECK (choice IN ('approve', 'reject', 'abstain')),
  reason text NOT NULL,
  command_id uuid NOT NULL CONSTRAINT approval_vote_command REFERENCES command (id),
  at timestamptz NOT NULL,
  CONSTRAINT approval_vote_pkey PRIMARY KEY (model, approval, actor),
  CONSTRAINT approval_vote_approval FOREIGN KEY (model, approval) REFERENCES approval (model, number)
);
CREATE TABLE approval_end (
  model text NOT NULL,
  approval integer NOT NULL,
  outcome text NOT NULL CONSTRAINT approval_end_outcome CHECK (outcome IN ('approved', 'rejected', 'expired', 'voided')),
  reason text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT approval_end_pkey PRIMARY KEY (model, approval),
  CONSTRAINT approval_end_approval FOREIGN KEY (model, approval) REFERENCES approval (model, number)
);
`;
