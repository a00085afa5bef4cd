import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { DATABASE, grantAppRole } from '../src/embedded/postgres-roles.js';
import { startPostgres } from '../src/embedded/postgres-server.js';
import { prepareStateFolder } from '../src/embedded/state-folder.js';
import { type PrincipalKind, type Role, ROLES } from '../src/contracts/roles.js';
import { AuditLedger } from '../src/registry/audit-ledger.js';
import { registryDataSource } from '../src/registry/data-source.js';
import { equip } from '../src/registry/people-turn.js';

/** A PostgreSQL of a test's own, with the registry's schema in it. */
export interface RegistryServer {
  /** As the application, which owns no table. */
  readonly databaseUrl: string;
  /** Connected as the application. */
  readonly dataSource: DataSource;
  readonly folder: string;
  /** A key of an actor who has the roles for all models: every role where none is named. Who is not known is registered as a person, or as what is said. */
  apiKey(actor: string, roles?: readonly Role[], as?: PrincipalKind): Promise<string>;
  /** Works as the owner of the tables. */
  asOwner<T>(work: (owner: DataSource) => Promise<T>): Promise<T>;
  /** The same database as the superuser, whom nothing stops. */
  readonly superuserUrl: string;
  /** Ends PostgreSQL as a crash would. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRegistryServer(): Promise<RegistryServer> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-registry-'));
  prepareStateFolder(folder);
  const server = await startPostgres({ stateDir: folder, preferredPort: 15_432, log: () => undefined });
  const owner = await registryDataSource({ url: server.ownerDatabaseUrl, poolSize: 2 }).initialize();
  await owner.runMigrations();
  await grantAppRole(server.ownerDatabaseUrl);
  const dataSource = await registryDataSource({ url: server.databaseUrl, poolSize: 4 }).initialize();
  return {
    databaseUrl: server.databaseUrl,
    dataSource,
    folder,
    superuserUrl: server.adminDatabaseUrl.replace(/[^/]+$/, DATABASE),
    apiKey: (name, roles = ROLES, as) => owner.transaction(async (manager) => (await equip(manager, new AuditLedger(owner), { name, roles, ...(as && { as }) }, new Date())).key),
    asOwner: (work) => work(owner),
    crash: () => server.kill(),
    stop: async () => {
      await dataSource.destroy();
      await owner.destroy();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
