import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each window of event time was found to be, and whether a gateway can keep its observation log. */
export class Windows1763806000000 implements MigrationInterface {
  readonly name = 'Windows1763806000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query('GRANT SELECT, INSERT ON window_check TO perennial_app');
    await runner.query('GRANT UPDATE (observation_log) ON gateway_lease TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

// The inputs of a window are looked at when it closes, its loss when the horizon of its labels has passed too.
const TABLES = `
CREATE TABLE window_check (
  model text NOT NULL,
  deployment text NOT NULL,
  look text NOT NULL CONSTRAINT window_check_look CHECK (look IN ('inputs', 'loss')),
  from_event timestamptz NOT NULL,
  until_event timestamptz NOT NULL,
  spec_digest text NOT NULL,
  label_revision integer NOT NULL,
  verdict text NOT NULL CONSTRAINT window_check_verdict CHECK (verdict IN ('pass', 'fail', 'inconclusive')),
  rows integer NOT NULL,
  summary jsonb NOT NULL,
  checks integer NOT NULL,
  findings jsonb NOT NULL,
  alarm_id uuid CONSTRAINT window_check_alarm REFERENCES alarm (id),
  checked_at timestamptz NOT NULL,
  CONSTRAINT window_check_pkey PRIMARY KEY (model, deployment, look, from_event),
  CONSTRAINT window_check_routing FOREIGN KEY (model, deployment) REFERENCES routing (model, deployment),
  CONSTRAINT window_check_spec FOREIGN KEY (model, spec_digest) REFERENCES model_spec (model, digest),
  CONSTRAINT window_check_stretch CHECK (from_event < until_event),
  CONSTRAINT window_check_alarmed CHECK ((verdict = 'fail') = (alarm_id IS NOT NULL))
);
CREATE INDEX window_check_newest ON window_check (model, until_event);
CREATE TRIGGER window_check_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON window_check
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE window_check ENABLE ALWAYS TRIGGER window_check_append_only;
CREATE INDEX alarm_kind ON alarm (kind);
ALTER TABLE gateway_lease ADD COLUMN observation_log jsonb;
`;
