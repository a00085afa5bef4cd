import type { DataSource } from 'typeorm';
import { AuditLedger } from './audit-ledger.js';
import { registryDataSource } from './data-source.js';
import { equip, type KeyHolder } from './people-turn.js';

/** Brings the schema up to date, as the owner of the tables. @returns the names of the migrations that ran. */
export const migrate = (ownerDatabaseUrl: string): Promise<string[]> =>
  asOwner(ownerDatabaseUrl, async (owner) => (await owner.runMigrations()).map(({ name }) => name));

/**
 * Makes an API key for each, as the owner of the tables, who needs no administrator's leave. A name that is not known is registered as a person, or as a service that shall be nothing else, or as what is said.
 * @returns the keys in their order; they cannot be read again
 * @throws PerennialError `InvalidRequest` for a new name without roles, `PeopleConflict`
 */
export const makeApiKeys = (ownerDatabaseUrl: string, holders: readonly KeyHolder[]): Promise<string[]> =>
  asOwner(ownerDatabaseUrl, (owner) => owner.transaction(async (manager) => {
    const keys: string[] = [];
    for (const holder of holders) keys.push((await equip(manager, new AuditLedger(owner), holder, new Date())).key);
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
