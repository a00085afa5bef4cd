import { join } from 'node:path';
import type { ArtifactStore } from '../artifacts/artifact-store.js';
import { heldOutText, type SnapshotManifest, type SnapshotPart, type SnapshotRef, type SnapshotSource, type SnapshotSplit } from '../contracts/artifacts.js';
import { canonicalJson } from '../contracts/canonical.js';
import { PerennialError } from '../contracts/failures.js';
import type { EventWindow } from '../contracts/time.js';
import type { JoinSpec } from '../spec/joins-section.js';
import type { FeatureSpec, ModelSpec } from '../spec/model-spec.js';
import type { Database, DatabaseLimits } from './duckdb.js';
import { quoteIdentifier, quoteLiteral } from './feature-encoding.js';
import type { HashedFile } from './source-files.js';
import { copyRows, type OpenedSource, selectExpressions, withSource } from './source-rows.js';
import { sideCondition, specColumns, type Column, type SourceTable } from './source-table.js';
import { parseAsOf, windowsAsOf } from './windows.js';

export interface SnapshotRequest {
  readonly model: string;
  readonly spec: ModelSpec;
  readonly specDigest: string;
  /** The folder that the paths of `data.source` and `data.joins` are relative to. */
  readonly dataDir: string;
  /**
   * Event time, ISO 8601 with a zone: labels count that are complete by then. Left out, it is the newest event time of
   * the source: the world has been seen until then, whereas nobody can tell how long after it the data was written.
   */
  readonly asOf?: string;
  /** Features that the snapshot holds beside the spec's: those of a champion that is to be compared on the same rows. */
  readonly alsoFeatures?: readonly FeatureSpec[];
  /** The joins that bring some of them. */
  readonly alsoJoins?: readonly JoinSpec[];
  /** Windows in quarantine: rows of these times are left out. */
  readonly without?: readonly EventWindow[];
  /** A folder for files on the way; what is made in it is removed. */
  readonly workDir: string;
  readonly store: ArtifactStore;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal;
}

/**
 * Freezes the windows of a retrain as two Parquet files and a manifest, all in the artifact store.
 *
 * The parts hold the spec's columns that the source has (those it lacks are for validation to list), ordered by event
 * time, then key. Event time is a TIMESTAMP in UTC; everything else keeps the source's type, labels too (boolean or 0/1).
 * From CSV, number features and the label become numbers or booleans and the rest stays text. What the spec joins has the
 * values that were known at each row's event time. The same files of source and joins, spec and asOf give the same bytes and
 * so the same digest, with any number of threads, by the same version of DuckDB.
 *
 * @throws PerennialError `InvalidRequest`, `DataNotFound`, `DataUnreadable`; `DataInvalid` when rows cannot be placed in
 *   time or joined; `WindowEmpty`, `NotEnoughData`.
 */
export async function takeSnapshot(request: SnapshotRequest): Promise<SnapshotRef> {
  const asOfMs = request.asOf === undefined ? undefined : parseAsOf(request.asOf);
  const spec = withFeatures(request.spec, request.alsoFeatures ?? [], request.alsoJoins ?? []);
  const manifest = await withSource({ ...request, spec }, (source) => freeze(request, source, spec, asOfMs));
  const { digest } = await request.store.putBytes(canonicalJson(manifest));
  return { digest, manifest };
}

async function freeze(request: SnapshotRequest, source: OpenedSource, spec: ModelSpec, asOfMs: number | undefined): Promise<SnapshotManifest> {
  const { files, joins, scratch, table, bounds } = source;
  const asOf = asOfMs ?? bounds.newestMs;
  const { heldOut, ...windows } = windowsAsOf(spec, asOf, bounds.oldestMs);
  const split: SnapshotSplit = { train: { window: windows.train }, evaluation: { window: windows.evaluation }, ...(heldOut && { heldOut }) };
  const both = { start: windows.train.start, end: windows.evaluation.end };
  const expressions = await selectExpressions(source, both, spec);
  const writePart = (name: 'train' | 'evaluation') => write(request, { source, expressions, split, name, path: join(scratch, `${name}.parquet`) });
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
      files: digestsOf(files),
      otherColumns: table.others.filter((name) => name.length <= MAX_NAME).slice(0, MAX_OTHER_COLUMNS),
    },
    ...(joins.length > 0 && { joins: joins.map((one) => ({ name: one.join.name, ...one.join.source, columns: one.join.columns, files: digestsOf(one.files) })) }),
    columns: train.columns,
    ...(heldOut && { heldOut }),
    train: train.part,
    evaluation: evaluation.part,
  };
}

