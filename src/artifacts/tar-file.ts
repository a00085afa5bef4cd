import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { PerennialError } from '../contracts/failures.js';

const BLOCK = 512;
const NAME_BYTES = 100;
const SIZE_DIGITS = 11;
const CHUNK = 1 << 20;

/** A file on its way into an archive. */
export interface TarEntry {
  /** At most 100 bytes, with `/`. */
  readonly name: string;
  /** Where its bytes are; or the bytes. */
  readonly from: string | Buffer;
  readonly bytes: number;
}

/**
 * The entries as a tar file (POSIX.1-1988 ustar), which `tar` unpacks anywhere: plain files, owned by nobody, at 1970, so that the same entries make the same bytes.
 * @throws RangeError for a name or a file that the format cannot hold
 */
export async function* tarOf(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for (const { name, from, bytes } of entries) {
    yield header(name, bytes);
    if (Buffer.isBuffer(from)) yield from;
    else yield* createReadStream(from, { highWaterMark: CHUNK });
    yield Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK);
  }
  yield Buffer.alloc(2 * BLOCK);
}

function header(name: string, bytes: number): Buffer {
  const size = bytes.toString(8).padStart(SIZE_DIGITS, '0');
  if (Buffer.byteLength(name) > NAME_BYTES || size.length > SIZE_DIGITS) throw new RangeError(`${name} with ${bytes} bytes does not fit into a tar file`);
  const block = Buffer.alloc(BLOCK);
  const fields: [string, number][] = [[name, 0], ['0000644\0', 100], ['0000000\0', 108], ['0000000\0', 116], [`${size}\0`, 124], [`${'0'.repeat(SIZE_DIGITS)}\0`, 136], [' '.repeat(8), 148], ['0', 156], ['ustar\x0000', 257]];
  for (const [text, at] of fields) block.write(text, at, 'latin1');
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

const checksum = (block: Buffer): number => block.reduce((sum, byte) => sum + byte, 0);

/**
 * Unpacks a tar file that {@link tarOf} made into a folder. @returns the names in their order
 * @throws PerennialError `ArtifactCorrupt` where it is none, was cut off, or names a place outside
 */
export async function unpackTar(path: string, folder: string): Promise<string[]> {
  const file = await open(path, 'r');
  const names: string[] = [];
  try {
    for (let at = 0; ;) {
      const block = await take(file, at, BLOCK, path);
      if (block.every((byte) => byte === 0)) return names;
      const { name, bytes } = entryOf(block, path);
      await copy(file, at + BLOCK, bytes, join(folder, name), path);
      names.push(name);
      at += BLOCK + Math.ceil(bytes / BLOCK) * BLOCK;
    }
  } finally {
    await file.close();
  }
}

type Opened = Awaited<ReturnType<typeof open>>;

function entryOf(block: Buffer, path: string): { name: string; bytes: number } {
  const text = (from: number, length: number): string => block.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  const [name, bytes, sum] = [text(0, NAME_BYTES), parseInt(text(124, SIZE_DIGITS + 1), 8), parseInt(text(148, 8), 8)];
  const blank = Buffer.from(block).fill(' ', 148, 156);
  if (sum !== checksum(blank) || Number.isNaN(bytes)) throw corrupt(path, 'an entry has another checksum');
  if (name === '' || name.startsWith('/') || normalize(name).startsWith('..')) throw corrupt(path, `${JSON.stringify(name)} is outside of it`);
  return { name, bytes };
}

async function copy(from: Opened, start: number, bytes: number, target: string, path: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const to = await open(target, 'wx');
  try {
    for (let done = 0; done < bytes; done += CHUNK) await to.write(await take(from, start + done, Math.min(CHUNK, bytes - done), path));
  } finally {
    await to.close();
  }
}

async function take(file: Opened, at: number, bytes: number, path: string): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
  if (bytesRead < bytes) throw corrupt(path, 'it was cut off');
  return buffer;
}

const corrupt = (path: string, why: string): PerennialError => new PerennialError('ArtifactCorrupt', `The archive ${path} cannot be unpacked: ${why}`);
