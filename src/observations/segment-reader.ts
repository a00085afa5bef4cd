import { open, type FileHandle } from 'node:fs/promises';
import { PerennialError } from '../contracts/failures.js';
import { SegmentDecoder, type SegmentEntry } from './segment-decoder.js';
import { FRAME_HEAD, FRAME_KIND, inspectFrame, MAGIC, MAX_PAYLOAD, type SegmentHeader } from './segment-frames.js';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Reads a segment's frames in their order, a chunk of the file at a time. What a killed process or a lost power left half
 * written at the end is no fault: reading stops there, and {@link tornBytes} says how much it is.
 */
export class SegmentReader {
  /** From the beginning to the end of the last whole frame. */
  wholeBytes = 0;
  /** What follows the last whole frame; known when reading has ended. */
  tornBytes = 0;
  private readonly decoder = new SegmentDecoder();

  constructor(
    private readonly path: string,
    private readonly chunkBytes = CHUNK_BYTES,
  ) {}

  /** Known as soon as anything was read; undefined where the file ends before it. */
  get header(): SegmentHeader | undefined {
    return this.decoder.header;
  }

  /**
   * What was observed, some entries at a time.
   * @throws PerennialError `SegmentDamaged` with `position` in bytes, after every entry before the damage; the error of the
   *   file system where the file cannot be read.
   */
  async *entries(signal?: AbortSignal): AsyncGenerator<readonly SegmentEntry[], void, undefined> {
    const file = await open(this.path, 'r');
    try {
      const { size } = await file.stat();
      yield* this.read(file, size, signal);
    } finally {
      await file.close();
    }
  }

  private async *read(file: FileHandle, size: number, signal: AbortSignal | undefined): AsyncGenerator<readonly SegmentEntry[], void, undefined> {
    let wanted = this.chunkBytes;
    while (this.wholeBytes < size) {
      signal?.throwIfAborted();
      const bytes = await bytesAt(file, this.wholeBytes, Math.min(wanted, size - this.wholeBytes));
      const before = this.wholeBytes;
      const atEnd = before + bytes.length >= size || bytes.length < wanted;
      const { entries, fault } = this.take(bytes, atEnd);
      if (entries.length > 0) yield entries;
      if (fault !== undefined) {
        this.stop(await bytesAt(file, this.wholeBytes, size - this.wholeBytes), fault);
        return;
      }
      // A frame that is longer than the chunk.
      wanted = this.wholeBytes === before ? Math.min(wanted * 2, MAX_PAYLOAD + FRAME_HEAD) : this.chunkBytes;
    }
  }

  /** Decodes the whole frames of `bytes`, which begin where a frame does. */
  private take(bytes: Buffer, atEnd: boolean): { entries: SegmentEntry[]; fault?: string } {
    const entries: SegmentEntry[] = [];
    let at = 0;
    if (this.wholeBytes === 0) {
      if (bytes.length < MAGIC.length) return { entries, ...(atEnd && { fault: 'cut' }) };
      if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return { entries, fault: 'magic' };
      at = this.wholeBytes = MAGIC.length;
    }
    while (at < bytes.length) {
      const length = inspectFrame(bytes, at, atEnd);
      if (length === 'more') break;
      if (typeof length === 'string') return { entries, fault: length };
      try {
        const entry = this.decoder.decode(bytes.subarray(at + FRAME_HEAD, at + FRAME_HEAD + length));
        if (entry) entries.push(entry);
      } catch (error) {
        return { entries, fault: `${CONTENT}${error instanceof Error ? error.message : String(error)}` };
      }
      at += FRAME_HEAD + length;
      this.wholeBytes += FRAME_HEAD + length;
    }
    return { entries };
  }

  /** A fault with nothing whole behind it is a torn end; otherwise something in the middle was changed. */
  private stop(rest: Buffer, fault: string): void {
    if (fault === 'magic' || fault.startsWith(CONTENT) || wholeFrameIn(rest)) throw damaged(this.path, this.wholeBytes, REASONS[fault] ?? fault);
    this.tornBytes = rest.length;
  }
}

/** Begins the fault of a frame whose checksum is right and whose content makes no sense. */
const CONTENT = 'a frame has a content that makes no sense: ';

const REASONS: Readonly<Record<string, string>> = {
  magic: 'it does not begin as a segment of format 1 does',
  checksum: 'the bytes of a frame do not match its checksum',
  length: 'a frame has an impossible length',
  cut: 'a frame claims to be longer than the file, and whole ones follow',
};

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const damaged = (path: string, position: number, reason: string): PerennialError =>
  new PerennialError('SegmentDamaged', `The segment ${baseName(path)} is damaged at byte ${position}: ${reason}; restore it, or leave out what it holds`, { segment: baseName(path), position, reason });

/** Frames lie on multiples of 8 bytes, so one behind a fault is found by looking there. */
function wholeFrameIn(rest: Buffer): boolean {
  for (let at = FRAME_HEAD; at + FRAME_HEAD < rest.length; at += 8) {
    const kind = rest[at + FRAME_HEAD] as number;
    if (kind < FRAME_KIND.header || kind > FRAME_KIND.mirrored) continue;
    if (typeof inspectFrame(rest, at, true) === 'number') return true;
  }
  return false;
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  // Memory of its own: what was decoded from a chunk goes on pointing into it.
  const bytes = Buffer.allocUnsafeSlow(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes.subarray(0, read);
}
