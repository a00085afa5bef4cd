import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, mkdirSync, openSync, readSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { flushFolder, OPEN, SEALED, segmentPath } from './segment-folder.js';
import { SegmentTally } from './segment-facts.js';

const flush = promisify(fdatasync);
const COPY_BYTES = 1024 * 1024;

/** The segment that is being written. What {@link write} returned from is in the file, whole. */
export class OpenSegment {
  readonly tally = new SegmentTally();
  readonly openedAtMs = Date.now();
  /** The same moment on a clock that never jumps. */
  readonly sinceMs = performance.now();
  bytes = 0;
  /** Whether the tally counts what is in the file and nothing else. */
  exact = true;
  private readonly path: string;
  private file: number;
  private flushing: Promise<void> | undefined;
  private closed = false;
  private unflushed = false;
  private folderKnows = false;

  /** @throws the error of the file system; also where the file is there already */
  constructor(private readonly folder: string, readonly boot: string, readonly segment: number) {
    this.path = segmentPath(folder, boot, segment, OPEN);
    mkdirSync(folder, { recursive: true });
    this.file = openSync(this.path, 'ax+');
  }

  /** Whether it has its final name. */
  get sealed(): boolean {
    return this.closed;
  }

  /** Adds bytes at the end, all of them or, after a failure, none. @throws the error of the file system */
  write(bytes: Buffer, flushNow: boolean): void {
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.file, bytes, written);
      if (flushNow) fdatasyncSync(this.file);
    } catch (error) {
      this.rewind();
      throw error;
    }
    this.bytes += bytes.length;
    this.unflushed = !flushNow;
  }

  /** What was written reaches the disk, and the file's name too. @throws the error of the file system */
  async flush(): Promise<void> {
    if (this.flushing || (!this.unflushed && this.folderKnows)) return;
    this.unflushed = false;
    const flushing = this.flushBoth();
    this.flushing = flushing.catch(() => undefined).finally(() => (this.flushing = undefined));
    await flushing;
  }

  /** Flushes and closes the file and gives it its final name; again after a failure. @returns its path @throws the error of the file system */
  async seal(): Promise<string> {
    await this.flushing;
    const sealed = segmentPath(this.folder, this.boot, this.segment, SEALED);
    if (!this.closed) {
      await flush(this.file);
      await this.rename(sealed);
      this.closed = true;
      closeSync(this.file);
    }
    await flushFolder(this.folder);
    return sealed;
  }

  /** Removes a segment that holds nothing; where the disk refuses that too, the next start does. */
  discard(): void {
    try {
      closeSync(this.file);
      unlinkSync(this.path);
    } catch {
      // An empty file is no segment.
    }
  }

  private async rename(sealed: string): Promise<void> {
    try {
      renameSync(this.path, sealed);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await this.restore();
      renameSync(this.path, sealed);
    }
  }

  /** Somebody removed the file or its folder; what was written is there as long as it is open, and is written once more. @throws the error of the file system */
  private async restore(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    const copy = openSync(this.path, 'w+');
    try {
      const chunk = Buffer.allocUnsafe(Math.min(COPY_BYTES, this.bytes));
      for (let at = 0; at < this.bytes;) {
        const read = readSync(this.file, chunk, 0, Math.min(chunk.length, this.bytes - at), at);
        if (read === 0) {
          // It was cut as well: what is left is kept, and counted when it is uploaded.
          this.exact = false;
          break;
        }
        for (let written = 0; written < read;) written += writeSync(copy, chunk, written, read - written);
        at += read;
      }
      await flush(copy);
    } catch (error) {
      closeSync(copy);
      throw error;
    }
    closeSync(this.file);
    this.file = copy;
  }

  private async flushBoth(): Promise<void> {
    await flush(this.file);
    if (!this.folderKnows) await flushFolder(this.folder);
    this.folderKnows = true;
  }

  /** Half a frame in the middle would be damage; at the end of a file it is known as torn. */
  private rewind(): void {
    try {
      ftruncateSync(this.file, this.bytes);
    } catch {
      // The next frames go to another segment, so this one ends torn.
    }
  }
}
