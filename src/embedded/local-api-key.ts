import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Role, ROLES } from '../contracts/roles.js';
import { makeApiKeys } from '../registry/migrate.js';
import type { KeyHolder } from '../registry/people-turn.js';

/** A key that was made by this start. */
export interface LocalKey extends KeyHolder {
  readonly key: string;
}

const pathOf = (stateDir: string): string => join(stateDir, 'local-api-key');
const usersPathOf = (stateDir: string): string => join(stateDir, 'local-user-keys.json');

/** The key that the CLI uses against the local instance; undefined where none was made yet. */
export const readLocalApiKey = (stateDir: string): string | undefined =>
  existsSync(pathOf(stateDir)) ? readFileSync(pathOf(stateDir), 'utf8').trim() : undefined;

/** The key of a local user, who is named as the one role that they have; undefined where there is no such. */
export function readLocalUserKey(stateDir: string, user: string): string | undefined {
  if (!existsSync(usersPathOf(stateDir))) return undefined;
  const keys = JSON.parse(readFileSync(usersPathOf(stateDir), 'utf8')) as Readonly<Record<string, string>>;
  return Object.hasOwn(keys, user) ? keys[user] : undefined;
}

/** What whoever runs it may do without being somebody else. Approvals take others; so does managing people. */
const OWN_ROLES: readonly Role[] = ['owner', 'auditor'];

/**
 * Makes, at the first start, a key for whoever runs it and a local user with a key for each role: persons, but for the one who is a service.
 * @returns those that are new, so that they can be shown once
 */
export async function ensureLocalKeys(stateDir: string, ownerDatabaseUrl: string, actor: string): Promise<LocalKey[]> {
  const own = readLocalApiKey(stateDir) ? [] : [{ name: actor, roles: OWN_ROLES }];
  const users = existsSync(usersPathOf(stateDir)) ? [] : ROLES.map((role) => ({ name: role, roles: [role] }));
  const holders: KeyHolder[] = [...own, ...users];
  if (holders.length === 0) return [];
  const made = await makeApiKeys(ownerDatabaseUrl, holders);
  const keys = holders.map((holder, index) => ({ ...holder, key: made[index] as string }));
  if (own.length > 0) keep(pathOf(stateDir), `${keys[0]?.key ?? ''}\n`);
  if (users.length > 0) keep(usersPathOf(stateDir), `${JSON.stringify(Object.fromEntries(keys.slice(own.length).map(({ name, key }) => [name, key])), null, 2)}\n`);
  return keys;
}

/** Whole or not at all, and readable by its owner alone. */
function keep(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
