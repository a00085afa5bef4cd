import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ArtifactStore } from '../artifacts/artifact-store.js';
import type { SnapshotManifest, SnapshotRef } from '../contracts/artifacts.js';
import type { DataReport, DataViolation } from '../contracts/data-report.js';
import { maskedRow, sensitivityOf } from '../contracts/masking.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { withDatabase, type Database, type DatabaseLimits } from './duckdb.js';
import { missingMessage } from './event-time.js';
import { countDuplicates, countOverlap, examplesOf, measurePart, type MeasuredPart, type PartFile } from './part-scan.js';
import { duplicateViolation, labelClassViolation, overlapViolation, rowViolation, stalenessViolation } from './part-violations.js';
import { rowChecks } from './row-checks.js';
import { specColumns } from './source-table.js';

export interface ValidationRequest {
  readonly snapshot: SnapshotRef;
  readonly spec: ModelSpec;
  readonly store: ArtifactStore;
  /** A folder for files on the way; what is made in it is removed. */
  readonly workDir: string;
  readonly limits?: DatabaseLimits;
  readonly signal?: AbortSignal;
}

/**
 * Compares a snapshot with its spec: columns, types, bounds, missing values, categories, keys, labels, event times and
 * freshness. Every violation is listed, with how many rows break it, up to five of them with sensitive values masked, and how to mend it.
 * @throws PerennialError `ArtifactMissing`, `ArtifactCorrupt`, `DataUnreadable`; never for what it finds.
 */
export async function validateSnapshot(request: ValidationRequest): Promise<DataReport> {
  const { manifest } = request.snapshot;
  const workDir = resolve(request.workDir);
  await mkdir(workDir, { recursive: true });
  const scratch = await mkdtemp(join(workDir, 'validation-'));
  try {
    const train = await realpath(await request.store.localPath(manifest.train.artifact.digest));
    const evaluation = await realpath(await request.store.localPath(manifest.evaluation.artifact.digest));
    const sensitivity = sensitivityOf(request.spec);
    const violations = await withDatabase(
      { files: [train, evaluation], scratch, signal: request.signal, discreet: sensitivity.columns.size > 0, ...(request.limits && { limits: request.limits }) },
      (database) => inspect(database, request.spec, manifest, [{ part: 'train', path: train }, { part: 'evaluation', path: evaluation }]),
    );
    return { verdict: violations.length === 0 ? 'pass' : 'fail', violations: violations.map((one) => ({ ...one, examples: one.examples.map((row) => maskedRow(row, sensitivity)) })) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function inspect(database: Database, spec: ModelSpec, manifest: SnapshotManifest, files: readonly [PartFile, PartFile]): Promise<DataViolation[]> {
  const violations: DataViolation[] = [];
  for (const file of files) violations.push(...(await inspectPart(database, spec, manifest, file)));
  const keyed = spec.data.key.every((key) => manifest.columns.some(({ name }) => name === key));
  if (!keyed) return violations;
  const overlap = await countOverlap(database, spec.data.key, files[0], files[1]);
  return [...violations, ...overlapViolation(spec, overlap, manifest.evaluation.rows)];
}

async function inspectPart(database: Database, spec: ModelSpec, manifest: SnapshotManifest, file: PartFile): Promise<DataViolation[]> {
  const checks = rowChecks(spec, manifest.columns, file.part, manifest);
  const measured = await measurePart(database, spec, manifest.columns, file, checks);
  const violations: DataViolation[] = missingColumns(spec, manifest, file, measured);
  violations.push(...stalenessViolation(spec, file.part, manifest, measured));
  for (const [index, check] of checks.entries()) {
    const rows = measured.broken[index] ?? 0;
    if (check.wholeColumn === undefined && rows <= check.allowed * measured.rows) continue;
    violations.push(rowViolation(check, file.part, rows, measured.rows, rows === 0 ? [] : await examplesOf(database, spec, manifest.columns, file, check)));
  }
  violations.push(...labelClassViolation(spec, file.part, measured));
  const keyed = spec.data.key.every((key) => manifest.columns.some(({ name }) => name === key));
  if (keyed) violations.push(...duplicateViolation(spec, file.part, await countDuplicates(database, spec.data.key, file), measured.rows));
  return violations;
}

function missingColumns(spec: ModelSpec, manifest: SnapshotManifest, { part }: PartFile, { rows }: MeasuredPart): DataViolation[] {
  const there = new Set(manifest.columns.map(({ name }) => name));
  return specColumns(spec).filter((name) => !there.has(name)).map((column) => ({
    check: 'columnMissing', column, part, rows, share: 1, limit: 'the column is there', examples: [],
    message: `${part}: ${missingMessage(column, manifest.source.otherColumns ?? [])}`,
  }));
}
