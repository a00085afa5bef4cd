// A lock file that its holder's death frees. Plain JavaScript, because the set-up uses it before anything is installed.
import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';

const ATTEMPTS = 5;

/**
 * Takes the lock for this process.
 * @returns {{release: () => void, holder?: undefined} | {holder: number, release?: undefined}} what gives it back, or the
 *   id of the living process that has it (0 when it changes hands too quickly to tell).
 */
export function takeLock(path) {
  const mine = `${path}.${process.pid}`;
  // Made anew, so that a link planted in a folder that all may write to is not followed.
  rmSync(mine, { force: true });
  writeFileSync(mine, JSON.stringify({ pid: process.pid, command: commandLine(process.pid) }), { flag: 'wx' });
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      // A link appears whole or not at all, so nobody reads a lock without its holder.
      if (succeeds(() => linkSync(mine, path))) return { release: () => rmSync(path, { force: true }) };
      const found = read(path);
      if (found !== undefined && holds(found)) return { holder: found.pid ?? 0 };
      if (found !== undefined) removeStale(path, found.text);
    }
    return { holder: 0 };
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Whether a process of that id runs; a zombie that nobody has collected counts as ended. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  return stateOf(pid) !== 'Z';
}

/** The command line of a running process with spaces between the arguments, or '' when it can't be told. */
export function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return process.platform === 'linux' ? '' : askPs(pid, 'command=');
  }
}

function stateOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2];
  } catch {
    return process.platform === 'linux' ? undefined : askPs(pid, 'stat=')[0];
  }
}

function askPs(pid, column) {
  try {
    return execFileSync('ps', ['-ww', '-o', column, '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

/** The command line tells the holder from a process that was later given the same id. */
const holds = ({ pid, command }) => pid !== undefined && isAlive(pid) && commandLine(pid) === command;

function read(path) {
  try {
    const text = readFileSync(path, 'utf8');
    try {
      return { text, ...JSON.parse(text) };
    } catch {
      return { text };
    }
  } catch {
    return undefined;
  }
}

/** A process that is killed while it removes a lock leaves this behind. */
const REMOVED_WITHIN_MS = 10_000;

/**
 * Of several that find the same stale lock only one may remove it, and only while it is still that one: another may have removed it
 * and taken the lock meanwhile. Nobody else can take away what is there while it looks again.
 */
function removeStale(path, text) {
  const removing = `${path}.removing`;
  if (!succeeds(() => writeFileSync(removing, '', { flag: 'wx' }))) {
    succeeds(() => {
      if (Date.now() - statSync(removing).mtimeMs > REMOVED_WITHIN_MS) rmSync(removing, { force: true });
    });
    return;
  }
  try {
    if (read(path)?.text === text) rmSync(path, { force: true });
  } finally {
    rmSync(removing, { force: true });
  }
}

function succeeds(work) {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
