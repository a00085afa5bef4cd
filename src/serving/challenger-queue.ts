import type { EncodedRows } from './infer-request.js';

/** Requests that are scored in one run. */
export interface QueuedRun {
  readonly requests: readonly EncodedRows[];
  readonly rows: number;
}

export interface QueueBounds {
  readonly maxRows: number;
  readonly maxBytes: number;
}

const bytesOfRequests = (requests: readonly EncodedRows[]): number => requests.reduce((sum, { features }) => sum + features.byteLength, 0);

/** Bounded room for what waits or runs. An empty one takes a single thing of any size, or a large request would never fit. */
export class QueueRoom {
  private rows = 0;
  private bytes = 0;

  constructor(private readonly bounds: QueueBounds) {}

  get usedRows(): number {
    return this.rows;
  }

  /** @returns whether there was room; it is taken then */
  take(requests: readonly EncodedRows[], rows: number): boolean {
    const bytes = bytesOfRequests(requests);
    const fits = this.rows === 0 || (this.rows + rows <= this.bounds.maxRows && this.bytes + bytes <= this.bounds.maxBytes);
    if (fits) {
      this.rows += rows;
      this.bytes += bytes;
    }
    return fits;
  }

  give(requests: readonly EncodedRows[], rows: number): void {
    this.rows -= rows;
    this.bytes -= bytesOfRequests(requests);
  }
}
