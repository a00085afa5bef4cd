import { readFileSync, readdirSync } from 'node:fs';

/** Linux only: what a process and all its descendants hold and have used. */
const PAGE_BYTES = 4_096;
const TICKS_A_SECOND = 100;

export interface TreeSample {
  /** Resident memory of all of them at this moment; pages that two share count twice. */
  readonly rssBytes: number;
  /** Processor time of the root and of its children that have ended. */
  readonly cpuS: number;
}

/** @returns undefined when the process has gone, or where there is no /proc */
export function sampleTree(pid: number): TreeSample | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    // utime, stime, cutime and cstime are fields 14 to 17; the first after the name is 3.
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { rssBytes: rssOf(pid), cpuS: ticks / TICKS_A_SECOND };
  } catch {
    return undefined;
  }
}

function rssOf(pid: number): number {
  try {
    const own = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' '));
    return own + children.filter(Boolean).reduce((sum, child) => sum + rssOf(Number(child)), 0);
  } catch {
    return 0;
  }
}
