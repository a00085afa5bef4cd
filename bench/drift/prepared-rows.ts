import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

export const FOLDER = resolve('var/bench/drift');
export const SOURCES = resolve('bench/drift');

const run = promisify(execFile);

/** The baseline and the window of a model, made by prepare.py where they are not there yet. @returns their folder */
export async function preparedRows(python: string, rows: number, seed = 1): Promise<string> {
  const folder = join(FOLDER, seed === 1 ? String(rows) : `${rows}-${seed}`);
  if (['reference.parquet', 'current.parquet'].every((file) => existsSync(join(folder, file)))) return folder;
  console.log(`Making twice ${rows.toLocaleString('en-US')} rows (once) …`);
  mkdirSync(folder, { recursive: true });
  await run(python, [join(SOURCES, 'prepare.py'), folder, String(rows), String(seed)]);
  return folder;
}
