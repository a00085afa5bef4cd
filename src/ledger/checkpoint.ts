import type { KeyObject } from 'node:crypto';
import { PerennialError } from '../contracts/failures.js';
import { HASH_BYTES, type TreeHead } from './merkle-tree.js';
import { openNote, signedNote } from './signed-note.js';

/** The tree at a time, as it is signed (c2sp.org/tlog-checkpoint): origin, size, root in Base64, and a line `time <ISO 8601>`. */
export interface Checkpoint extends TreeHead {
  /** Names the ledger, and the key that signs for it. */
  readonly origin: string;
  readonly at: Date;
}

const MAX_SIZE = /^(?:0|[1-9]\d{0,15})$/;
const TIME = /^time (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/;

export const signedCheckpoint = ({ origin, size, root, at }: Checkpoint, key: KeyObject): string =>
  signedNote(`${origin}\n${size}\n${root.toString('base64')}\ntime ${at.toISOString()}\n`, origin, key);

/**
 * Reads a checkpoint and checks its signature.
 * @param origin where given, it must be this ledger's
 * @throws PerennialError `CheckpointInvalid`, saying what is wrong
 */
export function openCheckpoint(note: string, key: KeyObject, origin = note.slice(0, note.indexOf('\n'))): Checkpoint {
  const [named = '', size = '', root = '', time = '', ...rest] = openNote(note, origin, key).split('\n');
  if (named !== origin) throw invalid(`It is of the ledger ${named}, not of ${origin}`);
  if (!MAX_SIZE.test(size)) throw invalid(`Its second line must be the number of entries, not ${JSON.stringify(size.slice(0, 40))}`);
  const hash = Buffer.from(root, 'base64');
  if (hash.length !== HASH_BYTES || hash.toString('base64') !== root) throw invalid('Its third line must be a root: 32 bytes in Base64');
  const at = new Date(TIME.exec(time)?.[1] ?? Number.NaN);
  if (Number.isNaN(at.getTime()) || rest.length !== 1) throw invalid('Its fourth and last line must be `time` and an ISO 8601 time in UTC with milliseconds');
  return { origin, size: Number(size), root: hash, at };
}

const invalid = (message: string): PerennialError => new PerennialError('CheckpointInvalid', message);
