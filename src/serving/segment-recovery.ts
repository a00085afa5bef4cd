import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { PerennialError } from '../contracts/failures.js';
import type { SegmentHeader } from '../observations/segment-frames.js';
import { SegmentReader } from '../observations/segment-reader.js';
import type { GatewayLog } from './gateway-log.js';
import { type SegmentFacts, SegmentTally } from './segment-facts.js';
import { flushFolder, maybeAlive, OPEN, SEALED, type SegmentFile, segmentsIn } from './segment-folder.js';

export interface SegmentScan {
  /** Undefined where the file ends before it. */
  readonly header: SegmentHeader | undefined;
  readonly facts: SegmentFacts;
  readonly wholeBytes: number;
  readonly tornBytes: number;
  /** Where something in the middle was changed; the facts are of what stands before. */
  readonly damage: { readonly position: number; readonly reason: string } | null;
}

/** Reads a segment to its end, or to where it is damaged. @throws the error of the file system */
export async function scanSegment(path: string): Promise<SegmentScan> {
  const reader = new SegmentReader(path);
  const tally = new SegmentTally();
  let damage: SegmentScan['damage'] = null;
  try {
    for await (const entries of reader.entries()) for (const entry of entries) tally.add(entry);
  } catch (error) {
    if (!(error instanceof PerennialError) || error.type !== 'SegmentDamaged') throw error;
    damage = { position: Number(error.details['position']), reason: String(error.details['reason']) };
  }
  const { header, wholeBytes, tornBytes } = reader;
  return { header, facts: tally.facts(), wholeBytes, tornBytes, damage };
}

/** The header alone; undefined where there is none that can be read. */
export async function headerOf(path: string): Promise<SegmentHeader | undefined> {
  const reader = new SegmentReader(path, 64 * 1024);
  try {
    for await (const _ of reader.entries()) break;
  } catch (error) {
    if (!(error instanceof PerennialError)) throw error;
  }
  return reader.header;
}

/**
 * Seals the segments that processes which are gone left open: each is cut after its last whole frame. What stands behind
 * damage in the middle goes to a file beside it, for a person to look at.
 * @param quietMs see {@link maybeAlive}
 */
export async function sealLeftovers(folder: string, ownBoot: string, quietMs: number, log: GatewayLog): Promise<void> {
  for (const file of segmentsIn(folder)) {
    if (file.state !== OPEN || file.boot === ownBoot) continue;
    const header = await headerOf(file.path);
    // Without a header nobody can tell whose it is; a writer puts header and first frames there in one go.
    if (header ? maybeAlive(header.writer, file.changedAtMs, quietMs) : Date.now() - file.changedAtMs < quietMs) continue;
    await sealLeftover(folder, file, log);
  }
}

async function sealLeftover(folder: string, file: SegmentFile, log: GatewayLog): Promise<void> {
  const scan = await scanSegment(file.path);
  const name = file.path.slice(folder.length + 1);
  if (scan.damage) {
    log.error({ segment: name, ...scan.damage }, 'A segment that an earlier start left is damaged; what stands before is kept, the rest lies beside it');
    await pipeline(createReadStream(file.path, { start: scan.wholeBytes }), createWriteStream(`${file.path.slice(0, -OPEN.length)}.damaged`));
  }
  if (!scan.header || scan.facts.observations + scan.facts.mirrored === 0) return rm(file.path, { force: true });
  const handle = await open(file.path, 'r+');
  try {
    await handle.truncate(scan.wholeBytes);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(file.path, `${file.path.slice(0, -OPEN.length)}${SEALED}`);
  await flushFolder(folder);
  log.warn({ segment: name, observations: scan.facts.observations, tornBytes: scan.tornBytes }, 'A segment that an earlier start left open was sealed');
}
