import { copyFile, mkdir, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../config/environment.js';
import { withDatabase } from '../data/duckdb.js';
import { quoteLiteral } from '../data/feature-encoding.js';
import { type Stretch, TURNED_FOLDER } from './monitor-scenario.js';

const RECIPE = 'recipe.json';

/** What is made up in the flights of 2013: a stretch whose temperatures come in Celsius, and a time from which the flights out of one airport turn round. */
export interface MadeUp {
  readonly celsius: Stretch;
  readonly turnedFromMs: number;
  readonly turnedOrigin: string;
}

/**
 * Makes the flights' files again with what is made up in them, where they are not there yet: they are the traffic, and the data that a retrain would
 * learn from.
 */
export async function prepareTurnedFlights({ DATA_DIR, WORK_DIR }: Environment, madeUp: MadeUp): Promise<void> {
  const [honest, turned] = [join(DATA_DIR, 'flights'), join(DATA_DIR, TURNED_FOLDER)];
  const recipe = await readFile(join(honest, RECIPE), 'utf8');
  if ((await readFile(join(turned, RECIPE), 'utf8').catch(() => '')) === recipe) return;
  const source = await realpath(honest);
  const files = (await readdir(source)).filter((name) => name.endsWith('.parquet'));
  await mkdir(join(WORK_DIR, 'tour'), { recursive: true });
  const made = join(await realpath(join(WORK_DIR, 'tour')), TURNED_FOLDER);
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { recursive: true });
  await withDatabase({ files: files.map((name) => join(source, name)), scratch: made }, async (database) => {
    for (const name of files) {
      await database.run(`COPY (${turnedRows(join(source, name), madeUp)}) TO ${quoteLiteral(join(made, name))} (FORMAT parquet, COMPRESSION zstd)`);
    }
  });
  await rm(turned, { recursive: true, force: true });
  await rename(made, turned);
  // Last, so that files without it do not pass for whole.
  await copyFile(join(honest, RECIPE), join(turned, RECIPE));
}

function turnedRows(path: string, { celsius, turnedFromMs, turnedOrigin }: MadeUp): string {
  const at = (ms: number): string => `make_timestamp(${ms * 1_000})`;
  const inCelsius = `predicted_at >= ${at(celsius.fromMs)} AND predicted_at < ${at(celsius.untilMs)}`;
  const turned = `predicted_at >= ${at(turnedFromMs)} AND origin = ${quoteLiteral(turnedOrigin)}`;
  return `SELECT * REPLACE (CASE WHEN ${inCelsius} THEN (temperature_f - 32) / 1.8 ELSE temperature_f END AS temperature_f, CASE WHEN ${turned} THEN NOT late ELSE late END AS late)
    FROM read_parquet(${quoteLiteral(path)})`;
}
