import type { MigrationInterface, QueryRunner } from 'typeorm';

const APPEND_ONLY = ['audit_leaf', 'audit_node', 'audit_checkpoint', 'audit_refusal'];

/**
 * The audit ledger as a Merkle tree, and the texts of people beside it. An entry waits in `audit_pending` from the transaction that adds it
 * until its leaf is there: commits do not come in the order of ids, so that no "after the last id" would find them all.
 */
export class AuditTree1763817000000 implements MigrationInterface {
  readonly name = 'AuditTree1763817000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query(QUEUE);
    await runner.query(TEXTS);
    for (const table of APPEND_ONLY) {
      await runner.query(`
        CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
          FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only;
        GRANT SELECT, INSERT ON ${table} TO perennial_app;`);
    }
    // Nobody but the triggers writes the queue.
    await runner.query('GRANT SELECT ON audit_pending TO perennial_app');
    await runner.query('GRANT SELECT, INSERT, UPDATE (salt, text, erased_at) ON audit_text TO perennial_app');
  }

  async down(): Promise<void> {
    throw new Error('The record is not undone by a migration; restore a backup instead.');
  }
}

const TABLES = `
CREATE TABLE audit_leaf (
  position bigint CONSTRAINT audit_leaf_pkey PRIMARY KEY CONSTRAINT audit_leaf_position CHECK (position >= 0),
  entry_id bigint NOT NULL CONSTRAINT audit_leaf_once UNIQUE CONSTRAINT audit_leaf_entry REFERENCES audit_entry (id),
  leaf_hash bytea NOT NULL CONSTRAINT audit_leaf_hash CHECK (octet_length(leaf_hash) = 32)
);
CREATE TABLE audit_node (
  level smallint NOT NULL CONSTRAINT audit_node_level CHECK (level > 0),
  place bigint NOT NULL,
  hash bytea NOT NULL CONSTRAINT audit_node_hash CHECK (octet_length(hash) = 32),
  CONSTRAINT audit_node_pkey PRIMARY KEY (level, place)
);
CREATE TABLE audit_checkpoint (
  size bigint CONSTRAINT audit_checkpoint_pkey PRIMARY KEY CONSTRAINT audit_checkpoint_size CHECK (size > 0),
  root bytea NOT NULL CONSTRAINT audit_checkpoint_root CHECK (octet_length(root) = 32),
  note text NOT NULL,
  at timestamptz NOT NULL
);
CREATE TABLE audit_refusal (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_refusal_pkey PRIMARY KEY,
  size bigint NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL
);
`;

// The functions run as the owner of the tables: the application may neither add to the queue nor take from it.
const QUEUE = `
CREATE TABLE audit_pending (
  entry_id bigint CONSTRAINT audit_pending_pkey PRIMARY KEY
);
INSERT INTO audit_pending SELECT id FROM audit_entry;

CREATE FUNCTION queue_audit_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.audit_pending SELECT id FROM added;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_entry_queued AFTER INSERT ON audit_entry REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION queue_audit_entries();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_queued;

CREATE FUNCTION unqueue_audit_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM public.audit_pending USING added WHERE audit_pending.entry_id = added.entry_id;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_leaf_unqueued AFTER INSERT ON audit_leaf REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION unqueue_audit_entries();
ALTER TABLE audit_leaf ENABLE ALWAYS TRIGGER audit_leaf_unqueued;
REVOKE ALL ON FUNCTION queue_audit_entries(), unqueue_audit_entries() FROM PUBLIC;
`;

// A text is written once and can only be erased, with the salt that would let its digest be guessed.
const TEXTS = `
CREATE TABLE audit_text (
  entry_id bigint NOT NULL CONSTRAINT audit_text_entry REFERENCES audit_entry (id),
  field text NOT NULL,
  salt bytea,
  text text,
  erased_at timestamptz,
  CONSTRAINT audit_text_pkey PRIMARY KEY (entry_id, field),
  CONSTRAINT audit_text_erased CHECK ((text IS NULL) = (erased_at IS NOT NULL) AND (salt IS NULL) = (text IS NULL))
);
CREATE FUNCTION audit_text_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.text IS NULL OR NEW.text IS NOT NULL OR (NEW.entry_id, NEW.field) IS DISTINCT FROM (OLD.entry_id, OLD.field) THEN
    RAISE EXCEPTION 'a text of the audit ledger can be erased once, and not changed' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_text_only_erased BEFORE UPDATE ON audit_text FOR EACH ROW EXECUTE FUNCTION audit_text_only_erased();
ALTER TABLE audit_text ENABLE ALWAYS TRIGGER audit_text_only_erased;
CREATE TRIGGER audit_text_kept BEFORE DELETE OR TRUNCATE ON audit_text FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE audit_text ENABLE ALWAYS TRIGGER audit_text_kept;
`;
