import type { EntityManager } from 'typeorm';
import { FILTER_BLOCK_BYTES } from '../contracts/id-filter.js';
import type { ObservationFile } from './entities/observation.entity.js';

/** Gives a file of observations the filter of its predictions, as part of a transaction; of two the first stands. */
export async function addFilter(manager: EntityManager, { gateway, boot, segment, model, deployment }: Pick<ObservationFile, 'gateway' | 'boot' | 'segment' | 'model' | 'deployment'>, filter: Uint8Array): Promise<void> {
  await manager.query(
    `INSERT INTO prediction_filter (gateway, boot, segment, model, deployment, kind, blocks, filter) VALUES ($1, $2, $3, $4, $5, 'observation', $6, $7) ON CONFLICT DO NOTHING`,
    [gateway, boot, segment, model, deployment, filter.length / FILTER_BLOCK_BYTES, Buffer.from(filter.buffer, filter.byteOffset, filter.length)],
  );
}
