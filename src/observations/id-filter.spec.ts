import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../contracts/canonical.js';
import { bitsOf, blockOf, FILTER_BLOCK_BYTES, filterBlocks, filterWords, FULL_FILTER } from '../contracts/id-filter.js';
import { idFilterOf } from './id-filter.js';
import { seededRandom } from './testing/random-observations.js';
import { ObservedFiles } from './testing/observed-files.js';

let files: ObservedFiles;

beforeAll(async () => {
  files = await ObservedFiles.make();
});

afterAll(() => { rmSync(files.folder, { recursive: true, force: true }); });

/** As the registry asks it in SQL. */
function mayHold(filter: Uint8Array, id: string): boolean {
  const [first, ...words] = filterWords(sha256(id).slice('sha256:'.length));
  const start = FILTER_BLOCK_BYTES * blockOf(first as number, filter.length / FILTER_BLOCK_BYTES);
  return bitsOf(...words).every((bit) => ((filter[start + (bit >> 3)] as number) & (1 << (bit & 7))) !== 0);
}

const literal = (id: string): string => `'${id.replaceAll("'", "''")}'`;

async function filterOf(ids: readonly string[]): Promise<Uint8Array> {
  const path = await files.write(`SELECT * FROM (VALUES ${ids.map((id) => `(${literal(id)})`).join(', ')}) AS t(prediction_id)`);
  return idFilterOf({ path, rows: ids.length, scratch: files.folder });
}

/** Ids of odd kinds: of many alphabets, long, and such as differ in one place or in what looks alike. */
function oddIds(seed: number, count: number): string[] {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const alphabet = ['a', 'A', '0', 'é', 'e\u0301', 'ß', '界', '😀', '\u200d', '/', '%2F', "'", '"', '\\', ' ', '-', '\u00a0'];
  return Array.from({ length: count }, (_, index) => {
    const text = Array.from({ length: 1 + Math.floor(random() * (index % 7 === 0 ? 190 : 12)) }, () => pick(alphabet)).join('');
    return index % 3 === 0 ? `order-${index}` : index % 3 === 1 ? `${text}/${index % 50}` : text;
  });
}

describe('the filter of the ids of a file', () => {
  it.each([1, 2, 3, 4, 5])('finds every id that is in it, of whatever kind (seed %i)', async (seed) => {
    const ids = oddIds(seed, 1_500);
    const filter = await filterOf(ids);
    expect(filter).toHaveLength(FILTER_BLOCK_BYTES * filterBlocks(ids.length));
    expect(ids.filter((id) => !mayHold(filter, id))).toEqual([]);
  });

  it('takes one block for one id, and finds neither a longer nor a shorter one', async () => {
    const filter = await filterOf(['0a1b2c3d-17']);
    expect(filter).toHaveLength(FILTER_BLOCK_BYTES);
    expect(['0a1b2c3d-17', '0a1b2c3d-1', '0a1b2c3d-170', '0A1B2C3D-17', '0a1b2c3d-17 '].map((id) => mayHold(filter, id))).toEqual([true, false, false, false, false]);
  });

  it('is the same for the same ids in another order', async () => {
    const ids = oddIds(9, 300);
    expect(Buffer.from(await filterOf(ids)).equals(Buffer.from(await filterOf([...ids].reverse())))).toBe(true);
  });

  it('finds few of the others: 0.41 % are expected where it is full', async () => {
    const [rows, asked] = [60_000, 60_000];
    const path = await files.write(`SELECT 'order-' || i AS prediction_id FROM range(${rows}) AS t(i)`);
    const filter = await idFilterOf({ path, rows, scratch: files.folder });
    const found = Array.from({ length: asked }, (_, index) => mayHold(filter, `order-${rows + index}`)).filter(Boolean).length / asked;
    // ± 5 standard deviations of the share, which is that of a sample of 60,000.
    expect(Math.abs(found - 0.0041)).toBeLessThan(5 * Math.sqrt(0.0041 / asked));
  });

  it('of which nothing is known finds all', () => {
    expect(oddIds(3, 50).every((id) => mayHold(FULL_FILTER, id))).toBe(true);
  });

  it('is not made of what is no Parquet', async () => {
    await expect(idFilterOf({ path: `${files.folder}/gone.parquet`, rows: 1, scratch: files.folder })).rejects.toMatchObject({ type: 'DataNotFound' });
  });
});
