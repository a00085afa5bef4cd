import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

const host = hostname().replaceAll(/[^A-Za-z0-9.-]/g, '-');

/**
 * A scratch folder of this process alone, `<root>/<host>@<pid>`. Those of this machine's processes that are gone are
 * removed first: a killed worker cannot tidy up.
 */
export function claimWorkFolder(root: string): string {
  mkdirSync(root, { recursive: true });
  for (const name of readdirSync(root)) {
    const pid = name.startsWith(`${host}@`) ? Number(name.slice(host.length + 1)) : Number.NaN;
    if (Number.isInteger(pid) && (pid === process.pid || !isAlive(pid))) rmSync(join(root, name), { recursive: true, force: true });
  }
  const own = join(root, `${host}@${process.pid}`);
  mkdirSync(own);
  return own;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
