import type { MigrationInterface, QueryRunner } from 'typeorm';

const APPEND_ONLY = ['alarm', 'alarm_end', 'alarm_receipt', 'monitoring_proof'];

export class Alarms1763804000000 implements MigrationInterface {
  readonly name = 'Alarms1763804000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    for (const table of APPEND_ONLY) {
      await runner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;`);
    }
    await runner.query(`GRANT SELECT, INSERT ON ${[...APPEND_ONLY, 'alarm_delivery'].join(', ')} TO perennial_app`);
    await runner.query('GRANT UPDATE (attempts, last_attempt_at, last_status, last_reason, delivered_at) ON alarm_delivery TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

// An alarm is open until it has an end. Under one key they are counted, so that of two who raise the next one at once one wins.
const TABLES = `
CREATE TABLE alarm (
  id uuid CONSTRAINT alarm_pkey PRIMARY KEY,
  dedup_key text NOT NULL,
  occurrence integer NOT NULL,
  kind text NOT NULL,
  severity text NOT NULL CONSTRAINT alarm_severity CHECK (severity IN ('info', 'warning', 'critical')),
  model text CONSTRAINT alarm_model REFERENCES model (name),
  deployment text,
  subject text NOT NULL,
  summary text NOT NULL,
  details jsonb NOT NULL,
  test boolean NOT NULL,
  raised_at timestamptz NOT NULL,
  CONSTRAINT alarm_once UNIQUE (dedup_key, occurrence)
);
CREATE INDEX alarm_newest ON alarm (raised_at);
CREATE TABLE alarm_end (
  alarm_id uuid CONSTRAINT alarm_end_pkey PRIMARY KEY CONSTRAINT alarm_end_alarm REFERENCES alarm (id),
  reason text NOT NULL,
  ended_by text NOT NULL,
  ended_at timestamptz NOT NULL
);
CREATE TABLE alarm_delivery (
  alarm_id uuid CONSTRAINT alarm_delivery_pkey PRIMARY KEY CONSTRAINT alarm_delivery_alarm REFERENCES alarm (id),
  attempts integer NOT NULL,
  last_attempt_at timestamptz,
  last_status integer,
  last_reason text,
  delivered_at timestamptz
);
CREATE INDEX alarm_undelivered ON alarm_delivery (alarm_id) WHERE delivered_at IS NULL;
CREATE TABLE alarm_receipt (
  message_id text CONSTRAINT alarm_receipt_pkey PRIMARY KEY,
  source text NOT NULL,
  subject text NOT NULL,
  test boolean NOT NULL,
  body_digest text NOT NULL,
  sent_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL
);
CREATE TABLE monitoring_proof (
  model text NOT NULL CONSTRAINT monitoring_proof_model REFERENCES model (name),
  deployment text NOT NULL,
  proof_key text NOT NULL,
  release integer,
  step text,
  alarm_id uuid NOT NULL CONSTRAINT monitoring_proof_alarm REFERENCES alarm (id),
  window_digest text NOT NULL,
  findings jsonb NOT NULL,
  sent_at timestamptz NOT NULL,
  arrived_at timestamptz NOT NULL,
  CONSTRAINT monitoring_proof_pkey PRIMARY KEY (model, deployment, proof_key)
);
`;
