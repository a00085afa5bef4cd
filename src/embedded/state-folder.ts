import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { takeLock } from '#embedded/pid-lock.mjs';
import { PerennialError } from '../contracts/failures.js';

/** Passwords of one embedded PostgreSQL, and what tells its data from another's. */
export interface Secrets {
  readonly instance: string;
  readonly superuser: string;
  readonly owner: string;
  readonly application: string;
}

/** Makes the folder, closed to others; as root they may pass, because PostgreSQL runs as another user below it. */
export function prepareStateFolder(stateDir: string): void {
  mkdirSync(join(stateDir, 'logs'), { recursive: true });
  chmodSync(stateDir, process.getuid?.() === 0 ? 0o711 : 0o700);
}

/** Reads `<stateDir>/secrets.json`, or makes it with random passwords, readable by its owner alone. */
export function loadSecrets(stateDir: string): { secrets: Secrets; fresh: boolean } {
  const path = join(stateDir, 'secrets.json');
  if (existsSync(path)) return { secrets: JSON.parse(readFileSync(path, 'utf8')) as Secrets, fresh: false };
  const word = (): string => randomBytes(24).toString('hex');
  const secrets = { instance: randomBytes(8).toString('hex'), superuser: word(), owner: word(), application: word() };
  writeFileSync(`${path}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return { secrets, fresh: true };
}

/**
 * Takes the folder for this process. Two instances on one folder would run two servers on the same files.
 * @returns what gives it back.
 * @throws PerennialError `ConfigurationInvalid` when a living process holds it.
 */
export function lockStateFolder(stateDir: string): () => void {
  const { release, holder } = takeLock(join(stateDir, 'embedded.lock'));
  if (release) return release;
  throw new PerennialError('ConfigurationInvalid', `Process ${holder} already runs PostgreSQL and Temporal in ${stateDir}; stop it (Ctrl-C there, or kill ${holder}), or choose another folder`, { pid: holder, stateDir });
}
