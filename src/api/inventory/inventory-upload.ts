import type { Readable } from 'node:stream';
import { PerennialError } from '../../contracts/failures.js';

/** Takes tables in the place of JSON. */
export const INVENTORY_IMPORT_ROUTE = '/v1/inventory/imports';
export const MAX_INVENTORY_BYTES = 1024 * 1024;

/** A table of models as it was sent. */
export class InventoryUpload {
  private constructor(readonly text: string) {}

  /** @throws PerennialError `BodyTooLarge`, `InvalidRequest` where it is not UTF-8 */
  static async read(payload: Readable): Promise<InventoryUpload> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    // A caller who still sends is heard out by the server.
    for await (const chunk of payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_INVENTORY_BYTES) throw new PerennialError('BodyTooLarge', `The file is larger than ${MAX_INVENTORY_BYTES / 1024} KiB; send it in parts`);
      chunks.push(chunk);
    }
    try {
      return new InventoryUpload(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
    } catch {
      throw new PerennialError('InvalidRequest', 'The file is not UTF-8; save it as such', { faults: [{ path: 'body', message: 'is not UTF-8' }] });
    }
  }
}
