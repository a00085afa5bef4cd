import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { PerennialError } from '../contracts/failures.js';

export interface SourceFile {
  /** Relative to the data folder, with `/`; the same on every machine. */
  readonly name: string;
  /** Absolute, without symlinks. */
  readonly path: string;
}

export interface HashedFile extends SourceFile {
  readonly bytes: number;
  readonly digest: string;
  /** Changes when the file is written again. */
  readonly stamp: string;
}

const MAX_FILES = 10_000;
const PARQUET_MAGIC = 'PAR1';

/**
 * The files that a path or glob names below the data folder, in the order of their names. `*` and `?` match within a
 * name, `**` any number of folders; names that begin with a dot are matched only by patterns that do.
 *
 * @param key where in the spec the pattern stands, for messages
 * @throws PerennialError `InvalidRequest` for a path that leaves the data folder by itself, `DataNotFound` when nothing
 *   matches or a symlink leads outside.
 */
export async function findSourceFiles(dataDir: string, pattern: string, key = 'data.source'): Promise<SourceFile[]> {
  const segments = segmentsOf(pattern, key);
  const root = await realpath(dataDir).catch(() => {
    throw new PerennialError('DataNotFound', `The data folder ${dataDir} is not there; make it, or set DATA_DIR to the one that holds ${pattern}`, { pattern });
  });
  const names = [...new Set(await expand(root, '', segments, key))].sort((a, b) => (a < b ? -1 : 1));
  if (names.length === 0) {
    throw new PerennialError('DataNotFound', `No file matches ${pattern} below the data folder; put the data there or mend ${key}.path`, { pattern });
  }
  return Promise.all(names.map((name) => resolveInside(root, name)));
}

/** Paths that no file matches any more; null where that cannot be said of one of them, and no other lacks its files. */
export async function missingSources(dataDir: string, patterns: readonly string[]): Promise<string[] | null> {
  const [missing, unknown] = [[] as string[], [] as string[]];
  for (const pattern of patterns) {
    await findSourceFiles(dataDir, pattern).catch((error: unknown) => {
      if (!(error instanceof PerennialError)) throw error;
      (error.type === 'DataNotFound' ? missing : unknown).push(pattern);
    });
  }
  return missing.length === 0 && unknown.length > 0 ? null : missing;
}

function segmentsOf(pattern: string, key: string): string[] {
  const segments = pattern.split('/');
  if (pattern.includes('\0') || pattern.includes('\\') || segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new PerennialError('InvalidRequest', `${key}.path ${JSON.stringify(pattern)} must be relative to the data folder, with /, without empty parts, . and ..`, { pattern });
  }
  return segments;
}

/** Names below `folder` that the remaining segments match. */
async function expand(root: string, folder: string, segments: readonly string[], key: string): Promise<string[]> {
  const [segment, ...rest] = segments;
  if (segment === undefined) return [];
  const found: string[] = [];
  if (segment === '**') found.push(...(await expand(root, folder, rest, key)));
  const matches = segment === '**' ? (name: string) => !name.startsWith('.') : matcher(segment);
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter(({ name }) => matches(name))) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    const kind = entry.isSymbolicLink() ? await kindOf(join(root, name)) : entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : 'other';
    if (kind === 'file' && rest.length === 0) found.push(name);
    // A folder that is a symlink could lead round in a circle under **.
    if (kind === 'folder' && !(segment === '**' && entry.isSymbolicLink())) {
      found.push(...(await expand(root, name, segment === '**' ? segments : rest, key)));
    }
    if (found.length > MAX_FILES) throw new PerennialError('InvalidRequest', `${key}.path matches more than ${MAX_FILES} files; narrow it`);
  }
  return found;
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'other'> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? 'file' : found?.isDirectory() ? 'folder' : 'other';
}

function matcher(segment: string): (name: string) => boolean {
  return (name) => matchesWildcards(name, segment) && (segment.startsWith('.') || !name.startsWith('.'));
}

/** `*` and `?`; a mismatch goes back to the latest `*` only, so that no pattern takes long. */
function matchesWildcards(name: string, pattern: string): boolean {
  let [n, p, star, resume] = [0, 0, -1, 0];
  while (n < name.length) {
    if (pattern[p] === '*') [star, resume, p] = [p, n, p + 1];
    else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) [n, p] = [n + 1, p + 1];
    else if (star >= 0) [n, p, resume] = [resume + 1, star + 1, resume + 1];
    else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

async function resolveInside(root: string, name: string): Promise<SourceFile> {
  const path = await realpath(join(root, name));
  const inside = relative(root, path);
  if (inside === '..' || inside.startsWith(`..${sep}`)) {
    throw new PerennialError('DataNotFound', `${name} is a link that leads out of the data folder; put the file itself there`, { file: name });
  }
  return { name, path };
}

/**
 * A file's digest over all its bytes.
 * @param key where in the spec the file's source stands, for messages
 * @throws PerennialError `DataUnreadable` naming the file, when it cannot be opened or is a Parquet file cut off.
 */
export async function hashSourceFile(file: SourceFile, format: 'parquet' | 'csv', signal?: AbortSignal, key = 'data.source'): Promise<HashedFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  let head = Buffer.alloc(0);
  let tail = Buffer.alloc(0);
  try {
    const stamp = await stampOf(file.path);
    for await (const chunk of createReadStream(file.path, { highWaterMark: 1 << 20, signal }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      if (head.byteLength < 4) head = Buffer.concat([head, chunk.subarray(0, 4)]).subarray(0, 4);
      tail = Buffer.concat([tail, chunk.subarray(-4)]).subarray(-4);
    }
    if (format === 'parquet') refuseCutOff(file, { head, tail, bytes, key });
    return { ...file, bytes, digest: `sha256:${hash.digest('hex')}`, stamp };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof PerennialError) throw error;
    throw new PerennialError('DataUnreadable', `${file.name} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { file: file.name }, { cause: error });
  }
}

function refuseCutOff(file: SourceFile, { head, tail, bytes, key }: { readonly head: Buffer; readonly tail: Buffer; readonly bytes: number; readonly key: string }): void {
  if (head.toString('latin1') !== PARQUET_MAGIC) {
    throw new PerennialError('DataUnreadable', `${file.name} is no Parquet file (${bytes} bytes); set ${key}.format or write the file again`, { file: file.name });
  }
  if (bytes < 12 || tail.toString('latin1') !== PARQUET_MAGIC) {
    throw new PerennialError('DataUnreadable', `${file.name} is a Parquet file that was cut off after ${bytes} bytes; write it again`, { file: file.name });
  }
}

/** @throws PerennialError `DataUnreadable` when a file was written while it was being read. */
export async function refuseChangedFiles(files: readonly HashedFile[]): Promise<void> {
  for (const file of files) {
    if ((await stampOf(file.path).catch(() => 'gone')) !== file.stamp) {
      throw new PerennialError('DataUnreadable', `${file.name} changed while it was being read; ask again once it is written`, { file: file.name });
    }
  }
}

/** Changes when the file is written again. */
export async function stampOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true });
  return `${found.ino}/${found.size}/${found.mtimeNs}`;
}
