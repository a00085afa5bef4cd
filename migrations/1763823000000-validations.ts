import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['validation', 'validation_check', 'validation_report', 'validation_decision', 'validation_end'];

/** Versions that wait for their validation: what was checked, the report, who decided, and what it came to. */
export class Validations1763823000000 implements MigrationInterface {
  readonly name = 'Validations1763823000000';

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

// A validation is open until it has an end; of each of the others one row is the first word, which stands.
const SCHEMA = `
ALTER TABLE command DROP CONSTRAINT command_kind;
ALTER TABLE command ADD CONSTRAINT command_kind CHECK (kind IN ('apply', 'retrain', 'rollback', 'release', 'steer', 'replay', 'alarm', 'releaseWindow', 'vote', 'requestApproval', 'openFinding', 'closeFinding', 'recordReview', 'decideValidation'));
CREATE TABLE validation (
  model text NOT NULL,
  version integer NOT NULL,
  retrain integer NOT NULL,
  deployment text NOT NULL,
  spec_digest text NOT NULL,
  tier text NOT NULL,
  opened_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  remind_every_ms double precision NOT NULL,
  CONSTRAINT validation_pkey PRIMARY KEY (model, version),
  CONSTRAINT validation_version FOREIGN KEY (model, version) REFERENCES model_version (model, number),
  CONSTRAINT validation_retrain FOREIGN KEY (model, retrain) REFERENCES retrain (model, number),
  CONSTRAINT validation_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest),
  CONSTRAINT validation_expiry CHECK (expires_at > opened_at)
);
CREATE TABLE validation_check (
  model text NOT NULL,
  version integer NOT NULL,
  name text NOT NULL,
  verdict text NOT NULL CONSTRAINT validation_check_verdict CHECK (verdict IN ('pass', 'fail', 'inconclusive', 'error')),
  explanation text NOT NULL,
  figures jsonb NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT validation_check_pkey PRIMARY KEY (model, version, name),
  CONSTRAINT validation_check_validation FOREIGN KEY (model, version) REFERENCES validation (model, version)
);
CREATE TABLE validation_report (
  model text NOT NULL,
  version integer NOT NULL,
  digest text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT validation_report_pkey PRIMARY KEY (model, version),
  CONSTRAINT validation_report_validation FOREIGN KEY (model, version) REFERENCES validation (model, version)
);
CREATE TABLE validation_decision (
  model text NOT NULL,
  version integer NOT NULL,
  choice text NOT NULL CONSTRAINT validation_decision_choice CHECK (choice IN ('approve', 'conditional', 'reject')),
  report_digest text NOT NULL,
  actor text NOT NULL,
  reason text NOT NULL,
  answers jsonb NOT NULL,
  findings integer[] NOT NULL,
  command_id uuid CONSTRAINT validation_decision_command REFERENCES command (id),
  at timestamptz NOT NULL,
  CONSTRAINT validation_decision_pkey PRIMARY KEY (model, version),
  CONSTRAINT validation_decision_report FOREIGN KEY (model, version) REFERENCES validation_report (model, version),
  CONSTRAINT validation_decision_person CHECK ((command_id IS NULL) = (actor = 'perennial'))
);
CREATE TABLE validation_end (
  model text NOT NULL,
  version integer NOT NULL,
  outcome text NOT NULL CONSTRAINT validation_end_outcome CHECK (outcome IN ('promoted', 'releasing', 'rejected', 'expired', 'voided', 'aborted', 'failed')),
  reason text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT validation_end_pkey PRIMARY KEY (model, version),
  CONSTRAINT validation_end_validation FOREIGN KEY (model, version) REFERENCES validation (model, version)
);
`;
