import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['stage_move', 'finding_handover'];

/** How stages are paused, sent back and abandoned, and to whom findings of those who leave go. */
export class StageMoves1763829000000 implements MigrationInterface {
  readonly name = 'StageMoves1763829000000';

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
ALTER TABLE command ADD CONSTRAINT command_kind CHECK (kind IN ('apply', 'retrain', 'rollback', 'release', 'steer', 'replay', 'alarm', 'releaseWindow', 'vote', 'requestApproval', 'openFinding', 'closeFinding', 'recordReview', 'decideValidation', 'retire', 'withdrawRetirement', 'confirmRetirement', 'waiveRetirement', 'setLegalHold', 'liftLegalHold', 'confirmGoLive', 'steerStage', 'sendBackStage'));
ALTER TABLE approval_end DROP CONSTRAINT approval_end_outcome;
ALTER TABLE approval_end ADD CONSTRAINT approval_end_outcome CHECK (outcome IN ('approved', 'rejected', 'expired', 'voided', 'sentBack', 'abandoned'));
ALTER TABLE validation_end DROP CONSTRAINT validation_end_outcome;
ALTER TABLE validation_end ADD CONSTRAINT validation_end_outcome CHECK (outcome IN ('promoted', 'releasing', 'rejected', 'expired', 'voided', 'aborted', 'failed', 'sentBack', 'abandoned'));
ALTER TABLE validation_decision ADD COLUMN round integer NOT NULL DEFAULT 1 CONSTRAINT validation_decision_round CHECK (round > 0);
ALTER TABLE validation_decision DROP CONSTRAINT validation_decision_pkey;
ALTER TABLE validation_decision ADD CONSTRAINT validation_decision_pkey PRIMARY KEY (model, version, round);
CREATE TABLE stage_move (
  model text NOT NULL CONSTRAINT stage_move_model REFERENCES model (name),
  number integer NOT NULL CONSTRAINT stage_move_number CHECK (number > 0),
  stage text NOT NULL CONSTRAINT stage_move_stage CHECK (stage IN ('useCaseApproval', 'development', 'validation', 'deployment', 'production', 'retirement')),
  subject integer,
  action text NOT NULL CONSTRAINT stage_move_action CHECK (action IN ('pause', 'resume', 'abandon', 'sendBack')),
  actor text NOT NULL,
  reason text NOT NULL,
  command_id uuid NOT NULL CONSTRAINT stage_move_command REFERENCES command (id),
  at timestamptz NOT NULL,
  CONSTRAINT stage_move_pkey PRIMARY KEY (model, number),
  CONSTRAINT stage_move_subject CHECK ((subject IS NULL) = (stage IN ('development', 'production')))
);
CREATE TABLE finding_handover (
  model text NOT NULL,
  finding integer NOT NULL,
  number integer NOT NULL CONSTRAINT finding_handover_number CHECK (number > 0),
  owner text NOT NULL,
  handed_by text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT finding_handover_pkey PRIMARY KEY (model, finding, number),
  CONSTRAINT finding_handover_finding FOREIGN KEY (model, finding) REFERENCES finding (model, number)
);
`;
