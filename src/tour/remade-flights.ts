import { copyFile, mkdir, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../config/environment.js';
import { withDatabase } from '../data/duckdb.js';
import { quoteLiteral } from '../data/feature-encoding.js';

const RECIPE = 'recipe.json';

/**
 * Makes the flights' files again with something made up in them, where they are not there yet.
 * @param name of the folder beside that of the honest flights @param replaced columns as DuckDB's `SELECT * REPLACE (…)` takes them
 */
export async function remakeFlights({ DATA_DIR, WORK_DIR }: Environment, name: string, replaced: string): Promise<void> {
  const [honest, remade] = [join(DATA_DIR, 'flights'), join(DATA_DIR, name)];
  const recipe = await readFile(join(honest, RECIPE), 'utf8');
  if ((await readFile(join(remade, RECIPE), 'utf8').catch(() => '')) === recipe) return;
  const source = await realpath(honest);
  const files = (await readdir(source)).filter((file) => file.endsWith('.parquet'));
  await mkdir(join(WORK_DIR, 'tour'), { recursive: true });
  const made = join(await realpath(join(WORK_DIR, 'tour')), name);
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { recursive: true });
  await withDatabase({ files: files.map((file) => join(source, file)), scratch: made }, async (database) => {
    for (const file of files) {
      const rows = `SELECT * REPLACE (${replaced}) FROM read_parquet(${quoteLiteral(join(source, file))})`;
      await database.run(`COPY (${rows}) TO ${quoteLiteral(join(made, file))} (FORMAT parquet, COMPRESSION zstd)`);
    }
  });
  await rm(remade, { recursive: true, force: true });
  await rename(made, remade);
  // Last, so that files without it do not pass for whole.
  await copyFile(join(honest, RECIPE), join(remade, RECIPE));
}
