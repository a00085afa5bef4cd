import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { expect, it } from 'vitest';
import { startPostgres } from '../../src/embedded/postgres-server.js';
import { prepareStateFolder } from '../../src/embedded/state-folder.js';
import { MIGRATIONS, registryDataSource } from '../../src/registry/data-source.js';
import { migrate } from '../../src/registry/migrate.js';

const DEPRECATED = MIGRATIONS.findIndex(({ name }) => name.startsWith('DeprecatedRoutings'));

it('an upgrade calls a model deprecated that still answers, as a revision that gateways see', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-upgrade-'));
  prepareStateFolder(folder);
  const server = await startPostgres({ stateDir: folder, preferredPort: 15_832, log: () => undefined });
  try {
    const before = await new DataSource({ ...registryDataSource({ url: server.ownerDatabaseUrl, poolSize: 1 }).options, migrations: MIGRATIONS.slice(0, DEPRECATED) }).initialize();
    await before.runMigrations();
    // The routings alone: what they belong to has no part in it.
    await before.query('ALTER TABLE routing DROP CONSTRAINT routing_model');
    for (const [model, service] of [['leaving', { state: 'retiring', replacement: 'n' }], ['gone', { state: 'retired', replacement: null }], ['here', null]] as const) {
      await before.query(
        `INSERT INTO routing (model, deployment, revision, epoch, challengers, weights, salt, paused, changed_at, retirement) VALUES ($1, 'default', 7, 1, '{}', '{}', 's', false, now(), $2)`,
        [model, service && JSON.stringify(service)],
      );
    }
    await before.destroy();
    expect(await migrate(server.ownerDatabaseUrl)).toContain('DeprecatedRoutings1763838000000');
    const after = await registryDataSource({ url: server.ownerDatabaseUrl, poolSize: 1 }).initialize();
    expect(await after.query('SELECT model, revision::integer, retirement FROM routing ORDER BY model')).toEqual([
      { model: 'gone', revision: 7, retirement: { state: 'retired', replacement: null } }, { model: 'here', revision: 7, retirement: null },
      { model: 'leaving', revision: 8, retirement: { state: 'deprecated', replacement: 'n' } },
    ]);
    await after.destroy();
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
