import type { DataSource } from 'typeorm';
import { createApiKey } from './api-keys.repository.js';
import { registryDataSource } from './data-source.js';

/** Brings the schema up to date, as the owner of the tables. @returns the names of the migrations that ran. */
export const migrate = (ownerDatabaseUrl: string): Promise<string[]> =>
  asOwner(ownerDatabaseUrl, async (owner) => (await owner.runMigrations()).map(({ name }) => name));

/** Makes an API key for an actor. @returns the key; it cannot be read again. */
export const makeApiKey = (ownerDatabaseUrl: string, actor: string): Promise<string> =>
  asOwner(ownerDatabaseUrl, (owner) => createApiKey(owner, actor, new Date()));

async function asOwner<T>(url: string, work: (owner: DataSource) => Promise<T>): Promise<T> {
  const owner = await registryDataSource({ url, poolSize: 1 }).initialize();
  try {
    return await work(owner);
  } finally {
    await owner.destroy();
  }
}
