import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';

const LATEST = 'latest';
const CHECKPOINT = /^\d{16}\.checkpoint$/;
const PUBLIC_KEY = /^public-key-[0-9a-f]{8}\.pem$/;

/**
 * Checkpoints outside the database: a file each, named by its size, the last one again as `latest`, and the public key of each key that
 * has signed. A file is whole or not there, also after a lost power.
 */
export class CheckpointFolder {
  private highest: Promise<string | null> | undefined;

  constructor(private readonly folder: string) {}

  /** The newest notes: `latest`, and at the first look also the one of the largest size, in case `latest` was not written any more. */
  async newest(): Promise<string[]> {
    const first = this.highest === undefined;
    this.highest ??= this.largest();
    const notes = await Promise.all([this.read(LATEST), first ? this.highest : null]);
    return [...new Set(notes.filter((note) => note !== null))];
  }

  /** The note that was published last; null where none was. */
  async latest(): Promise<string | null> {
    return this.read(LATEST);
  }

  async publish(size: number, note: string): Promise<void> {
    await this.write(`${String(size).padStart(16, '0')}.checkpoint`, note);
    await this.write(LATEST, note);
  }

  /** Also the keys of before, so that a new one can go on from where they ended. */
  async publicKeys(): Promise<KeyObject[]> {
    const pems = await Promise.all((await this.names()).filter((name) => PUBLIC_KEY.test(name)).map((name) => this.read(name)));
    return pems.filter((pem) => pem !== null).map((pem) => createPublicKey(pem));
  }

  async publishKey(id: string, key: KeyObject): Promise<void> {
    await this.write(`public-key-${id}.pem`, key.export({ type: 'spki', format: 'pem' }) as string);
  }

  private async largest(): Promise<string | null> {
    const name = (await this.names()).filter((found) => CHECKPOINT.test(found)).sort().at(-1);
    return name === undefined ? null : this.read(name);
  }

  private async names(): Promise<string[]> {
    return orNull(readdir(this.folder)).then((names) => names ?? []);
  }

  private read(name: string): Promise<string | null> {
    return orNull(readFile(join(this.folder, name), 'utf8'));
  }

  private async write(name: string, content: string): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const path = join(this.folder, name);
    await synced(`${path}.${process.pid}.new`, 'w', (file) => file.writeFile(content));
    await rename(`${path}.${process.pid}.new`, path);
    await synced(this.folder, 'r', () => Promise.resolve());
  }
}

async function synced(path: string, flags: string, work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>): Promise<void> {
  const file = await open(path, flags);
  try {
    await work(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What is not there is null; any other fault is one. */
async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  return reading.catch((error: unknown) => {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  });
}
