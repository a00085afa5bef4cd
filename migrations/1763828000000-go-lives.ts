import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['set_up_look', 'go_live', 'go_live_confirmation'];

/** Versions of governed models that go live: what they need for it, that they did, and that their owner has confirmed it. */
export class GoLives1763828000000 implements MigrationInterface {
  readonly name = 'GoLives1763828000000';

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
ALTER TABLE command ADD CONSTRAINT command_kind CHECK (kind IN ('apply', 'retrain', 'rollback', 'release', 'steer', 'replay', 'alarm', 'releaseWindow', 'vote', 'requestApproval', 'openFinding', 'closeFinding', 'recordReview', 'decideValidation', 'retire', 'withdrawRetirement', 'confirmRetirement', 'waiveRetirement', 'setLegalHold', 'liftLegalHold', 'confirmGoLive'));
CREATE TABLE set_up_look (
  model text NOT NULL,
  version integer NOT NULL,
  number integer NOT NULL CONSTRAINT set_up_look_number CHECK (number > 0),
  deployment text NOT NULL,
  spec_digest text NOT NULL,
  criteria jsonb NOT NULL,
  ready boolean NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT set_up_look_pkey PRIMARY KEY (model, version, number),
  CONSTRAINT set_up_look_version FOREIGN KEY (model, version) REFERENCES model_version (model, number),
  CONSTRAINT set_up_look_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest)
);
CREATE TABLE go_live (
  model text NOT NULL,
  deployment text NOT NULL,
  epoch bigint NOT NULL,
  version integer NOT NULL,
  spec_digest text NOT NULL,
  way text NOT NULL CONSTRAINT go_live_way CHECK (way IN ('first', 'immediate', 'release')),
  asks boolean NOT NULL,
  owner text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT go_live_pkey PRIMARY KEY (model, deployment, epoch),
  CONSTRAINT go_live_change FOREIGN KEY (model, deployment, epoch) REFERENCES champion_change (model, deployment, epoch),
  CONSTRAINT go_live_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest)
);
CREATE TABLE go_live_confirmation (
  model text NOT NULL,
  deployment text NOT NULL,
  epoch bigint NOT NULL,
  reason text NOT NULL,
  confirmed_by text NOT NULL,
  command_id uuid NOT NULL CONSTRAINT go_live_confirmation_command REFERENCES command (id),
  at timestamptz NOT NULL,
  CONSTRAINT go_live_confirmation_pkey PRIMARY KEY (model, deployment, epoch),
  CONSTRAINT go_live_confirmation_of FOREIGN KEY (model, deployment, epoch) REFERENCES go_live (model, deployment, epoch)
);
`;
