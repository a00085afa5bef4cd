import { copyFile, mkdir, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../config/environment.js';
import { withDatabase } from '../data/duckdb.js';
import { quoteIdentifier, quoteLiteral } from '../data/feature-encoding.js';
import { SWAPPED_COLUMNS, SWAPPED_FOLDER } from './release-scenario.js';

const RECIPE = 'recipe.json';

/** Makes the flights' files again with two columns swapped, where they are not there yet: what a careless join leaves behind. */
export async function prepareSwappedFlights({ DATA_DIR, WORK_DIR }: Environment): Promise<void> {
  const [honest, swapped] = [join(DATA_DIR, 'flights'), join(DATA_DIR, SWAPPED_FOLDER)];
  const recipe = await readFile(join(honest, RECIPE), 'utf8');
  if ((await readFile(join(swapped, RECIPE), 'utf8').catch(() => '')) === recipe) return;
  const source = await realpath(honest);
  const files = (await readdir(source)).filter((name) => name.endsWith('.parquet'));
  await mkdir(join(WORK_DIR, 'tour'), { recursive: true });
  const made = join(await realpath(join(WORK_DIR, 'tour')), SWAPPED_FOLDER);
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { recursive: true });
  const [one, other] = SWAPPED_COLUMNS.map(quoteIdentifier);
  await withDatabase({ files: files.map((name) => join(source, name)), scratch: made }, async (database) => {
    for (const name of files) {
      await database.run(`COPY (SELECT * REPLACE (${one} AS ${other}, ${other} AS ${one}) FROM read_parquet(${quoteLiteral(join(source, name))})) TO ${quoteLiteral(join(made, name))} (FORMAT parquet, COMPRESSION zstd)`);
    }
  });
  await rm(swapped, { recursive: true, force: true });
  await rename(made, swapped);
  // Last, so that files without it do not pass for whole.
  await copyFile(join(honest, RECIPE), join(swapped, RECIPE));
}
