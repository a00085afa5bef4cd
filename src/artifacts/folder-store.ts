import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ArtifactRef } from '../contracts/artifacts.js';
import { PerennialError } from '../contracts/failures.js';
import type { ArtifactStore } from './artifact-store.js';
import { fileDigest } from './file-digest.js';

const DIGEST = /^sha256:([0-9a-f]{64})$/;

/**
 * Artifacts in a folder: `<root>/ab/cdef…`. A file is written under a temporary name, flushed and renamed, so that a
 * killed process leaves no half artifact; each is checked against its digest the first time this process reads it.
 */
export class FolderStore implements ArtifactStore {
  private readonly verified = new Set<string>();

  private readonly root: string;

  constructor(root: string) {
    this.root = resolve(root);
  }

  async putFile(path: string): Promise<ArtifactRef> {
    return this.put((target) => copyAndHash(createReadStream(path), target));
  }

  async putBytes(bytes: string | Uint8Array): Promise<ArtifactRef> {
    const content = Buffer.from(bytes as Uint8Array);
    return this.put(async (target) => {
      const file = await open(target, 'wx');
      await file.writeFile(content).finally(() => file.close());
      return { hex: createHash('sha256').update(content).digest('hex'), bytes: content.byteLength };
    });
  }

  async putStream(bytes: AsyncIterable<Uint8Array>): Promise<ArtifactRef> {
    return this.put((target) => copyAndHash(Readable.from(bytes, { objectMode: false }), target));
  }

  async localPath(digest: string): Promise<string> {
    const path = this.pathOf(digest);
    const found = await stat(path).catch(() => undefined);
    if (!found) throw new PerennialError('ArtifactMissing', `${digest} is not in the artifact store`, { digest });
    if (!this.verified.has(digest)) await this.verify(digest, path);
    return path;
  }

  async readBytes(digest: string): Promise<Buffer> {
    return readFile(await this.localPath(digest));
  }

  private async put(write: (target: string) => Promise<{ hex: string; bytes: number }>): Promise<ArtifactRef> {
    const incoming = join(this.root, 'incoming');
    await mkdir(incoming, { recursive: true });
    const temporary = join(incoming, randomUUID());
    try {
      const { hex, bytes } = await write(temporary);
      const digest = `sha256:${hex}`;
      await flush(temporary);
      const target = this.pathOf(digest);
      await mkdir(dirname(target), { recursive: true });
      await rename(temporary, target);
      await flush(dirname(target));
      this.verified.add(digest);
      return { digest, bytes };
    } finally {
      await rm(temporary, { force: true });
    }
  }

  private async verify(digest: string, path: string): Promise<void> {
    const actual = await fileDigest(path);
    if (actual !== digest) {
      throw new PerennialError('ArtifactCorrupt', `The artifact ${digest} holds other bytes (${actual}); restore it from a backup`, { digest, actual });
    }
    this.verified.add(digest);
  }

  private pathOf(digest: string): string {
    return artifactPath(this.root, digest);
  }
}

/** Where a digest's bytes are below the folder. @throws PerennialError `ArtifactMissing` where it is no digest */
export function artifactPath(root: string, digest: string): string {
  const hex = DIGEST.exec(digest)?.[1];
  if (!hex) throw new PerennialError('ArtifactMissing', `${JSON.stringify(digest)} is not a digest`, { digest });
  return join(root, hex.slice(0, 2), hex.slice(2));
}

async function copyAndHash(source: Readable, target: string): Promise<{ hex: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      done(null, chunk);
    },
  });
  await pipeline(source, tap, createWriteStream(target, { flags: 'wx' }));
  return { hex: hash.digest('hex'), bytes };
}

/** A file's bytes, or a folder's entries, reach the disk before we speak of them. */
async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}
