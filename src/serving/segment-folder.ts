import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { SegmentWriter } from '../observations/segment-frames.js';

export const OPEN = '.open';
export const SEALED = '.sealed';
const NAME = /^(?<boot>[A-Za-z0-9-]{1,64})\.(?<segment>\d{8,})(?<state>\.open|\.sealed)$/;

/** A segment's file, by its name. */
export interface SegmentFile {
  readonly path: string;
  readonly boot: string;
  readonly segment: number;
  readonly state: typeof OPEN | typeof SEALED;
  readonly bytes: number;
  readonly changedAtMs: number;
}

/** The folder of one gateway's segments below the folder of all of this machine. */
export const gatewayFolder = (root: string, gateway: string): string => join(root, `gateway-${encodeURIComponent(gateway)}`);

/** The folders of gateways below `root`. */
export function gatewayFolders(root: string): string[] {
  mkdirSync(root, { recursive: true });
  return readdirSync(root).filter((name) => name.startsWith('gateway-')).map((name) => join(root, name));
}

export const segmentPath = (folder: string, boot: string, segment: number, state: string): string =>
  join(folder, `${boot}.${String(segment).padStart(8, '0')}${state}`);

/** The segments that lie in a folder, by boot and number. Whatever else lies there is left alone. */
export function segmentsIn(folder: string): SegmentFile[] {
  const files = readdirSync(folder).sort().map((name) => {
    const groups = NAME.exec(name)?.groups;
    const stat = groups && statSync(join(folder, name), { throwIfNoEntry: false });
    if (!groups || !stat) return undefined;
    const { boot = '', segment = '', state } = groups;
    return { path: join(folder, name), boot, segment: Number(segment), state: state as SegmentFile['state'], bytes: stat.size, changedAtMs: stat.mtimeMs };
  });
  return files.filter((file) => file !== undefined);
}

/** Bytes of everything in a folder, damaged remains too. */
export function bytesIn(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder)) bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

/** The entries of a folder reach the disk. */
export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** When a process began, in ticks since the machine did (proc(5), field 22); null where the system does not tell. */
function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field, the command, may hold spaces and brackets.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

export const thisWriter = (): SegmentWriter => ({ host: hostname(), pid: process.pid, started: processStart(process.pid) });

/**
 * Whether a segment's writer may still be writing. On another host nobody can look, so there an open segment counts as
 * left only when it has not changed for `quietMs`, which is much longer than a living writer leaves one open.
 */
export function maybeAlive(writer: SegmentWriter, changedAtMs: number, quietMs: number): boolean {
  if (writer.host !== hostname()) return Date.now() - changedAtMs < quietMs;
  try {
    process.kill(writer.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return writer.started === null || processStart(writer.pid) === writer.started;
}
