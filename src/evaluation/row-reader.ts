import { Worker } from 'node:worker_threads';
import { PerennialError } from '../contracts/failures.js';
import type { ReadingMessage, ReadingOrder, RowBatch, RowOutline } from './row-batch.js';

const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const THREAD = new URL(`./row-reading-thread.${EXTENSION}`, import.meta.url);
const HEAP = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 2 };

/**
 * The rows that a job asks for, read and gathered by a thread of their own, because a run of the model blocks the thread
 * that asked for it: one batch is decoded while the model works on the one before. The thread ends after the last row; whoever
 * stops before that ends the process, because DuckDB aborts when its thread is taken away in the middle of its work.
 */
export class RowReader {
  private readonly thread: Worker;
  private readonly heard: ReadingMessage[] = [];
  private wake: (() => void) | undefined;
  private fault: Error | undefined;

  /** Starts to read at once; what goes wrong is thrown by `outline` and `batches`. */
  constructor(order: ReadingOrder) {
    this.thread = new Worker(THREAD, { workerData: order, resourceLimits: HEAP });
    this.thread.on('message', (message: ReadingMessage) => this.hear(() => this.heard.push(message)));
    this.thread.on('error', (error) => this.hear(() => (this.fault = error)));
    this.thread.on('exit', (code) => this.hear(() => (this.fault ??= new Error(`the reading thread ended with ${code}`))));
  }

  /** To be asked for once, before the batches. @throws PerennialError as ParquetRows.open */
  async outline(): Promise<RowOutline> {
    const message = await this.next();
    if (message.kind === 'outline') return message;
    throw new PerennialError('Internal', `The reading thread began with ${message.kind}`);
  }

  /** In the file's order. A batch's features are taken back when the next one is asked for. */
  async *batches(): AsyncGenerator<RowBatch, void, undefined> {
    for (let message = await this.next(); message.kind === 'batch'; message = await this.next()) {
      yield message;
      this.thread.postMessage(message.features, [message.features.buffer as ArrayBuffer]);
    }
  }

  private hear(note: () => void): void {
    note();
    this.wake?.();
  }

  private async next(): Promise<Exclude<ReadingMessage, { kind: 'failed' }>> {
    while (this.heard.length === 0) {
      if (this.fault) throw this.fault;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const message = this.heard.shift()!;
    if (message.kind !== 'failed') return message;
    throw message.type === undefined ? new Error(message.message) : new PerennialError(message.type, message.message, message.details);
  }
}
