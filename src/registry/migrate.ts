import type { DataSource } from 'typeorm';
import type { Role } from '../contracts/roles.js';
import { AuditLedger } from './audit-ledger.js';
import { registryDataSource } from './data-source.js';
import { equipService } from './people-turn.js';

/** Brings the schema up to date, as the owner of the tables. @returns the names of the migrations that ran. */
export const migrate = (ownerDatabaseUrl: string): Promise<string[]> =>
  asOwner(ownerDatabaseUrl, async (owner) => (await owner.runMigrations()).map(({ name }) => name));

/** A service, or somebody who is registered already, and the roles for all models that it shall have. */
export interface KeyHolder {
  readonly name: string;
  readonly roles: readonly Role[];
}

/**
 * Makes an API key for each, as the owner of the tables, who needs no administrator's leave. A name that is not known is registered as a service.
 * @returns the keys in their order; they cannot be read again
 * @throws PerennialError `InvalidRequest` for a new name without roles, `PeopleConflict`
 */
export const makeApiKeys = (ownerDatabaseUrl: string, holders: readonly KeyHolder[]): Promise<string[]> =>
  asOwner(ownerDatabaseUrl, (owner) => owner.transaction(async (manager) => {
    const keys: string[] = [];
    for (const { name, roles } of holders) keys.push((await equipService(manager, new AuditLedger(owner), name, roles, new Date())).key);
    return keys;
  }));

async function asOwner<T>(url: string, work: (owner: DataSource) => Promise<T>): Promise<T> {
  const owner = await registryDataSource({ url, poolSize: 1 }).initialize();
  try {
    return await work(owner);
  } finally {
    await owner.destroy();
  }
}
