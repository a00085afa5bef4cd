import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['alarm_action', 'quarantine_release'];

/** What people did about alarms, and which windows they took out of quarantine. */
export class AlarmActions1763810000000 implements MigrationInterface {
  readonly name = 'AlarmActions1763810000000';

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
ALTER TABLE command ADD CONSTRAINT command_kind CHECK (kind IN ('apply', 'retrain', 'rollback', 'release', 'steer', 'replay', 'alarm', 'releaseWindow'));
CREATE TABLE alarm_action (
  alarm_id uuid NOT NULL CONSTRAINT alarm_action_alarm REFERENCES alarm (id),
  number integer NOT NULL CONSTRAINT alarm_action_number CHECK (number > 0),
  action text NOT NULL CONSTRAINT alarm_action_action CHECK (action IN ('acknowledge', 'snooze', 'resolve')),
  until timestamptz,
  reason text NOT NULL,
  actor text NOT NULL,
  command_id uuid NOT NULL CONSTRAINT alarm_action_command REFERENCES command (id),
  at timestamptz NOT NULL,
  CONSTRAINT alarm_action_pkey PRIMARY KEY (alarm_id, number),
  CONSTRAINT alarm_action_once UNIQUE (command_id),
  CONSTRAINT alarm_action_snooze CHECK ((action = 'snooze') = (until IS NOT NULL) AND until > at)
);
CREATE INDEX alarm_action_snoozed ON alarm_action (alarm_id, number) WHERE action = 'snooze';
CREATE TABLE quarantine_release (
  model text NOT NULL,
  deployment text NOT NULL,
  from_event timestamptz NOT NULL,
  reason text NOT NULL,
  released_by text NOT NULL,
  command_id uuid NOT NULL CONSTRAINT quarantine_release_command REFERENCES command (id),
  released_at timestamptz NOT NULL,
  CONSTRAINT quarantine_release_pkey PRIMARY KEY (model, deployment, from_event),
  CONSTRAINT quarantine_release_once UNIQUE (command_id),
  CONSTRAINT quarantine_release_routing FOREIGN KEY (model, deployment) REFERENCES routing (model, deployment)
);
`;