const digestsOf = (files: readonly HashedFile[]): SnapshotSource['files'] => files.map(({ name, bytes, digest }) => ({ name, bytes, digest }));

/** What is in quarantine of a stretch of event time; times of one form are in the order of their texts. */
const leftOut = ({ without = [] }: SnapshotRequest, { start, end }: EventWindow): EventWindow[] => without.filter((left) => left.start < end && left.end > start);

/** A join of the champion brings only what is beside the spec's, and has a name that none in a spec can have. */
function withFeatures(spec: ModelSpec, also: readonly FeatureSpec[], alsoJoins: readonly JoinSpec[]): ModelSpec {
  const known = new Set(specColumns(spec).map((name) => name.toLowerCase()));
  const more = also.filter(({ name }) => !known.has(name.toLowerCase()));
  if (more.length === 0) return spec;
  const added = new Set(more.map(({ name }) => name));
  const joins = alsoJoins.flatMap((one) => {
    const columns = one.columns.filter((name) => added.has(name));
    return columns.length === 0 ? [] : [{ ...one, name: `${one.name} of the champion`, columns }];
  });
  return { ...spec, data: { ...spec.data, features: [...spec.data.features, ...more], ...(joins.length > 0 && { joins: [...(spec.data.joins ?? []), ...joins] }) } };
}

/** A manifest stays small however wide its source. */
const MAX_OTHER_COLUMNS = 2_000;
const MAX_NAME = 200;

interface PartToWrite {
  readonly source: OpenedSource;
  readonly expressions: readonly string[];
  readonly split: SnapshotSplit;
  readonly name: 'train' | 'evaluation';
  readonly path: string;
}

async function write(request: SnapshotRequest, part: PartToWrite): Promise<{ part: SnapshotPart; columns: Column[] }> {
  const { source: { database, table, eventTime }, expressions, split, name, path } = part;
  const { window } = split[name];
  await copyRows(part.source, { expressions, window, without: leftOut(request, window), condition: sideCondition(eventTime, name, split), key: request.spec.data.key, path });
  const counts = await countRows(database, path, table, request.spec);
  refuseTooFew(request.spec, part, counts);
  const columns = await database.rows(`DESCRIBE SELECT * FROM read_parquet(${quoteLiteral(path)})`);
  return {
    part: { artifact: await request.store.putFile(path), ...counts, window },
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
function refuseTooFew(spec: ModelSpec, { name, split, source: { bounds } }: PartToWrite, counts: { rows: number; labelledRows: number }): void {
  const { window } = split[name];
  const span = `[${window.start}, ${window.end})`;
  const holds = `the source holds event times from ${new Date(bounds.oldestMs).toISOString()} to ${new Date(bounds.newestMs).toISOString()}`;
  const { side, mend } = sideText(name, split);
  if (counts.rows === 0) {
    throw new PerennialError('WindowEmpty', `The ${name} window ${span} holds no rows${side}; ${holds}. Ask for another asOf or bring the data${mend}`, { part: name, window });
  }
  const minimum = name === 'train' ? spec.training.minimumRows : spec.evaluation.minimumRows;
  const unlabelled = 1 - counts.labelledRows / counts.rows;
  if (counts.labelledRows >= minimum || (counts.rows >= minimum && unlabelled > spec.data.maxUnlabelled)) return;
  const key = name === 'train' ? 'training.minimumRows' : 'evaluation.minimumRows';
  throw new PerennialError(
    'NotEnoughData',
    `The ${name} window ${span} has ${counts.labelledRows} labelled rows of ${counts.rows}${side}, and ${key} asks for ${minimum}; ${holds}${mend}`,
    { part: name, window, ...counts, minimumRows: minimum },
  );
}

/** Which rows of its window a part holds, and what gives it more, where blocks are held out. */
function sideText(name: PartToWrite['name'], { heldOut }: SnapshotSplit): { readonly side: string; readonly mend: string } {
  if (!heldOut) return { side: '', mend: '' };
  const blocks = `the blocks held out (${heldOutText(heldOut)}, evaluation.holdOutEvery)`;
  return name === 'train' ? { side: ` outside ${blocks}`, mend: '' } : { side: ` in ${blocks}`, mend: '; a longer evaluation.window or a smaller evaluation.holdOutEvery has more of them' };
}
