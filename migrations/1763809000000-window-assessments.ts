import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each window comes to, again when its labels are there or change; what windows are held against; what was decided over retraining. */
export class WindowAssessments1763809000000 implements MigrationInterface {
  readonly name = 'WindowAssessments1763809000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query('GRANT SELECT, INSERT ON window_assessment, champion_baseline, retraining_decision TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLES = `
CREATE TABLE champion_baseline (
  model text NOT NULL,
  version integer NOT NULL,
  plan_digest text NOT NULL,
  figures_digest text NOT NULL,
  made_at timestamptz NOT NULL,
  CONSTRAINT champion_baseline_pkey PRIMARY KEY (model, version, plan_digest),
  CONSTRAINT champion_baseline_version FOREIGN KEY (model, version) REFERENCES model_version (model, number)
);
CREATE TABLE window_assessment (
  model text NOT NULL,
  deployment text NOT NULL,
  from_event timestamptz NOT NULL,
  revision integer NOT NULL CONSTRAINT window_assessment_revision CHECK (revision > 0),
  until_event timestamptz NOT NULL,
  occasion text NOT NULL CONSTRAINT window_assessment_occasion CHECK (occasion IN ('closed', 'matured', 'amended')),
  spec_digest text NOT NULL,
  label_revision integer NOT NULL,
  files_digest text NOT NULL,
  rows integer NOT NULL,
  verdict text NOT NULL CONSTRAINT window_assessment_verdict CHECK (verdict IN ('pass', 'fail', 'inconclusive')),
  findings jsonb NOT NULL,
  headline jsonb NOT NULL,
  report_digest text,
  harm jsonb,
  alarm_id uuid CONSTRAINT window_assessment_alarm REFERENCES alarm (id),
  workflow_id text NOT NULL,
  assessed_at timestamptz NOT NULL,
  CONSTRAINT window_assessment_pkey PRIMARY KEY (model, deployment, from_event, revision),
  CONSTRAINT window_assessment_routing FOREIGN KEY (model, deployment) REFERENCES routing (model, deployment),
  CONSTRAINT window_assessment_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest),
  CONSTRAINT window_assessment_stretch CHECK (from_event < until_event)
);
CREATE INDEX window_assessment_newest ON window_assessment (model, until_event);
CREATE TABLE retraining_decision (
  model text NOT NULL,
  deployment text NOT NULL,
  from_event timestamptz NOT NULL,
  revision integer NOT NULL,
  outcome text NOT NULL CONSTRAINT retraining_decision_outcome CHECK (outcome IN ('quarantine', 'wait', 'retrain')),
  reason text,
  trigger text,
  because text NOT NULL,
  counterfactual jsonb NOT NULL,
  decision_digest text NOT NULL,
  command_id uuid CONSTRAINT retraining_decision_command REFERENCES command (id),
  decided_at timestamptz NOT NULL,
  CONSTRAINT retraining_decision_pkey PRIMARY KEY (model, deployment, from_event, revision),
  CONSTRAINT retraining_decision_window FOREIGN KEY (model, deployment, from_event, revision) REFERENCES window_assessment (model, deployment, from_event, revision),
  CONSTRAINT retraining_decision_retrain CHECK ((outcome = 'retrain') = (command_id IS NOT NULL))
);
CREATE TRIGGER champion_baseline_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON champion_baseline
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE champion_baseline ENABLE ALWAYS TRIGGER champion_baseline_append_only;
CREATE TRIGGER window_assessment_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON window_assessment
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE window_assessment ENABLE ALWAYS TRIGGER window_assessment_append_only;
CREATE TRIGGER retraining_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON retraining_decision
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE retraining_decision ENABLE ALWAYS TRIGGER retraining_decision_append_only;
`;
