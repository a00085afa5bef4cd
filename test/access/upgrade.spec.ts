import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { expect, it } from 'vitest';
import { grantAppRole } from '../../src/embedded/postgres-roles.js';
import { startPostgres } from '../../src/embedded/postgres-server.js';
import { prepareStateFolder } from '../../src/embedded/state-folder.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { CallersRepository } from '../../src/registry/callers.repository.js';
import { MIGRATIONS, registryDataSource } from '../../src/registry/data-source.js';
import { migrate } from '../../src/registry/migrate.js';
import { namedNow } from '../../src/registry/successors.js';

const SUCCESSORS = MIGRATIONS.findIndex(({ name }) => name.startsWith('IdentitiesAndSuccessors'));
const PEOPLE = MIGRATIONS.findIndex(({ name }) => name.startsWith('People'));

it('an upgrade knows from the ledger who took the place of whom', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-upgrade-'));
  prepareStateFolder(folder);
  const server = await startPostgres({ stateDir: folder, preferredPort: 15_732, log: () => undefined });
  try {
    const before = await new DataSource({ ...registryDataSource({ url: server.ownerDatabaseUrl, poolSize: 1 }).options, migrations: MIGRATIONS.slice(0, SUCCESSORS) }).initialize();
    await before.runMigrations();
    for (const name of ['ann', 'bob smith/nightly', 'cleo', 'dora']) await before.query("INSERT INTO principal (name, kind, active, registered_by, registered_at) VALUES ($1, 'person', $2, 'x', now())", [name, name === 'cleo']);
    const ledger = new AuditLedger(before);
    for (const [leaver, by] of [['ann', 'cleo'], ['ann', 'bob smith/nightly'], ['bob smith/nightly', 'cleo']] as const) {
      await ledger.append(before.manager, { at: new Date(), actor: 'boss', action: 'person.replaced', model: null, subject: `person/${leaver}`, details: { by, reason: 'x', findings: 0, models: [] } });
    }
    for (const [action, details] of [['person.replaced', { by: 'cleo' }], ['person.activated', { reason: 'x' }]] as const) await ledger.append(before.manager, { at: new Date(), actor: 'boss', action, model: null, subject: 'person/dora', details });
    await before.destroy();
    await migrate(server.ownerDatabaseUrl);
    await grantAppRole(server.ownerDatabaseUrl);
    const after = await registryDataSource({ url: server.databaseUrl, poolSize: 1 }).initialize();
    expect(await after.query('SELECT name, number, successor, replaced_by FROM person_replacement ORDER BY name, number')).toEqual([
      { name: 'ann', number: 1, successor: 'cleo', replaced_by: 'boss' }, { name: 'ann', number: 2, successor: 'bob smith/nightly', replaced_by: 'boss' }, { name: 'bob smith/nightly', number: 1, successor: 'cleo', replaced_by: 'boss' },
      { name: 'dora', number: 1, successor: 'cleo', replaced_by: 'boss' }, { name: 'dora', number: 2, successor: null, replaced_by: 'boss' },
    ]);
    expect(await namedNow(after.manager, 'dora')).toEqual({ name: 'dora', deactivated: true });
    expect(await namedNow(after.manager, 'ann')).toEqual({ name: 'cleo', deactivated: false });
    await after.destroy();
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

it('an upgrade locks nobody out who had a key, and makes nobody more than they were', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-upgrade-'));
  prepareStateFolder(folder);
  const server = await startPostgres({ stateDir: folder, preferredPort: 15_632, log: () => undefined });
  try {
    const before = await new DataSource({ ...registryDataSource({ url: server.ownerDatabaseUrl, poolSize: 1 }).options, migrations: MIGRATIONS.slice(0, PEOPLE) }).initialize();
    await before.runMigrations();
    for (const [actor, key, revokedAt] of [['ann', 'per_a', null], ['ann', 'per_b', new Date()], ['bob smith/nightly', 'per_c', null], ['perennial', 'per_d', null]] as const) {
      await before.query('INSERT INTO api_key (id, actor, hash, created_at, revoked_at) VALUES ($1, $2, $3, now(), $4)', [randomUUID(), actor, createHash('sha256').update(key).digest(), revokedAt]);
    }
    await before.destroy();
    expect(await migrate(server.ownerDatabaseUrl)).toContain('People1763818000000');
    await grantAppRole(server.ownerDatabaseUrl);

    const after = await registryDataSource({ url: server.databaseUrl, poolSize: 1 }).initialize();
    const callers = new CallersRepository(after, new AuditLedger(after));
    for (const [key, name] of [['per_a', 'ann'], ['per_c', 'bob smith/nightly'], ['per_d', 'perennial-key']] as const) {
      const caller = await callers.byKey(key);
      expect(caller).toMatchObject({ name, active: true });
      expect(caller?.grants.map(({ role, model }) => `${role} ${model}`).sort()).toEqual(['auditor *', 'owner *']);
    }
    expect(await callers.byKey('per_b')).toBeNull();
    await expect(after.query("INSERT INTO principal (name, kind, active, registered_by, registered_at) VALUES ('perennial', 'person', true, 'x', now())")).rejects.toThrow(/principal_not_reserved/);
    await after.destroy();
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
