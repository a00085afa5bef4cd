import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sensitivityOf } from '../contracts/masking.js';
import type { EventWindow } from '../contracts/time.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { csvExpressions } from './csv-types.js';
import { withDatabase, type Database, type DatabaseLimits } from './duckdb.js';
import { eventTimeBounds, requireEventTime, type EventTimeBounds } from './event-time.js';
import { quoteIdentifier, quoteLiteral } from './feature-encoding.js';
import { joinFeatures } from './feature-joins.js';
import type { JoinFiles } from './join-table.js';
import { findSourceFiles, hashSourceFile, refuseChangedFiles, type HashedFile } from './source-files.js';
import { blameFile, eventTimeExpression, inWindow, openSource, type Column, type SourceTable } from './source-table.js';

export interface SourceRequest {
  readonly spec: ModelSpec;
  /** The files of `data.source`, where they are listed and hashed already. */
  readonly files?: readonly HashedFile[];
  /** The folder that the paths of `data.source` and `data.joins` are relative to. */
  readonly dataDir: string;
  /** A folder for files on the way; what is made in it is removed. */
  readonly workDir: string;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal;
}

/** A source whose rows can be placed in time. */
export interface OpenedSource {
  readonly database: Database;
  /** Those of `data.source`. */
  readonly files: readonly HashedFile[];
  readonly joins: readonly JoinFiles[];
  /** A folder that the database may write to. */
  readonly scratch: string;
  /** The source's rows, joined with what the spec joins. */
  readonly table: SourceTable;
  readonly eventTime: Column;
  readonly bounds: EventTimeBounds;
}

/**
 * Opens the source of a spec, with its joins, while `work` reads it, and refuses files that changed meanwhile.
 * @throws PerennialError `InvalidRequest`, `DataNotFound`, `DataUnreadable`; `DataInvalid` when rows cannot be placed in time or joined; `WindowEmpty`
 */
export async function withSource<T>(request: SourceRequest, work: (source: OpenedSource) => Promise<T>): Promise<T> {
  const { source } = request.spec.data;
  const files = request.files ?? (await hashedFiles(request, source, 'data.source'));
  const joins: JoinFiles[] = [];
  for (const one of request.spec.data.joins ?? []) joins.push({ join: one, files: await hashedFiles(request, one.source, `data.joins (${one.name}).source`) });
  const all = [{ source, files }, ...joins.map((joined) => ({ source: joined.join.source, files: joined.files }))];
  const workDir = resolve(request.workDir);
  await mkdir(workDir, { recursive: true });
  const scratch = await mkdtemp(join(workDir, 'snapshot-'));
  try {
    const done = await withDatabase(
      { files: all.flatMap(({ files }) => files.map(({ path }) => path)), scratch, signal: request.signal, discreet: sensitivityOf(request.spec).columns.size > 0, ...(request.limits && { limits: request.limits }) },
      (database) => opened(request.spec, { database, files, joins, scratch }).then(work).catch(async (error: unknown) => {
        await blameFile(database, all.flatMap(({ source, files }) => (source.format === 'parquet' ? files : [])), error);
        throw error;
      }),
    );
    for (const { files } of all) await refuseChangedFiles(files);
    return done;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function hashedFiles({ dataDir, signal }: SourceRequest, { path, format }: ModelSpec['data']['source'], key: string): Promise<HashedFile[]> {
  const files: HashedFile[] = [];
  for (const file of await findSourceFiles(dataDir, path, key)) files.push(await hashSourceFile(file, format, signal, key));
  return files;
}

async function opened(spec: ModelSpec, { database, files, joins, scratch }: Pick<OpenedSource, 'database' | 'files' | 'joins' | 'scratch'>): Promise<OpenedSource> {
  const table = await openSource(database, files, spec, scratch);
  const eventTime = requireEventTime(table, spec);
  const bounds = await eventTimeBounds(database, table, eventTime, spec);
  const joined = joins.length === 0 ? table : await joinFeatures({ database, table, eventTime, scratch }, joins, spec);
  return { database, files, joins, scratch, table: joined, eventTime, bounds };
}

/** A select list of the spec's columns, event time as a TIMESTAMP in UTC; the columns of CSV get the types that fit their rows in the window. */
export async function selectExpressions({ database, table, eventTime }: OpenedSource, window: EventWindow, spec: ModelSpec): Promise<string[]> {
  const rows = `(SELECT * FROM ${table.from} WHERE ${inWindow(eventTime, window)})`;
  const typed = await csvExpressions(database, rows, table.selected.filter(({ name }) => table.texts.has(name)), spec);
  return table.selected.map((column) =>
    column === eventTime
      ? `${eventTimeExpression(column)} AS ${quoteIdentifier(column.name)}`
      : (typed.get(column.name) ?? quoteIdentifier(column.name)));
}

/** Values in a row group: wide rows get shorter groups, so that sorting and writing them takes the same memory. */
const ROW_GROUP_VALUES = 4_000_000;

export interface CopiedRows {
  /** As {@link selectExpressions} gives them. */
  readonly expressions: readonly string[];
  readonly window: EventWindow;
  /** Stretches of the window whose rows are left out. */
  readonly without: readonly EventWindow[];
  /** SQL that holds for the others that are written; left out, all are. */
  readonly condition?: string;
  /** `data.key` of the spec. */
  readonly key: readonly string[];
  /** In the scratch folder. */
  readonly path: string;
}

/** Writes the rows of a window as Parquet, ordered by event time, then key. */
export async function copyRows({ database, table, eventTime }: OpenedSource, { expressions, window, without, condition, key, path }: CopiedRows): Promise<void> {
  const names = table.selected.map(({ name }) => quoteIdentifier(name));
  const keys = key.filter((column) => table.selected.some(({ name }) => name === column)).map(quoteIdentifier);
  // Rows that share time and key are ordered by their content, so that their order in the source does not matter.
  const order = [quoteIdentifier(eventTime.name), ...keys, `hash(${names.join(', ')})`].join(', ');
  const rowGroup = Math.max(2_048, Math.min(122_880, Math.floor(ROW_GROUP_VALUES / names.length)));
  const kept = [inWindow(eventTime, window), ...without.map((left) => `NOT (${inWindow(eventTime, left)})`), ...(condition === undefined ? [] : [condition])].join(' AND ');
  await database.run(
    `COPY (SELECT * FROM (SELECT ${expressions.join(', ')} FROM ${table.from} WHERE ${kept}) ORDER BY ${order})
     TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroup})`,
  );
}
