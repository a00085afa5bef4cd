import { open } from 'node:fs/promises';
import { PerennialError } from '../contracts/failures.js';
import { fileList } from './duckdb.js';
import { quoteIdentifier, quoteLiteral } from './feature-encoding.js';
import type { SourceFile } from './source-files.js';

const MAX_HEADER_BYTES = 1 << 20;

export interface CsvSource {
  readonly names: readonly string[];
  /** A FROM clause with those of the names that are asked for, all of them text. */
  select(wanted: readonly string[]): string;
}

/**
 * CSV by RFC 4180 with a header, in UTF-8; an empty field is missing. Nothing is guessed from the first rows (a guess
 * skipped rows that did not fit it): names come from the header, types later from the spec, and a line with too few or
 * too many fields is an error. Files may have their columns in different orders.
 *
 * @throws PerennialError `DataUnreadable` for a file whose header cannot be read or names a column twice.
 */
export async function openCsv(files: readonly SourceFile[]): Promise<CsvSource> {
  const groups = new Map<string, { names: string[]; paths: string[] }>();
  for (const file of files) {
    const names = await readHeader(file);
    const group = groups.get(JSON.stringify(names)) ?? { names, paths: [] };
    group.paths.push(file.path);
    groups.set(JSON.stringify(names), group);
  }
  return {
    names: [...new Set([...groups.values()].flatMap((group) => group.names))],
    select: (wanted) => [...groups.values()].map((group) => selectGroup(group, wanted)).join(' UNION ALL '),
  };
}

function selectGroup({ names, paths }: { names: string[]; paths: string[] }, wanted: readonly string[]): string {
  const list = wanted.map((name) => {
    const index = names.indexOf(name);
    return `${index < 0 ? 'NULL::VARCHAR' : `c${index}`} AS ${quoteIdentifier(name)}`;
  });
  const columns = names.map((_, index) => `c${index}: 'VARCHAR'`).join(', ');
  return `SELECT ${list.join(', ') || 'NULL AS nothing'} FROM read_csv(${fileList(paths)}, auto_detect = false, header = true, columns = {${columns}},
    delim = ',', quote = ${quoteLiteral('"')}, escape = ${quoteLiteral('"')}, nullstr = '', hive_partitioning = false)`;
}

async function readHeader(file: SourceFile): Promise<string[]> {
  const names = parseHeader(await readStart(file.path));
  const fault = faultOf(names);
  if (names === undefined || fault) {
    throw new PerennialError('DataUnreadable', `${file.name} ${fault}; write it as CSV in UTF-8 with a header line`, { file: file.name });
  }
  return names;
}

async function readStart(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_HEADER_BYTES), 0, MAX_HEADER_BYTES, 0);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await handle.close();
  }
}

function faultOf(names: readonly string[] | undefined): string | undefined {
  if (names === undefined) return 'has no header that can be read';
  if (names.every((name) => name === '')) return 'is empty';
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? undefined : `has the column ${JSON.stringify(twice)} twice`;
}

/** The fields of the first record; undefined when a quote in it is not closed. */
export function parseHeader(text: string): string[] | undefined {
  const names: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/y;
  field.lastIndex = text.startsWith('\uFEFF') ? 1 : 0;
  for (;;) {
    const match = field.exec(text);
    if (!match) return undefined;
    names.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] !== ',') return names;
  }
}
