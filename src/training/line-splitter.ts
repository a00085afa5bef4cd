import { PerennialError } from '../contracts/failures.js';

export interface OutputBounds {
  readonly maxLineBytes: number;
  readonly maxTotalBytes: number;
}

/** Cuts a byte stream into lines, and never holds more than one line's bound. */
export class LineSplitter {
  private readonly pending: Buffer[] = [];
  private pendingBytes = 0;
  private totalBytes = 0;

  constructor(private readonly bounds: OutputBounds) {}

  /**
   * The lines that the chunk completes, without their line ends.
   * @throws PerennialError `TrainerOutputInvalid` beyond a bound.
   */
  *push(chunk: Buffer): Generator<string> {
    this.totalBytes += chunk.byteLength;
    if (this.totalBytes > this.bounds.maxTotalBytes) flooded(`more than ${this.bounds.maxTotalBytes} bytes in all`);
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.hold(chunk.subarray(start, end));
      yield this.take();
      start = end + 1;
    }
    this.hold(chunk.subarray(start));
  }

  /** What came after the last line end; undefined when nothing did. */
  rest(): string | undefined {
    return this.pendingBytes > 0 ? this.take() : undefined;
  }

  private hold(part: Buffer): void {
    this.pendingBytes += part.byteLength;
    if (this.pendingBytes > this.bounds.maxLineBytes) flooded(`a line of more than ${this.bounds.maxLineBytes} bytes`);
    if (part.byteLength > 0) this.pending.push(part);
  }

  private take(): string {
    const line = Buffer.concat(this.pending).toString('utf8').replace(/\r$/, '');
    this.pending.length = 0;
    this.pendingBytes = 0;
    return line;
  }
}

function flooded(what: string): never {
  throw new PerennialError('TrainerOutputInvalid', `The trainer wrote ${what} to stdout; stdout is for the contract's lines only, bulk goes to files`);
}

/** The last bytes of a stream. */
export class ByteTail {
  private chunks: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly capacity: number) {}

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.byteLength;
    if (this.bytes > 2 * this.capacity) this.compact();
  }

  text(): string {
    this.compact();
    return Buffer.concat(this.chunks).toString('utf8');
  }

  private compact(): void {
    const kept = Buffer.concat(this.chunks).subarray(-this.capacity);
    // A copy, so that the large buffer behind the view can go.
    this.chunks = [Buffer.from(kept)];
    this.bytes = kept.byteLength;
  }
}
