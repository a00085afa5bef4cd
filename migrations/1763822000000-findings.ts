import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['finding', 'finding_end', 'finding_escalation', 'review'];

/** What is wrong with a model, who has to mend it until when, by what it was closed; and the periodic reviews. */
export class Findings1763822000000 implements MigrationInterface {
  readonly name = 'Findings1763822000000';

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

// A finding is open until it has an end. Its model may be none that is registered: a sweep finds those too.
const SCHEMA = `
ALTER TABLE command DROP CONSTRAINT command_kind;
ALTER TABLE command ADD CONSTRAINT command_kind CHECK (kind IN ('apply', 'retrain', 'rollback', 'release', 'steer', 'replay', 'alarm', 'releaseWindow', 'vote', 'requestApproval', 'openFinding', 'closeFinding', 'recordReview'));
CREATE TABLE finding (
  model text NOT NULL,
  number integer NOT NULL CONSTRAINT finding_number CHECK (number > 0),
  version integer CONSTRAINT finding_version CHECK (version > 0),
  source text NOT NULL CONSTRAINT finding_source CHECK (source IN ('validation', 'sweep', 'review', 'request')),
  severity text NOT NULL CONSTRAINT finding_severity CHECK (severity IN ('low', 'medium', 'high', 'critical')),
  title text NOT NULL,
  evidence_needed text NOT NULL,
  owner text NOT NULL,
  due_at timestamptz NOT NULL,
  opened_by text NOT NULL,
  command_id uuid CONSTRAINT finding_command REFERENCES command (id),
  key text,
  opened_at timestamptz NOT NULL,
  CONSTRAINT finding_pkey PRIMARY KEY (model, number)
);
CREATE INDEX finding_keyed ON finding (model, key) WHERE key IS NOT NULL;
CREATE TABLE finding_end (
  model text NOT NULL,
  finding integer NOT NULL,
  evidence text NOT NULL,
  artifact_digest text,
  closed_by text NOT NULL,
  command_id uuid CONSTRAINT finding_end_command REFERENCES command (id),
  closed_at timestamptz NOT NULL,
  CONSTRAINT finding_end_pkey PRIMARY KEY (model, finding),
  CONSTRAINT finding_end_finding FOREIGN KEY (model, finding) REFERENCES finding (model, number)
);
CREATE TABLE finding_escalation (
  model text NOT NULL,
  finding integer NOT NULL,
  number integer NOT NULL CONSTRAINT finding_escalation_number CHECK (number > 0),
  alarm_id uuid CONSTRAINT finding_escalation_alarm REFERENCES alarm (id),
  at timestamptz NOT NULL,
  CONSTRAINT finding_escalation_pkey PRIMARY KEY (model, finding, number),
  CONSTRAINT finding_escalation_finding FOREIGN KEY (model, finding) REFERENCES finding (model, number)
);
CREATE TABLE review (
  model text NOT NULL CONSTRAINT review_model REFERENCES model (name),
  number integer NOT NULL CONSTRAINT review_number CHECK (number > 0),
  outcome text NOT NULL CONSTRAINT review_outcome CHECK (outcome IN ('continue', 'continueWithFindings', 'retire')),
  reason text NOT NULL,
  champion integer NOT NULL,
  spec_digest text NOT NULL,
  findings jsonb NOT NULL,
  due_at timestamptz NOT NULL,
  reviewed_by text NOT NULL,
  command_id uuid NOT NULL CONSTRAINT review_command REFERENCES command (id),
  at timestamptz NOT NULL,
  CONSTRAINT review_pkey PRIMARY KEY (model, number),
  CONSTRAINT review_once UNIQUE (command_id),
  CONSTRAINT review_champion FOREIGN KEY (model, champion) REFERENCES model_version (model, number),
  CONSTRAINT review_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest),
  CONSTRAINT review_findings CHECK ((outcome = 'continueWithFindings') = (jsonb_array_length(findings) > 0))
);
`;
