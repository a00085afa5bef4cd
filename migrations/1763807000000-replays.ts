import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['replay', 'replay_block', 'replay_end', 'replay_history'];

/** Versions that were run over what had been logged: what was asked for, each block of event time, and how it ended. */
export class Replays1763807000000 implements MigrationInterface {
  readonly name = 'Replays1763807000000';

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
ALTER TABLE command ADD CONSTRAINT command_kind CHECK (kind IN ('apply', 'retrain', 'rollback', 'release', 'steer', 'replay'));
CREATE TABLE replay (
  model text NOT NULL CONSTRAINT replay_model REFERENCES model (name),
  number integer NOT NULL,
  deployment text NOT NULL,
  version integer NOT NULL,
  command_id uuid NOT NULL CONSTRAINT replay_command REFERENCES command (id),
  spec_digest text NOT NULL,
  from_event timestamptz NOT NULL,
  until_event timestamptz NOT NULL,
  plan bytea NOT NULL,
  plan_digest text NOT NULL,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  request_reason text NOT NULL,
  CONSTRAINT replay_pkey PRIMARY KEY (model, number),
  CONSTRAINT replay_version FOREIGN KEY (model, version) REFERENCES model_version (model, number),
  CONSTRAINT replay_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest),
  CONSTRAINT replay_period CHECK (from_event < until_event)
);
CREATE TABLE replay_block (
  model text NOT NULL,
  replay integer NOT NULL,
  number integer NOT NULL,
  from_event timestamptz NOT NULL,
  until_event timestamptz NOT NULL,
  rows jsonb NOT NULL,
  champions jsonb NOT NULL,
  samples integer NOT NULL,
  missing_labels integer NOT NULL,
  standing jsonb NOT NULL,
  state jsonb NOT NULL,
  recorded_at timestamptz NOT NULL,
  CONSTRAINT replay_block_pkey PRIMARY KEY (model, replay, number),
  CONSTRAINT replay_block_replay FOREIGN KEY (model, replay) REFERENCES replay (model, number)
);
CREATE TABLE replay_end (
  model text NOT NULL,
  replay integer NOT NULL,
  outcome text NOT NULL CONSTRAINT replay_end_outcome
    CHECK (outcome IN ('better', 'not-worse', 'worse', 'inconclusive', 'failed', 'cancelled', 'terminated')),
  reason text NOT NULL,
  failure jsonb,
  finished_at timestamptz NOT NULL,
  CONSTRAINT replay_end_pkey PRIMARY KEY (model, replay),
  CONSTRAINT replay_end_replay FOREIGN KEY (model, replay) REFERENCES replay (model, number)
);
CREATE TABLE replay_history (
  model text NOT NULL,
  replay integer NOT NULL,
  digest text NOT NULL,
  exported_at timestamptz NOT NULL,
  CONSTRAINT replay_history_pkey PRIMARY KEY (model, replay),
  CONSTRAINT replay_history_end FOREIGN KEY (model, replay) REFERENCES replay_end (model, replay)
);
`;
