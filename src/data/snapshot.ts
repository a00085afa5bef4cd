import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ArtifactStore } from '../artifacts/artifact-store.js';
import type { SnapshotManifest, SnapshotPart, SnapshotRef } from '../contracts/artifacts.js';
import { canonicalJson } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import type { EventWindow } from '../contracts/time.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import { csvExpressions } from './csv-types.js';
import { withDatabase, type Database, type DatabaseLimits } from './duckdb.js';
import { eventTimeBounds, requireEventTime, type EventTimeBounds } from './event-time.js';
import { quoteIdentifier, quoteLiteral } from './feature-encoding.js';
import { findSourceFiles, hashSourceFile, refuseChangedFiles, type HashedFile } from './source-files.js';
import { blameFile, eventTimeExpression, inWindow, openSource, specColumns, type Column, type SourceTable } from './source-table.js';
import { parseAsOf, windowsAsOf } from './windows.js';

export interface SnapshotRequest {
  readonly model: string;
  readonly spec: ModelSpec;
  readonly specDigest: string;
  /** The folder that `data.source.path` is relative to. */
  readonly dataDir: string;
  /**
   * Event time, ISO 8601 with a zone: labels count that are complete by then. Left out, it is the newest event time of
   * the source: the world has been seen until then, whereas nobody can tell how long after it the data was written.
   */
  readonly asOf?: string;
  /** Features that the snapshot holds beside the spec's: those of a champion that is to be compared on the same rows. */
  readonly alsoFeatures?: readonly FeatureSpec[];
  /** Windows in quarantine: rows of these times are left out. */
  readonly without?: readonly EventWindow[];
  /** A folder for files on the way; what is made in it is removed. */
  readonly workDir: string;
  readonly store: ArtifactStore;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal;
}

/** Values in a row group: wide rows get shorter groups, so that sorting and writing them takes the same memory. */
const ROW_GROUP_VALUES = 4_000_000;

/**
 * Freezes the windows of a retrain as two Parquet files and a manifest, all in the artifact store.
 *
 * The parts hold the spec's columns that the source has (those it lacks are for validation to list), ordered by event
 * time, then key. Event time is a TIMESTAMP in UTC; everything else keeps the source's type, labels too (boolean or 0/1).
 * From CSV, number features and the label become numbers or booleans and the rest stays text. The same source files, spec
 * and asOf give the same bytes and so the same digest, with any number of threads, by the same version of DuckDB.
 *
 * @throws PerennialError `InvalidRequest`, `DataNotFound`, `DataUnreadable`; `DataInvalid` when rows cannot be placed in
 *   time; `WindowEmpty`, `NotEnoughData`.
 */
