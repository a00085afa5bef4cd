import { PerennialError } from '../contracts/failures.js';
import type { ReadingMessage, ReadingOrder, RowBatch, RowOutline } from './row-batch.js';
import { ThreadChannel } from './thread-channel.js';

/** The rows that a job asks for, read and gathered by a thread of their own while models work on those before. */
export class RowReader {
  private readonly channel: ThreadChannel<ReadingMessage>;

  /** Starts to read at once; what goes wrong is thrown by `outline` and `batches`. */
  constructor(order: ReadingOrder) {
    this.channel = new ThreadChannel(new URL('./row-reading-thread', import.meta.url), order);
  }

  /** To be asked for once, before the batches. @throws PerennialError as ParquetRows.open */
  async outline(): Promise<RowOutline> {
    const message = await this.channel.next();
    if (message.kind === 'outline') return message;
    throw new PerennialError('Internal', `The reading thread began with ${message.kind}`);
  }

  /** In the file's order. The reading stops a few batches ahead until features are given back. */
  async *batches(): AsyncGenerator<RowBatch, void, undefined> {
    for (let message = await this.channel.next(); message.kind === 'batch'; message = await this.channel.next()) yield message;
  }

  giveBack(features: Float32Array): void {
    this.channel.post(features, [features.buffer as ArrayBuffer]);
  }
}
