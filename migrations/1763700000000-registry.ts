import type { MigrationInterface, QueryRunner } from 'typeorm';

const APPEND_ONLY = ['audit_entry', 'champion_change', 'model_spec', 'snapshot', 'evaluation'];

/** Columns that the application may change after a row was written; all other columns are fixed by PostgreSQL itself. */
const CHANGEABLE: Readonly<Record<string, string>> = {
  command: 'state, outcome, sent_at, settled_at',
  model: 'owner, tier, task, purpose, spec_digest',
  retrain: 'stage, outcome, reason, failure, snapshot_digest, data_report, version, promoted_epoch, finished_at, history_digest',
  training_run: 'environment, attempts, progress, checkpoint_digest, checkpoint_done, metrics, model_digest, model_bytes, parity_digest, finished_at',
  training_lease: 'token, retrain, holder, taken_at, released_at',
  model_version: 'status',
  routing: 'revision, epoch, champion, challengers, weights, paused, baseline_digest, changed_at',
  rollback: 'command_id, to_version, reason, requested_by, requested_at, outcome, explanation, to_epoch, gateways_behind, finished_at, history_digest',
  gateway_lease: 'boot, url, renewed_at, expires_at',
  gateway_acknowledgement: 'boot, revision, acknowledged_at',
};