export async function takeSnapshot(request: SnapshotRequest): Promise<SnapshotRef> {
  const asOfMs = request.asOf === undefined ? undefined : parseAsOf(request.asOf);
  const source = request.spec.data.source;
  const files: HashedFile[] = [];
  for (const file of await findSourceFiles(request.dataDir, source.path)) {
    files.push(await hashSourceFile(file, source.format, request.signal));
  }
  const workDir = resolve(request.workDir);
  await mkdir(workDir, { recursive: true });
  const scratch = await mkdtemp(join(workDir, 'snapshot-'));
  try {
    const manifest = await withDatabase(
      { files: files.map(({ path }) => path), scratch, signal: request.signal, ...(request.limits && { limits: request.limits }) },
      (database) => freeze(request, { database, files, scratch, asOfMs }).catch(async (error: unknown) => {
        if (source.format === 'parquet') await blameFile(database, files, error);
        throw error;
      }),
    );
    await refuseChangedFiles(files);
    const { digest } = await request.store.putBytes(canonicalJson(manifest));
    return { digest, manifest };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Freezing {
  readonly database: Database;
  readonly files: readonly HashedFile[];
  readonly scratch: string;
  readonly asOfMs: number | undefined;
}

async function freeze(request: SnapshotRequest, { database, files, scratch, asOfMs }: Freezing): Promise<SnapshotManifest> {
  const spec = withFeatures(request.spec, request.alsoFeatures ?? []);
  const table = await openSource(database, files, spec, scratch);
  const eventTime = requireEventTime(table, spec);
  const bounds = await eventTimeBounds(database, table, eventTime, spec);
  const asOf = asOfMs ?? bounds.newestMs;
  const windows = windowsAsOf(spec, asOf, bounds.oldestMs);
  const both = { start: windows.train.start, end: windows.evaluation.end };
  const expressions = await selectExpressions(database, table, eventTime, both, spec);
  const writePart = (name: 'train' | 'evaluation') =>
    write(request, { database, table, eventTime, expressions, window: windows[name], name, path: join(scratch, `${name}.parquet`), bounds });
  const train = await writePart('train');
  const evaluation = await writePart('evaluation');
  const without = leftOut(request, both);
  return {
    model: request.model,
    specDigest: request.specDigest,
    asOf: new Date(asOf).toISOString(),
    ...(without.length > 0 && { without }),
    source: {
      path: spec.data.source.path,
      format: spec.data.source.format,
      files: files.map(({ name, bytes, digest }) => ({ name, bytes, digest })),
      otherColumns: table.others.filter((name) => name.length <= MAX_NAME).slice(0, MAX_OTHER_COLUMNS),
    },
    columns: train.columns,
    train: train.part,
    evaluation: evaluation.part,
  };
}

/** What is in quarantine of a stretch of event time; times of one form are in the order of their texts. */
const leftOut = ({ without = [] }: SnapshotRequest, { start, end }: EventWindow): EventWindow[] => without.filter((left) => left.start < end && left.end > start);

function withFeatures(spec: ModelSpec, also: readonly FeatureSpec[]): ModelSpec {
  const known = new Set(specColumns(spec).map((name) => name.toLowerCase()));
  const more = also.filter(({ name }) => !known.has(name.toLowerCase()));
  return more.length === 0 ? spec : { ...spec, data: { ...spec.data, features: [...spec.data.features, ...more] } };
}

/** A manifest stays small however wide its source. */
const MAX_OTHER_COLUMNS = 2_000;
const MAX_NAME = 200;

async function selectExpressions(database: Database, table: SourceTable, eventTime: Column, window: EventWindow, spec: ModelSpec): Promise<string[]> {
  const rows = `(SELECT * FROM ${table.from} WHERE ${inWindow(eventTime, window)})`;
  const typed = spec.data.source.format === 'csv' ? await csvExpressions(database, rows, table.selected, spec) : undefined;
  return table.selected.map((column) =>
    column === eventTime
      ? `${eventTimeExpression(column)} AS ${quoteIdentifier(column.name)}`
      : (typed?.get(column.name) ?? quoteIdentifier(column.name)));
}

interface PartToWrite {
  readonly database: Database;
  readonly table: SourceTable;
  readonly eventTime: Column;
  readonly expressions: readonly string[];
  readonly window: EventWindow;
  readonly name: 'train' | 'evaluation';
  readonly path: string;
  readonly bounds: EventTimeBounds;
}

async function write(request: SnapshotRequest, part: PartToWrite): Promise<{ part: SnapshotPart; columns: Column[] }> {
  const { database, table, eventTime, window } = part;
  const names = table.selected.map(({ name }) => quoteIdentifier(name));
  const keys = request.spec.data.key.filter((key) => table.selected.some(({ name }) => name === key)).map(quoteIdentifier);
  // Rows that share time and key are ordered by their content, so that their order in the source does not matter.
  const order = [quoteIdentifier(eventTime.name), ...keys, `hash(${names.join(', ')})`].join(', ');
  const rowGroup = Math.max(2_048, Math.min(122_880, Math.floor(ROW_GROUP_VALUES / names.length)));
  await database.run(
    `COPY (SELECT * FROM (SELECT ${part.expressions.join(', ')} FROM ${table.from} WHERE ${inWindow(eventTime, window)}${leftOut(request, window).map((left) => ` AND NOT (${inWindow(eventTime, left)})`).join('')}) ORDER BY ${order})
     TO ${quoteLiteral(part.path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroup})`,
  );
  const counts = await countRows(database, part.path, table, request.spec);
  refuseTooFew(request.spec, part, counts);
  const columns = await database.rows(`DESCRIBE SELECT * FROM read_parquet(${quoteLiteral(part.path)})`);
  return {
    part: { artifact: await request.store.putFile(part.path), ...counts, window },
    columns: columns.map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) })),
  };
}

async function countRows(database: Database, path: string, table: SourceTable, spec: ModelSpec): Promise<{ rows: number; labelledRows: number }> {
  const label = quoteIdentifier(spec.data.label);
  // NaN is missing; in text, which validation refuses, it is whatever it says.
  const labelled = table.selected.some(({ name }) => name === spec.data.label)
    ? `count(*) FILTER (WHERE ${label} IS NOT NULL AND lower(${label}::VARCHAR) <> 'nan')`
    : '0';
  const [row] = await database.rows(`SELECT count(*)::DOUBLE AS rows, ${labelled}::DOUBLE AS labelled FROM read_parquet(${quoteLiteral(path)})`);
  return { rows: Number(row?.['rows']), labelledRows: Number(row?.['labelled']) };
}

/** Where too many labels are missing, validation says so together with whatever else is wrong. */
function refuseTooFew(spec: ModelSpec, { name, window, bounds }: PartToWrite, counts: { rows: number; labelledRows: number }): void {
  const span = `[${window.start}, ${window.end})`;
  const holds = `the source holds event times from ${new Date(bounds.oldestMs).toISOString()} to ${new Date(bounds.newestMs).toISOString()}`;
  if (counts.rows === 0) {
    throw new PerennialError('WindowEmpty', `The ${name} window ${span} holds no rows; ${holds}. Ask for another asOf or bring the data`, { part: name, window });
  }
  const minimum = name === 'train' ? spec.training.minimumRows : spec.evaluation.minimumRows;
  const unlabelled = 1 - counts.labelledRows / counts.rows;
  if (counts.labelledRows >= minimum || (counts.rows >= minimum && unlabelled > spec.data.maxUnlabelled)) return;
  const key = name === 'train' ? 'training.minimumRows' : 'evaluation.minimumRows';
  throw new PerennialError(
    'NotEnoughData',
    `The ${name} window ${span} has ${counts.labelledRows} labelled rows of ${counts.rows}, and ${key} asks for ${minimum}; ${holds}`,
    { part: name, window, ...counts, minimumRows: minimum },
  );
}
