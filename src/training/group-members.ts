import { readdir, readFile } from 'node:fs/promises';

/**
 * Whether a process group has a member that still runs. A zombie does not: it holds nothing, and where nobody reaps
 * (a container without an init process) it stays for ever. Zombies can be told apart on Linux only.
 */
export async function groupRuns(group: number): Promise<boolean> {
  if (!groupExists(group)) return false;
  if (process.platform !== 'linux') return true;
  for (const name of await readdir('/proc')) {
    if (/^\d+$/.test(name) && isRunningMember(await readFile(`/proc/${name}/stat`, 'utf8').catch(() => ''), group)) return true;
  }
  return false;
}

function groupExists(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

/** Reads proc_pid_stat(5): `pid (name) state parent group …`, where the name may hold anything. */
function isRunningMember(stat: string, group: number): boolean {
  const [state, , memberOf] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(memberOf) === group && state !== 'Z' && state !== 'X';
}