export class Registry1763700000000 implements MigrationInterface {
  readonly name = 'Registry1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query(GUARDS);
    for (const table of APPEND_ONLY) {
      await runner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;`);
    }
    await runner.query(ROLE);
    // Keys are made by the owner alone: a service that is broken into cannot make itself a caller.
    await runner.query('GRANT SELECT ON api_key TO perennial_app');
    const tables = [...new Set([...APPEND_ONLY, ...Object.keys(CHANGEABLE)])];
    await runner.query(`GRANT SELECT, INSERT ON ${tables.join(', ')} TO perennial_app`);
    for (const [table, columns] of Object.entries(CHANGEABLE)) {
      await runner.query(`GRANT UPDATE (${columns}) ON ${table} TO perennial_app`);
    }
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLES = `
CREATE TABLE api_key (
  id uuid CONSTRAINT api_key_pkey PRIMARY KEY,
  actor text NOT NULL,
  hash bytea NOT NULL CONSTRAINT api_key_hash UNIQUE,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE TABLE command (
  id uuid CONSTRAINT command_pkey PRIMARY KEY,
  actor text NOT NULL,
  idempotency_key text NOT NULL,
  kind text NOT NULL CONSTRAINT command_kind CHECK (kind IN ('apply', 'retrain', 'rollback')),
  model text NOT NULL,
  body bytea NOT NULL,
  body_digest text NOT NULL,
  state text NOT NULL CONSTRAINT command_state CHECK (state IN ('accepted', 'done', 'refused')),
  outcome jsonb,
  accepted_at timestamptz NOT NULL,
  sent_at timestamptz,
  settled_at timestamptz,
  CONSTRAINT command_once UNIQUE (actor, idempotency_key),
  CONSTRAINT command_settled CHECK ((state = 'accepted') = (outcome IS NULL))
);
CREATE INDEX command_waiting ON command (accepted_at) WHERE state = 'accepted';
CREATE TABLE model_spec (
  model text NOT NULL,
  digest text NOT NULL,
  source bytea NOT NULL,
  canonical bytea NOT NULL,
  applied_by text NOT NULL,
  applied_at timestamptz NOT NULL,
  CONSTRAINT model_spec_pkey PRIMARY KEY (model, digest)
);
CREATE TABLE model (
  name text CONSTRAINT model_pkey PRIMARY KEY,
  owner text NOT NULL,
  tier text NOT NULL,
  task text NOT NULL,
  purpose text NOT NULL,
  spec_digest text NOT NULL,
  registered_by text NOT NULL,
  registered_at timestamptz NOT NULL,
  CONSTRAINT model_spec_in_force FOREIGN KEY (name, spec_digest) REFERENCES model_spec (model, digest)
);
CREATE TABLE snapshot (
  digest text CONSTRAINT snapshot_pkey PRIMARY KEY,
  model text NOT NULL CONSTRAINT snapshot_model REFERENCES model (name),
  manifest jsonb NOT NULL,
  taken_at timestamptz NOT NULL
);
CREATE TABLE retrain (
  model text NOT NULL CONSTRAINT retrain_model REFERENCES model (name),
  number integer NOT NULL,
  command_id uuid NOT NULL CONSTRAINT retrain_command REFERENCES command (id),
  deployment text NOT NULL,
  trigger text NOT NULL,
  as_of timestamptz,
  spec_digest text NOT NULL,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  stage text NOT NULL,
  outcome text,
  reason text,
  failure jsonb,
  snapshot_digest text CONSTRAINT retrain_snapshot REFERENCES snapshot (digest),
  data_report jsonb,
  version integer,
  promoted_epoch bigint,
  finished_at timestamptz,
  history_digest text,
  CONSTRAINT retrain_pkey PRIMARY KEY (model, number),
  CONSTRAINT retrain_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest)
);
CREATE UNIQUE INDEX retrain_one_active ON retrain (model) WHERE outcome IS NULL;
CREATE TABLE training_run (
  model text NOT NULL,
  retrain integer NOT NULL,
  trainer text NOT NULL,
  parameters jsonb NOT NULL,
  seed integer NOT NULL,
  spec_digest text NOT NULL,
  snapshot_digest text NOT NULL CONSTRAINT training_run_snapshot REFERENCES snapshot (digest),
  code_digest text NOT NULL,
  environment jsonb,
  attempts integer NOT NULL,
  progress jsonb,
  checkpoint_digest text,
  checkpoint_done integer,
  metrics jsonb,
  model_digest text,
  model_bytes bigint,
  parity_digest text,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  CONSTRAINT training_run_pkey PRIMARY KEY (model, retrain),
  CONSTRAINT training_run_retrain FOREIGN KEY (model, retrain) REFERENCES retrain (model, number)
);
CREATE TABLE training_lease (
  model text CONSTRAINT training_lease_pkey PRIMARY KEY,
  token bigint NOT NULL,
  retrain integer NOT NULL,
  holder text NOT NULL,
  taken_at timestamptz NOT NULL,
  released_at timestamptz
);
CREATE TABLE model_version (
  model text NOT NULL,
  number integer NOT NULL,
  retrain integer NOT NULL,
  spec_digest text NOT NULL,
  snapshot_digest text NOT NULL CONSTRAINT model_version_snapshot REFERENCES snapshot (digest),
  artifact_digest text NOT NULL,
  artifact_bytes bigint NOT NULL,
  admission jsonb NOT NULL,
  status text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT model_version_pkey PRIMARY KEY (model, number),
  CONSTRAINT model_version_retrain UNIQUE (model, retrain),
  CONSTRAINT model_version_run FOREIGN KEY (model, retrain) REFERENCES training_run (model, retrain)
);
CREATE TABLE evaluation (
  model text NOT NULL,
  version integer NOT NULL,
  deployment text NOT NULL,
  champion_version integer,
  epoch bigint NOT NULL,
  snapshot_digest text NOT NULL CONSTRAINT evaluation_snapshot REFERENCES snapshot (digest),
  result jsonb NOT NULL,
  gate jsonb NOT NULL,
  verdict text NOT NULL,
  evaluated_at timestamptz NOT NULL,
  CONSTRAINT evaluation_pkey PRIMARY KEY (model, version),
  CONSTRAINT evaluation_version FOREIGN KEY (model, version) REFERENCES model_version (model, number)
);
CREATE TABLE routing (
  model text NOT NULL CONSTRAINT routing_model REFERENCES model (name),
  deployment text NOT NULL,
  revision bigint NOT NULL,
  epoch bigint NOT NULL,
  champion integer,
  challengers integer[] NOT NULL,
  weights jsonb NOT NULL,
  salt text NOT NULL,
  paused boolean NOT NULL,
  baseline_digest text,
  changed_at timestamptz NOT NULL,
  CONSTRAINT routing_pkey PRIMARY KEY (model, deployment),
  CONSTRAINT routing_champion FOREIGN KEY (model, champion) REFERENCES model_version (model, number)
);
CREATE TABLE champion_change (
  model text NOT NULL,
  deployment text NOT NULL,
  epoch bigint NOT NULL,
  revision bigint NOT NULL,
  version integer NOT NULL,
  previous_version integer,
  baseline_digest text NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  workflow_id text NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT champion_change_pkey PRIMARY KEY (model, deployment, epoch),
  CONSTRAINT champion_change_version FOREIGN KEY (model, version) REFERENCES model_version (model, number)
);
CREATE TABLE rollback (
  model text NOT NULL,
  deployment text NOT NULL,
  from_epoch bigint NOT NULL,
  command_id uuid NOT NULL CONSTRAINT rollback_command REFERENCES command (id),
  from_version integer NOT NULL,
  to_version integer NOT NULL,
  reason text NOT NULL,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  outcome text,
  explanation text,
  to_epoch bigint,
  gateways_behind text[] NOT NULL,
  finished_at timestamptz,
  history_digest text,
  CONSTRAINT rollback_pkey PRIMARY KEY (model, deployment, from_epoch),
  CONSTRAINT rollback_routing FOREIGN KEY (model, deployment) REFERENCES routing (model, deployment)
);
CREATE TABLE gateway_lease (
  gateway text CONSTRAINT gateway_lease_pkey PRIMARY KEY,
  boot uuid NOT NULL,
  url text NOT NULL,
  renewed_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE TABLE gateway_acknowledgement (
  gateway text NOT NULL,
  model text NOT NULL,
  deployment text NOT NULL,
  boot uuid NOT NULL,
  revision bigint NOT NULL,
  acknowledged_at timestamptz NOT NULL,
  CONSTRAINT gateway_acknowledgement_pkey PRIMARY KEY (gateway, model, deployment)
);
CREATE TABLE audit_entry (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_entry_pkey PRIMARY KEY,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  model text,
  subject text NOT NULL,
  details bytea NOT NULL,
  details_digest text NOT NULL,
  command_id uuid,
  workflow_id text,
  run_id text
);
CREATE INDEX audit_entry_model ON audit_entry (model, id);
`;

// Epochs and revisions only rise, whoever writes; a changed routing wakes the gateways.
const GUARDS = `
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION routing_only_rises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.revision <= OLD.revision OR NEW.epoch < OLD.epoch
     OR ((NEW.champion IS DISTINCT FROM OLD.champion) <> (NEW.epoch > OLD.epoch)) THEN
    RAISE EXCEPTION 'routing of %/% would go from revision %, epoch % to %, %',
      OLD.model, OLD.deployment, OLD.revision, OLD.epoch, NEW.revision, NEW.epoch
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER routing_only_rises BEFORE UPDATE ON routing FOR EACH ROW EXECUTE FUNCTION routing_only_rises();
ALTER TABLE routing ENABLE ALWAYS TRIGGER routing_only_rises;

CREATE FUNCTION announce_routing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('routing', NEW.model || '/' || NEW.deployment);
  RETURN NULL;
END $$;
CREATE TRIGGER announce_routing AFTER INSERT OR UPDATE ON routing FOR EACH ROW EXECUTE FUNCTION announce_routing();

CREATE FUNCTION lease_token_only_rises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.token < OLD.token THEN
    RAISE EXCEPTION 'the training lease of % would fall from token % to %', OLD.model, OLD.token, NEW.token
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER lease_token_only_rises BEFORE UPDATE ON training_lease FOR EACH ROW EXECUTE FUNCTION lease_token_only_rises();
ALTER TABLE training_lease ENABLE ALWAYS TRIGGER lease_token_only_rises;
`;

// The group role is made once a server; a login of the application is a member of it.
const ROLE = `
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'perennial_app') THEN
    CREATE ROLE perennial_app NOLOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT USAGE ON SCHEMA public TO perennial_app;
`;
