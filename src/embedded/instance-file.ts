import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine, isAlive } from '#embedded/pid-lock.mjs';

/** Where a running instance answers; without secrets, so that any tool of the same user may read it. */
export interface Instance {
  readonly apiUrl: string;
  readonly gatewayUrl: string;
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
  readonly temporalUiUrl?: string;
}

export interface RunningInstance extends Instance {
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
}

interface Entry extends RunningInstance {
  /** Tells the process from another that was later given the same id. */
  readonly command: string;
}

const pathOf = (stateDir: string): string => join(stateDir, 'instance.json');

/** Makes this process's instance known to the CLI. */
export function writeInstance(stateDir: string, instance: Instance, startedAt: string): void {
  const entry: Entry = { ...instance, pid: process.pid, startedAt, command: commandLine(process.pid) };
  const incoming = `${pathOf(stateDir)}.new`;
  writeFileSync(incoming, `${JSON.stringify(entry, null, 2)}\n`, { mode: 0o600 });
  renameSync(incoming, pathOf(stateDir));
}

/** The instance that runs from this folder; undefined when there is none or its process has ended. */
export function readInstance(stateDir: string): RunningInstance | undefined {
  if (!existsSync(pathOf(stateDir))) return undefined;
  const { command, ...instance } = JSON.parse(readFileSync(pathOf(stateDir), 'utf8')) as Entry;
  return isAlive(instance.pid) && commandLine(instance.pid) === command ? instance : undefined;
}

export function removeInstance(stateDir: string): void {
  rmSync(pathOf(stateDir), { force: true });
}
