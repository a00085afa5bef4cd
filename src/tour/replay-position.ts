import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeResult } from './tour-result.js';

const FILE = join('var', 'demo', 'release-position.json');

/** Which release's traffic was played, and up to where, so that a tour that was cut off plays no flight twice. */
interface Position {
  readonly release: string;
  readonly playedUntilMs: number;
}

/** @returns where the next tick begins; undefined where nothing of this release was played */
export async function readPosition(release: string): Promise<number | undefined> {
  const text = await readFile(FILE, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const position = JSON.parse(text) as Position;
  return position.release === release ? position.playedUntilMs : undefined;
}

export const writePosition = (release: string, playedUntilMs: number): Promise<void> => writeResult(FILE, { release, playedUntilMs } satisfies Position);
