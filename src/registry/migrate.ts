import { registryDataSource } from './data-source.js';

/** Brings the schema up to date, as the owner of the tables. @returns the names of the migrations that ran. */
export async function migrate(ownerDatabaseUrl: string): Promise<string[]> {
  const dataSource = await registryDataSource({ url: ownerDatabaseUrl, poolSize: 1 }).initialize();
  try {
    return (await dataSource.runMigrations()).map(({ name }) => name);
  } finally {
    await dataSource.destroy();
  }
}
