import { join } from 'node:path';
import type { FolderStore } from '../../src/artifacts/folder-store.js';
import { HOURLY_ROWS } from '../../src/data/data-fixture.js';
import { withDatabase } from '../../src/data/duckdb.js';
import { quoteLiteral } from '../../src/data/feature-encoding.js';
import { ModelCourse } from '../../src/registry/testing/model-course.js';
import type { RegistryServer } from '../registry-server.js';

export interface ServedBaseline {
  readonly model: string;
  readonly specDigest: string;
  readonly deployment: string;
  readonly store: FolderStore;
  readonly folder: string;
}

/** Puts a version into service whose model is nowhere: the inputs of its deployment's windows are held against the hourly rows of the fixture. */
export async function serveBaseline(registry: RegistryServer, { model, specDigest, deployment, store, folder }: ServedBaseline): Promise<void> {
  const path = join(folder, 'baseline.parquet');
  await withDatabase({ files: [], scratch: folder }, (database) => database.run(`COPY (${HOURLY_ROWS}) TO ${quoteLiteral(path)} (FORMAT parquet)`));
  await registry.apiKey('ann');
  const course = new ModelCourse(registry.dataSource, model);
  course.specDigest = specDigest;
  course.evaluation = { artifact: await store.putFile(path), rows: 385, labelledRows: 385, window: { start: '2024-01-01T00:00:00.000Z', end: '2024-01-17T01:00:00.000Z' } };
  const version = await course.trained('ann', 'the first one');
  await course.routing.moveChampion({ model, deployment, expectedEpoch: 0, version, reason: 'promotion', actor: 'ann' }, new Date(), { workflowId: 'a test', runId: null });
}
