import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract, type Header, pack, type Pack } from 'tar-stream';
import { PerennialError } from '../contracts/failures.js';

const CHUNK = 1 << 20;

/** A file on its way into an archive. */
export interface TarEntry {
  /** With `/`. */
  readonly name: string;
  /** Where its bytes are; or the bytes. */
  readonly from: string | Buffer;
  readonly bytes: number;
}

/**
 * The entries as a tar file (POSIX ustar, with a pax header where a name or a size needs one), which `tar` unpacks anywhere: plain files, owned by nobody, at 1970,
 * so that the same entries make the same bytes.
 * @throws Error where a file does not have the bytes that were said
 */
export async function* tarOf(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  const tar = pack();
  const filled = fill(tar, entries).catch((error: unknown) => { tar.destroy(error as Error); });
  yield* tar as AsyncIterable<Uint8Array>;
  await filled;
}

async function fill(tar: Pack, entries: Iterable<TarEntry>): Promise<void> {
  for (const { name, from, bytes } of entries) {
    const entry = tar.entry({ name, size: bytes, mtime: new Date(0), mode: 0o644, uid: 0, gid: 0, type: 'file' });
    await pipeline(Buffer.isBuffer(from) ? [from] : createReadStream(from, { highWaterMark: CHUNK }), entry);
  }
  tar.finalize();
}

/**
 * Unpacks a tar file of plain files into a folder. @returns the names in their order
 * @throws PerennialError `ArtifactCorrupt` where it is none, was cut off, or names a place outside
 */
export async function unpackTar(path: string, folder: string): Promise<string[]> {
  const names: string[] = [];
  const tar = extract();
  const read = pipeline(createReadStream(path, { highWaterMark: CHUNK }), tar);
  read.catch(() => undefined);
  try {
    for await (const entry of tar) {
      const target = join(folder, inside(entry.header));
      await mkdir(dirname(target), { recursive: true });
      await pipeline(entry, createWriteStream(target, { flags: 'wx' }));
      names.push(entry.header.name);
    }
    await read;
    return names;
  } catch (error) {
    throw new PerennialError('ArtifactCorrupt', `The archive ${path} cannot be unpacked: ${(error as Error).message}`);
  }
}

/** @throws Error for what is no plain file below the folder */
function inside({ name, type }: Header): string {
  if (type !== 'file') throw new Error(`${JSON.stringify(name)} is no plain file`);
  if (name === '' || name.startsWith('/') || normalize(name).startsWith('..')) throw new Error(`${JSON.stringify(name)} is outside of it`);
  return name;
}
