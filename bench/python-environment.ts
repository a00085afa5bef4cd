import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The virtual environment of a peer, made once.
 * @returns its interpreter. @throws when Python or its package index is not to be had
 */
export async function pythonEnvironment(folder: string, requirements: string): Promise<string> {
  const environment = join(folder, 'python');
  const python = join(environment, 'bin', 'python');
  if (existsSync(python)) return python;
  mkdirSync(folder, { recursive: true });
  console.log(`Installing the packages of ${requirements} under ${environment} (once, a minute or so) …`);
  try {
    await run('python3', ['-m', 'venv', environment]);
    await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements], { maxBuffer: 1 << 26 });
    return python;
  } catch (error) {
    // Half an environment would pass for a whole one the next time.
    rmSync(environment, { recursive: true, force: true });
    throw error;
  }
}
