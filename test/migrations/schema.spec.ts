import { DataSource, EntitySchema, type EntitySchemaColumnOptions } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Snapshot } from '../../src/registry/entities/snapshot.entity.js';
import { ENTITIES, registryDataSource } from '../../src/registry/data-source.js';
import { type RegistryServer, startRegistryServer } from '../registry-server.js';

let server: RegistryServer;

beforeAll(async () => {
  server = await startRegistryServer();
});

afterAll(() => server?.stop());

/** What the migrations give a table beyond its entity, and TypeORM would therefore drop: no column, type or primary key. */
const BEYOND_ENTITIES = {
  constraint: /^ALTER TABLE "\w+" DROP CONSTRAINT "(?<name>\w+)"$/,
  index: /^DROP INDEX "public"\."(?<name>\w+)"$/,
};

/** What TypeORM would have to change in the migrated database for the entities to fit. */
async function drift(entities: readonly (EntitySchema | (new () => object))[]): Promise<string[]> {
  const { options } = registryDataSource({ url: server.databaseUrl, poolSize: 1 });
  const dataSource = await new DataSource({ ...options, entities: [...entities] }).initialize();
  try {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    const primaryKeys: { name: string }[] = await dataSource.query("SELECT conname AS name FROM pg_constraint WHERE contype = 'p'");
    const keys = new Set(primaryKeys.map(({ name }) => name));
    return upQueries.map(({ query }) => query).filter((query) => {
      const extra = BEYOND_ENTITIES.constraint.exec(query) ?? BEYOND_ENTITIES.index.exec(query);
      return !extra || keys.has(extra.groups?.['name'] ?? '');
    });
  } finally {
    await dataSource.destroy();
  }
}

describe('the entities', () => {
  it('are what the migrations make', async () => {
    expect(await drift(ENTITIES)).toEqual([]);
  });

  const columns: Record<string, EntitySchemaColumnOptions> = {
    digest: { type: 'text', primary: true, primaryKeyConstraintName: 'snapshot_pkey' },
    model: { type: 'text' },
    manifest: { type: 'jsonb' },
    takenAt: { type: 'timestamptz', name: 'taken_at' },
  };
  const snapshot = (changes: Record<string, EntitySchemaColumnOptions>, without = ''): EntitySchema =>
    new EntitySchema({ name: 'Snapshot', tableName: 'snapshot', columns: Object.fromEntries(Object.entries({ ...columns, ...changes }).filter(([name]) => name !== without)) });
  const others = ENTITIES.filter((entity) => entity !== Snapshot);

  it.each<[string, EntitySchema, RegExp]>([
    ['another type', snapshot({ manifest: { type: 'text' } }), /"manifest"/],
    ['another nullability', snapshot({ model: { type: 'text', nullable: true } }), /"model" DROP NOT NULL/],
    ['a default', snapshot({ model: { type: 'text', default: 'none' } }), /SET DEFAULT/],
    ['a column that no migration adds', snapshot({ rows: { type: 'integer' } }), /ADD "rows"/],
    ['a column too few', snapshot({}, 'takenAt'), /DROP COLUMN "taken_at"/],
    ['another primary key', snapshot({ model: { type: 'text', primary: true, primaryKeyConstraintName: 'snapshot_pkey' } }), /PRIMARY KEY/],
  ])('with %s are found', async (_, drifted, expected) => {
    expect((await drift([...others, drifted])).join('\n')).toMatch(expected);
  });

  it('of this check are the real one where nothing is changed', async () => {
    expect(await drift([...others, snapshot({})])).toEqual([]);
  });
});

describe('the application', () => {
  const namesOf = async (sql: string): Promise<string[]> => (await server.dataSource.query<{ name: string }[]>(sql)).map(({ name }) => name);
  const tables = "(SELECT c.oid, c.relname, c.relowner FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r') t";

  it('owns nothing, and deletes nothing', async () => {
    expect(await namesOf(`SELECT relname AS name FROM ${tables} WHERE pg_has_role(current_user, relowner, 'MEMBER')`)).toEqual([]);
    expect(await namesOf(`SELECT relname AS name FROM ${tables} WHERE has_table_privilege(oid, 'DELETE, TRUNCATE, TRIGGER, REFERENCES')`)).toEqual([]);
    expect(await namesOf("SELECT nspname AS name FROM pg_namespace WHERE has_schema_privilege(oid, 'CREATE') AND nspname !~ '^pg_'")).toEqual([]);
  });

  it('changes no key, and nothing that says who did what when', async () => {
    const changeable = await namesOf(`
      SELECT t.relname || '.' || a.attname AS name FROM ${tables} JOIN pg_attribute a ON a.attrelid = t.oid
      WHERE a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(t.oid, a.attnum, 'UPDATE')`);
    expect(changeable).toContain('retrain.outcome');
    const keys = await namesOf(`
      SELECT t.relname || '.' || a.attname AS name FROM ${tables} JOIN pg_constraint k ON k.conrelid = t.oid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (k.conkey)
      WHERE k.contype = 'p'`);
    expect(keys.length).toBeGreaterThan(15);
    expect(changeable.filter((column) => keys.includes(column))).toEqual([]);
    // A rollback that was terminated is asked for again in its own row; the ledger keeps who asked first.
    const facts = /_by$|\.actor$|\.(requested|accepted|applied|created|registered|evaluated|started)_at$|^(audit_entry|champion_change|evaluation|model_spec|snapshot|api_key|role_grant|role_revocation|api_key_revocation|people_command)\./;
    expect(changeable.filter((column) => facts.test(column) && !column.startsWith('rollback.requested_'))).toEqual([]);
  });
});

it('the audit ledger refuses even the owner of the tables', async () => {
  await server.asOwner(async (owner) => {
    await owner.query("INSERT INTO audit_entry (at, actor, action, subject, details, details_digest) VALUES (now(), 'ann', 'tested', 'x', '{}', 'sha256:0')");
    for (const statement of ["UPDATE audit_entry SET actor = 'bob'", 'DELETE FROM audit_entry', 'TRUNCATE audit_entry CASCADE']) {
      await expect(owner.query(statement)).rejects.toThrow(/append-only/);
    }
    for (const table of ['audit_leaf', 'audit_node', 'audit_checkpoint', 'audit_refusal']) {
      for (const statement of [`UPDATE ${table} SET ${table === 'audit_refusal' ? 'size = 1' : table === 'audit_checkpoint' ? "note = ''" : table === 'audit_node' ? 'place = 0' : 'entry_id = 1'}`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
        await expect(owner.query(statement), statement).rejects.toThrow(/append-only/);
      }
    }
    for (const statement of ['DELETE FROM audit_text', 'TRUNCATE audit_text']) await expect(owner.query(statement)).rejects.toThrow(/append-only/);
  });
});

it('no trigger of the ledger is put off by a session that replicates', async () => {
  const put: { name: string }[] = await server.dataSource.query(
    "SELECT tgrelid::regclass || '.' || tgname AS name FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'audit%' AND tgenabled <> 'A'");
  expect(put).toEqual([]);
});
