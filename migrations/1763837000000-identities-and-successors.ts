import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who took the place of whom, and that a name which is known can be given an identity, or become a person's. */
export class IdentitiesAndSuccessors1763837000000 implements MigrationInterface {
  readonly name = 'IdentitiesAndSuccessors1763837000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(SCHEMA);
    await runner.query(BEFORE);
    await runner.query(`
      CREATE TRIGGER person_replacement_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON person_replacement
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
      ALTER TABLE person_replacement ENABLE ALWAYS TRIGGER person_replacement_append_only;`);
    await runner.query('GRANT SELECT, INSERT ON person_replacement TO perennial_app');
    await runner.query('GRANT UPDATE (kind, issuer, subject) ON principal TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const SCHEMA = `
CREATE TABLE person_replacement (
  name text NOT NULL CONSTRAINT person_replacement_leaver REFERENCES principal (name),
  number integer NOT NULL CONSTRAINT person_replacement_number CHECK (number > 0),
  successor text CONSTRAINT person_replacement_successor REFERENCES principal (name),
  replaced_by text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT person_replacement_pkey PRIMARY KEY (name, number),
  CONSTRAINT person_replacement_another CHECK (name <> successor)
);
`;

// Until now the ledger alone told of it. Without a successor: the leaver came back.
const BEFORE = `
INSERT INTO person_replacement (name, number, successor, replaced_by, at)
  SELECT substr(subject, length('person/') + 1), row_number() OVER (PARTITION BY subject ORDER BY id), convert_from(details, 'UTF8')::jsonb ->> 'by', actor, at
  FROM audit_entry WHERE action IN ('person.replaced', 'person.activated') AND subject IN (SELECT subject FROM audit_entry WHERE action = 'person.replaced');
`;
