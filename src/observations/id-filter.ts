import { bitsOf, blockOf, FILTER_BLOCK_BYTES, FILTER_WORDS, filterBlocks } from '../contracts/id-filter.js';
import { type Database, fileList, withDatabase, type DatabaseLimits } from '../data/duckdb.js';

const WORDS = Array.from({ length: FILTER_WORDS }, (_, index) => `('0x' || substr(digest, ${8 * index + 1}, 8))::UINTEGER::DOUBLE`).join(', ');

/** The filter of the prediction ids of a file of observations, made from the file itself. @param rows that it has @throws PerennialError `DataNotFound`, `DataUnreadable` */
export async function idFilter(database: Database, path: string, rows: number): Promise<Uint8Array> {
  const blocks = filterBlocks(rows);
  const filter = new Uint8Array(FILTER_BLOCK_BYTES * blocks);
  await database.visitColumns(`SELECT ${WORDS} FROM (SELECT sha256(prediction_id) AS digest FROM read_parquet(${fileList([path])}))`, Array.from({ length: FILTER_WORDS }, () => 'DOUBLE'), ([block, ...words]) => {
    block?.forEach((word, row) => {
      const start = FILTER_BLOCK_BYTES * blockOf(word, blocks);
      for (const bit of bitsOf(...words.map((column) => column[row] as number))) filter[start + (bit >> 3)]! |= 1 << (bit & 7);
    });
  });
  return filter;
}

/** The same for a file that was written before. */
export const idFilterOf = ({ path, rows, scratch, limits, signal }: { readonly path: string; readonly rows: number; readonly scratch: string; readonly limits?: DatabaseLimits; readonly signal?: AbortSignal }): Promise<Uint8Array> =>
  withDatabase({ files: [path], scratch, ...(limits ? { limits } : {}), signal }, (database) => idFilter(database, path, rows));
