import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { FolderStore } from '../artifacts/folder-store.js';
import type { SnapshotRef } from '../contracts/artifacts.js';
import type { DataReport } from '../contracts/data-report.js';
import { PerennialError } from '../contracts/failures.js';
import { modelSpecSchema, type ModelSpec } from '../spec/model-spec.js';
import { quoteLiteral } from './feature-encoding.js';
import { takeSnapshot, type SnapshotRequest } from './snapshot.js';
import { validateSnapshot } from './validation.js';

/** Sixteen days of hourly rows, from 1 January: training the first ten, evaluation the next five, a day of horizon. */
export const HOURLY_ROWS = `
  SELECT 'k' || i AS id, TIMESTAMP '2024-01-01' + to_hours(i) AS moment, i % 3 = 0 AS late,
    (i * 37 % 101)::DOUBLE AS speed, CASE i % 2 WHEN 0 THEN 'north' ELSE 'south' END AS side
  FROM range(0, 385) AS hours(i)`;

export const SPEC = {
  apiVersion: 'perennial/v1', model: 'trial', purpose: 'Shows what snapshots and validation do.', owner: 'somebody', tier: 'low',
  task: 'binary-classification',
  data: {
    source: { path: 'rows.parquet' }, eventTime: 'moment', key: ['id'], label: 'late', labelHorizon: 'P1D',
    features: [
      { name: 'speed', type: 'number', min: 0, max: 100 },
      { name: 'side', type: 'category', categories: ['north', 'south'] },
    ],
  },
  training: { trainer: 'xgboost', minimumRows: 50 },
  evaluation: { window: 'P5D', minimumRows: 20 },
  gates: { comparison: { metric: 'auc' } },
} as const;

type Overrides = { readonly task?: string; readonly data?: object; readonly training?: object; readonly evaluation?: object; readonly rollout?: object };

/** The spec above with members of `data`, `training` and `evaluation` replaced, and a `rollout`. */
export const specWith = (overrides: Overrides = {}): ModelSpec =>
  modelSpecSchema.parse({
    ...SPEC, ...(overrides.task !== undefined && { task: overrides.task, gates: { comparison: { metric: 'rmse' } }, rollout: { strategy: 'immediate' } }),
    ...(overrides.rollout && { rollout: overrides.rollout }),
    data: { ...SPEC.data, ...overrides.data },
    training: { ...SPEC.training, ...overrides.training },
    evaluation: { ...SPEC.evaluation, ...overrides.evaluation },
  });

/** A data folder of its own, with what snapshots and reports are made in. */
export class DataFolder {
  private constructor(readonly root: string, readonly dataDir: string, readonly store: FolderStore) {}

  static async make(): Promise<DataFolder> {
    const root = await mkdtemp(join(tmpdir(), 'perennial-data-'));
    await mkdir(join(root, 'data'));
    return new DataFolder(root, join(root, 'data'), new FolderStore(join(root, 'artifacts')));
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.dataDir, name);
  }

  /** Writes a query's rows to a file of the data folder, as Parquet or CSV by its name. */
  async write(name: string, sql: string): Promise<void> {
    await mkdir(dirname(this.path(name)), { recursive: true });
    const format = name.endsWith('.csv') ? 'FORMAT csv, HEADER' : 'FORMAT parquet';
    await query(`COPY (${sql}) TO ${quoteLiteral(this.path(name))} (${format})`);
  }

  async snapshot(spec: ModelSpec, more: Partial<SnapshotRequest> = {}): Promise<SnapshotRef> {
    return takeSnapshot({ model: 'trial', spec, specDigest: 'sha256:0', dataDir: this.dataDir, workDir: join(this.root, 'work'), store: this.store, ...more });
  }

  async validate(spec: ModelSpec, snapshot?: SnapshotRef): Promise<DataReport> {
    return validateSnapshot({ snapshot: snapshot ?? (await this.snapshot(spec)), spec, store: this.store, workDir: join(this.root, 'work') });
  }

  /** Rows of a part of a snapshot. */
  async read(snapshot: SnapshotRef, part: 'train' | 'evaluation', select = '*'): Promise<Record<string, unknown>[]> {
    const path = await this.store.localPath(snapshot.manifest[part].artifact.digest);
    return query(`SELECT ${select} FROM read_parquet(${quoteLiteral(path)})`);
  }
}

/** Rows of a query of a DuckDB of its own, as JSON has them. */
export async function query(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The failure that a promise ends with. */
export async function failureOf(promise: Promise<unknown>): Promise<PerennialError> {
  const outcome = await promise.then(() => undefined, (error: unknown) => error);
  if (outcome instanceof PerennialError) return outcome;
  throw new Error('expected a PerennialError', { cause: outcome });
}
