import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PerennialError } from '../contracts/failures.js';
import { commandLine, isAlive } from './processes.js';

/** Passwords of one embedded PostgreSQL, and what tells its data from another's. */
export interface Secrets {
  readonly instance: string;
  readonly superuser: string;
  readonly owner: string;
  readonly application: string;
}

/** Makes the folder; as root it stays traversable, because PostgreSQL runs as another user below it. */
export function prepareStateFolder(stateDir: string): void {
  mkdirSync(join(stateDir, 'logs'), { recursive: true });
  if (process.getuid?.() === 0) chmodSync(stateDir, 0o711);
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
  const path = join(stateDir, 'embedded.lock');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      const file = openSync(path, 'wx', 0o600);
      writeFileSync(file, JSON.stringify({ pid: process.pid, command: commandLine(process.pid) }));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      refuseIfHeld(path, stateDir);
      rmSync(path, { force: true });
    }
  }
  throw new PerennialError('ConfigurationInvalid', `${path} keeps coming back; another start is under way, try again when it is done`);
}

function refuseIfHeld(path: string, stateDir: string): void {
  const holder = parseHolder(path);
  // The command line tells a holder from a process that was later given the same id.
  if (!holder || !isAlive(holder.pid) || commandLine(holder.pid) !== holder.command) return;
  throw new PerennialError('ConfigurationInvalid', `Process ${holder.pid} already runs PostgreSQL and Temporal in ${stateDir}; stop it (Ctrl-C there, or kill ${holder.pid}), or choose another folder`, { pid: holder.pid, stateDir });
}

function parseHolder(path: string): { pid: number; command: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { pid: number; command: string };
  } catch {
    return undefined;
  }
}
