import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['retirement', 'retirement_step', 'retirement_confirmation', 'retirement_deletion', 'retirement_certificate', 'legal_hold', 'legal_hold_lift'];

/** How models leave service: what was asked for, each step, who confirmed, what was deleted, and what may not be. */
export class Retirement1763824000000 implements MigrationInterface {
  readonly name = 'Retirement1763824000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(SCHEMA);
    for (const table of TABLES) {
      await runner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;`);
    }
    await runner.query(`GRANT SELECT, INSERT ON ${TABLES.join(', ')} TO perennial_app`);
    await runner.query('GRANT UPDATE (retirement) ON routing TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const SCHEMA = `
ALTER TABLE command DROP CONSTRAINT command_kind;
ALTER TABLE command ADD CONSTRAINT command_kind CHECK (kind IN ('apply', 'retrain', 'rollback', 'release', 'steer', 'replay', 'alarm', 'releaseWindow', 'vote', 'requestApproval', 'openFinding', 'closeFinding', 'recordReview', 'decideValidation', 'retire', 'withdrawRetirement', 'confirmRetirement', 'waiveRetirement', 'setLegalHold', 'liftLegalHold'));
ALTER TABLE routing ADD COLUMN retirement jsonb;
CREATE TABLE retirement (
  model text NOT NULL CONSTRAINT retirement_model REFERENCES model (name),
  number integer NOT NULL CONSTRAINT retirement_number CHECK (number > 0),
  trigger text NOT NULL,
  replacement text,
  reason text NOT NULL,
  terms jsonb NOT NULL,
  digest text NOT NULL,
  spec_digest text NOT NULL,
  approval integer NOT NULL,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  command_id uuid NOT NULL CONSTRAINT retirement_command REFERENCES command (id),
  CONSTRAINT retirement_pkey PRIMARY KEY (model, number),
  CONSTRAINT retirement_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest),
  CONSTRAINT retirement_approval FOREIGN KEY (model, approval) REFERENCES approval (model, number)
);
CREATE TABLE retirement_step (
  model text NOT NULL,
  number integer NOT NULL,
  step text NOT NULL CONSTRAINT retirement_step_name CHECK (step IN ('approved', 'rejected', 'expired', 'withdrawn', 'told', 'waived', 'confirmed', 'forced', 'drained', 'stopped', 'archived', 'drilled', 'deleted', 'deleted/predictions', 'deleted/labels', 'deleted/snapshots', 'deleted/artifacts', 'deleted/reports')),
  actor text NOT NULL,
  details jsonb NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT retirement_step_pkey PRIMARY KEY (model, number, step),
  CONSTRAINT retirement_step_of FOREIGN KEY (model, number) REFERENCES retirement (model, number)
);
CREATE TABLE retirement_confirmation (
  model text NOT NULL,
  number integer NOT NULL,
  consumer text NOT NULL,
  said text NOT NULL,
  actor text NOT NULL,
  command_id uuid NOT NULL CONSTRAINT retirement_confirmation_command REFERENCES command (id),
  at timestamptz NOT NULL,
  CONSTRAINT retirement_confirmation_pkey PRIMARY KEY (model, number, consumer),
  CONSTRAINT retirement_confirmation_of FOREIGN KEY (model, number) REFERENCES retirement (model, number)
);
CREATE TABLE retirement_deletion (
  model text NOT NULL,
  number integer NOT NULL,
  digest text NOT NULL,
  evidence text NOT NULL,
  outcome text NOT NULL CONSTRAINT retirement_deletion_outcome CHECK (outcome IN ('deleted', 'kept')),
  reason text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT retirement_deletion_pkey PRIMARY KEY (model, number, digest),
  CONSTRAINT retirement_deletion_of FOREIGN KEY (model, number) REFERENCES retirement (model, number)
);
CREATE TABLE retirement_certificate (
  model text NOT NULL,
  number integer NOT NULL,
  edition integer NOT NULL CONSTRAINT retirement_certificate_edition CHECK (edition > 0),
  evidence text[] NOT NULL,
  json_digest text NOT NULL,
  html_digest text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT retirement_certificate_pkey PRIMARY KEY (model, number, edition),
  CONSTRAINT retirement_certificate_of FOREIGN KEY (model, number) REFERENCES retirement (model, number)
);
CREATE TABLE legal_hold (
  model text NOT NULL CONSTRAINT legal_hold_model REFERENCES model (name),
  number integer NOT NULL CONSTRAINT legal_hold_number CHECK (number > 0),
  reason text NOT NULL,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL,
  command_id uuid NOT NULL CONSTRAINT legal_hold_command REFERENCES command (id),
  CONSTRAINT legal_hold_pkey PRIMARY KEY (model, number)
);
CREATE TABLE legal_hold_lift (
  model text NOT NULL,
  hold integer NOT NULL,
  reason text NOT NULL,
  lifted_by text NOT NULL,
  lifted_at timestamptz NOT NULL,
  command_id uuid NOT NULL CONSTRAINT legal_hold_lift_command REFERENCES command (id),
  CONSTRAINT legal_hold_lift_pkey PRIMARY KEY (model, hold),
  CONSTRAINT legal_hold_lift_of FOREIGN KEY (model, hold) REFERENCES legal_hold (model, number)
);
`;
