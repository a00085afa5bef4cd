import type { MigrationInterface, QueryRunner } from 'typeorm';

const APPEND_ONLY = ['release_step', 'comparison_analysis', 'comparison_block'];

/** Columns that the application may change after a row was written. */
const CHANGEABLE: Readonly<Record<string, string>> = {
  release: `stage, step, transitions, paused, wanted, wanted_command, wanted_reason, champion, epoch, plan, plan_digest, since_event, since,
    began_at, promoted_epoch, tallies_before, latest, outcome, reason, failure, finished_at, history_digest`,
  model_version: 'unfit_reason, unfit_at',
};

/** Releases of versions, the comparisons that decide on them, and what keeps a version from ever serving again. */
export class Releases1763803000000 implements MigrationInterface {
  readonly name = 'Releases1763803000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    for (const table of APPEND_ONLY) {
      await runner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;`);
    }
    await runner.query(`GRANT SELECT, INSERT ON release, ${APPEND_ONLY.join(', ')} TO perennial_app`);
    for (const [table, columns] of Object.entries(CHANGEABLE)) {
      await runner.query(`GRANT UPDATE (${columns}) ON ${table} TO perennial_app`);
    }
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLES = `
ALTER TABLE command DROP CONSTRAINT command_kind;
ALTER TABLE command ADD CONSTRAINT command_kind CHECK (kind IN ('apply', 'retrain', 'rollback', 'release', 'steer'));
-- A rollback that a watch decided was asked for by nobody.
ALTER TABLE rollback ALTER COLUMN command_id DROP NOT NULL;
ALTER TABLE model_version ADD COLUMN unfit_reason text, ADD COLUMN unfit_at timestamptz,
  ADD CONSTRAINT model_version_unfit CHECK ((unfit_reason IS NULL) = (unfit_at IS NULL));
CREATE TABLE release (
  model text NOT NULL CONSTRAINT release_model REFERENCES model (name),
  number integer NOT NULL,
  deployment text NOT NULL,
  version integer NOT NULL,
  retrain integer,
  command_id uuid CONSTRAINT release_command REFERENCES command (id),
  spec_digest text NOT NULL,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  request_reason text NOT NULL,
  stage text NOT NULL CONSTRAINT release_stage CHECK (stage IN ('queued', 'shadow', 'canary', 'watch', 'finished')),
  step integer,
  transitions integer NOT NULL,
  paused boolean NOT NULL,
  wanted text CONSTRAINT release_wanted CHECK (wanted IN ('advance', 'abort')),
  wanted_command uuid CONSTRAINT release_wanted_command REFERENCES command (id),
  wanted_reason text,
  champion integer,
  epoch bigint,
  plan bytea,
  plan_digest text,
  since_event timestamptz,
  since timestamptz,
  began_at timestamptz,
  promoted_epoch bigint,
  tallies_before jsonb,
  latest jsonb,
  outcome text,
  reason text,
  failure jsonb,
  finished_at timestamptz,
  history_digest text,
  CONSTRAINT release_pkey PRIMARY KEY (model, number),
  CONSTRAINT release_version FOREIGN KEY (model, version) REFERENCES model_version (model, number),
  CONSTRAINT release_retrain FOREIGN KEY (model, retrain) REFERENCES retrain (model, number),
  CONSTRAINT release_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest),
  CONSTRAINT release_planned CHECK (stage IN ('queued', 'finished') OR (plan IS NOT NULL AND plan_digest IS NOT NULL AND champion IS NOT NULL AND epoch IS NOT NULL)),
  CONSTRAINT release_ended CHECK ((stage = 'finished') = (outcome IS NOT NULL))
);
CREATE UNIQUE INDEX release_one_active ON release (model) WHERE stage IN ('shadow', 'canary', 'watch');
CREATE UNIQUE INDEX release_once_a_retrain ON release (model, retrain);
CREATE TABLE release_step (
  model text NOT NULL,
  release integer NOT NULL,
  number integer NOT NULL,
  stage text NOT NULL,
  step integer,
  action text NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  measurement bytea,
  measurement_digest text,
  revision bigint NOT NULL,
  event_time timestamptz,
  taken_at timestamptz NOT NULL,
  CONSTRAINT release_step_pkey PRIMARY KEY (model, release, number),
  CONSTRAINT release_step_release FOREIGN KEY (model, release) REFERENCES release (model, number)
);
CREATE TABLE comparison_analysis (
  model text NOT NULL,
  release integer NOT NULL,
  number integer NOT NULL,
  phase text NOT NULL CONSTRAINT comparison_analysis_phase CHECK (phase IN ('rollout', 'watch')),
  kind text NOT NULL CONSTRAINT comparison_analysis_kind CHECK (kind IN ('labelled', 'unlabelled')),
  revises integer,
  plan_digest text NOT NULL,
  from_event timestamptz NOT NULL,
  opened_at timestamptz NOT NULL,
  CONSTRAINT comparison_analysis_pkey PRIMARY KEY (model, release, number),
  CONSTRAINT comparison_analysis_release FOREIGN KEY (model, release) REFERENCES release (model, number)
);
CREATE TABLE comparison_block (
  model text NOT NULL,
  release integer NOT NULL,
  analysis integer NOT NULL,
  number integer NOT NULL,
  from_event timestamptz NOT NULL,
  until_event timestamptz NOT NULL,
  samples integer NOT NULL,
  missing_labels integer NOT NULL,
  mirrored jsonb NOT NULL,
  standing jsonb NOT NULL,
  state jsonb NOT NULL,
  label_revision bigint,
  recorded_at timestamptz NOT NULL,
  CONSTRAINT comparison_block_pkey PRIMARY KEY (model, release, analysis, number),
  CONSTRAINT comparison_block_analysis FOREIGN KEY (model, release, analysis) REFERENCES comparison_analysis (model, release, number)
);
`;
