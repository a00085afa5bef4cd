import type { MigrationInterface, QueryRunner } from 'typeorm';

const APPEND_ONLY = ['role_grant', 'role_revocation', 'api_key_revocation', 'people_command'];

/** Who may act, in which roles for which models. Roles and keys are taken away by rows of their own, so that nothing that was is lost. */
export class People1763818000000 implements MigrationInterface {
  readonly name = 'People1763818000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query(ACTORS_BEFORE);
    for (const table of APPEND_ONLY) {
      await runner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;`);
    }
    await runner.query(`GRANT SELECT, INSERT ON principal, ${APPEND_ONLY.join(', ')} TO perennial_app`);
    await runner.query('GRANT UPDATE (active) ON principal TO perennial_app');
    await runner.query('GRANT INSERT (id, actor, hash, created_at) ON api_key TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLES = `
CREATE TABLE principal (
  name text CONSTRAINT principal_pkey PRIMARY KEY CONSTRAINT principal_not_reserved CHECK (name NOT IN ('perennial', 'unknown')),
  kind text NOT NULL CONSTRAINT principal_kind CHECK (kind IN ('person', 'service')),
  issuer text,
  subject text,
  active boolean NOT NULL,
  registered_by text NOT NULL,
  registered_at timestamptz NOT NULL,
  CONSTRAINT principal_identity UNIQUE (issuer, subject),
  CONSTRAINT principal_identity_whole CHECK ((issuer IS NULL) = (subject IS NULL))
);
CREATE TABLE role_grant (
  id uuid CONSTRAINT role_grant_pkey PRIMARY KEY,
  principal text NOT NULL CONSTRAINT role_grant_principal REFERENCES principal (name),
  role text NOT NULL CONSTRAINT role_grant_role CHECK (role IN ('owner', 'developer', 'validator', 'approver', 'operator', 'auditor', 'administrator', 'service')),
  model text NOT NULL,
  granted_by text NOT NULL,
  granted_at timestamptz NOT NULL
);
CREATE INDEX role_grant_of ON role_grant (principal);
CREATE TABLE role_revocation (
  grant_id uuid CONSTRAINT role_revocation_pkey PRIMARY KEY CONSTRAINT role_revocation_grant REFERENCES role_grant (id),
  revoked_by text NOT NULL,
  revoked_at timestamptz NOT NULL
);
CREATE TABLE api_key_revocation (
  key_id uuid CONSTRAINT api_key_revocation_pkey PRIMARY KEY CONSTRAINT api_key_revocation_key REFERENCES api_key (id),
  revoked_by text NOT NULL,
  revoked_at timestamptz NOT NULL
);
CREATE TABLE people_command (
  actor text NOT NULL,
  idempotency_key text NOT NULL,
  kind text NOT NULL,
  body_digest text NOT NULL,
  outcome jsonb NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT people_command_pkey PRIMARY KEY (actor, idempotency_key)
);
`;

// Whoever has a key goes on with all that a key could do until now: what an owner and an auditor may. Nobody could manage people, so nobody becomes an
// administrator. A key that acts under a name of ours keeps working, under another name.
const ACTORS_BEFORE = `
UPDATE api_key SET actor = actor || '-key' WHERE actor IN ('perennial', 'unknown');
INSERT INTO principal (name, kind, active, registered_by, registered_at)
  SELECT actor, 'service', true, 'perennial', min(created_at) FROM api_key GROUP BY actor;
INSERT INTO role_grant (id, principal, role, model, granted_by, granted_at)
  SELECT gen_random_uuid(), name, role, '*', 'perennial', now() FROM principal CROSS JOIN unnest(ARRAY['owner', 'auditor']) AS role;
ALTER TABLE api_key ADD CONSTRAINT api_key_principal FOREIGN KEY (actor) REFERENCES principal (name);
CREATE INDEX api_key_of ON api_key (actor);
`;
