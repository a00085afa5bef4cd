import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeApiKey } from '../registry/migrate.js';

const pathOf = (stateDir: string): string => join(stateDir, 'local-api-key');

/** The key that the CLI uses against the local instance; undefined where none was made yet. */
export const readLocalApiKey = (stateDir: string): string | undefined =>
  existsSync(pathOf(stateDir)) ? readFileSync(pathOf(stateDir), 'utf8').trim() : undefined;

/** Makes the local key at the first start. @returns it when it is new, so that it can be shown once. */
export async function ensureLocalApiKey(stateDir: string, ownerDatabaseUrl: string, actor: string): Promise<string | undefined> {
  if (readLocalApiKey(stateDir)) return undefined;
  const key = await makeApiKey(ownerDatabaseUrl, actor);
  writeFileSync(`${pathOf(stateDir)}.new`, `${key}\n`, { mode: 0o600 });
  renameSync(`${pathOf(stateDir)}.new`, pathOf(stateDir));
  return key;
}
