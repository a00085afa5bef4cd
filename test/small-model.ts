import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { stringify } from 'yaml';
import type { Tier } from '../src/spec/risk-tier.js';

/** Week 0 of the small model's events. */
export const EPOCH = Date.parse('2024-01-01T00:00:00.000Z');
const WEEK_MS = 7 * 24 * 60 * 60 * 1_000;
const WEEKS = 12;
const ROWS_A_WEEK = 600;

/** Event time at the beginning of a week, a day for labels to come included. */
export const asOfWeek = (week: number): string => new Date(EPOCH + week * WEEK_MS + 24 * 60 * 60 * 1_000).toISOString();

/**
 * Writes `<dataDir>/<name>/events.parquet`: two numbers and a colour, and a label that depends on them. The same rows
 * every time: they come from hashes, not from a clock. `select` lets a test break them.
 */
export async function writeEvents(dataDir: string, name: string, select = '*'): Promise<string> {
  mkdirSync(join(dataDir, name), { recursive: true });
  const path = join(dataDir, name, 'events.parquet');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`
    CREATE TABLE events AS
    WITH raw AS (
      SELECT i, hash(i * 7 + 1) % 10000 / 10000.0 AS u, hash(i * 7 + 2) % 10000 / 10000.0 AS v, hash(i * 7 + 3) % 3 AS c, hash(i * 7 + 4) % 10000 / 10000.0 AS noise
      FROM range(${WEEKS * ROWS_A_WEEK}) AS t(i)
    )
    SELECT 'event-' || i AS id, make_timestamp(${EPOCH} * 1000 + (i * ${WEEK_MS / ROWS_A_WEEK} * 1000)::BIGINT) AS asked_at,
      u::FLOAT AS size, CASE WHEN v < 0.1 THEN NULL ELSE v END::FLOAT AS age, ['blue', 'green', 'red'][(c + 1)::BIGINT] AS colour,
      (u + 0.3 * v + (c = 2)::INT * 0.3 + noise * 0.4) > 0.95 AS bought
    FROM raw`);
  await connection.run(`COPY (SELECT ${select} FROM events ORDER BY asked_at) TO '${path.replaceAll("'", "''")}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  return path;
}

/** For {@link writeEvents}: a label that is off by 0.7 to 1 times a reach that grows with the size, from 1 to 5. */
export const SELECT_MINUTES = "*, 10 * size + (1 + 4 * size) * (0.7 + 0.3 * (hash(id) % 10000 / 10000.0)) * (CASE WHEN hash('sign' || id) % 2 = 0 THEN 1 ELSE -1 END) AS minutes";

export interface SmallSpec {
  readonly model: string;
  /** Folder below the data folder. */
  readonly data?: string;
  readonly trainer?: string;
  readonly parameters?: Readonly<Record<string, string | number>>;
  readonly training?: Readonly<Record<string, unknown>>;
  readonly task?: 'binary-classification' | 'regression';
  readonly label?: string;
  readonly evaluation?: Readonly<Record<string, unknown>>;
  readonly sensitive?: readonly string[];
  readonly features?: readonly Readonly<Record<string, unknown>>[];
  readonly joins?: readonly Readonly<Record<string, unknown>>[];
  readonly gates?: Readonly<Record<string, unknown>>;
  readonly rollout?: Readonly<Record<string, unknown>>;
  readonly monitoring?: Readonly<Record<string, unknown>>;
  readonly retraining?: Readonly<Record<string, unknown>>;
  readonly fairness?: Readonly<Record<string, unknown>>;
  readonly tier?: Tier;
  readonly purpose?: string;
  readonly useCase?: Readonly<Record<string, unknown>>;
  readonly retirement?: Readonly<Record<string, unknown>>;
  readonly retention?: Readonly<Record<string, unknown>>;
}

/** A use case that may be of any tier. */
export const smallUseCase = (approval: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  businessCase: 'Planners call those first who are most likely to buy.', dataAvailability: 'The shop keeps every visit since 2013, with consent.', success: ['A call in ten sells'],
  runbook: 'The desk looks at the window that alarmed, calls the test team and takes the version back with perennial rollback.',
  risk: { materiality: 'minor', exposure: 'few', autonomy: 'informs', affected: 'nobody' }, approval,
});

const FEATURES = [
  { name: 'size', type: 'number', min: 0, max: 1 },
  { name: 'age', type: 'number', min: 0, max: 1, maxMissing: 0.3 },
  { name: 'colour', type: 'category', categories: ['blue', 'green', 'red'] },
];

/** The spec of a small model over {@link writeEvents}, as YAML. */
export function smallSpec({ model, data = model, trainer = 'xgboost', parameters, training, task = 'binary-classification', label = 'bought', evaluation, features = FEATURES, joins, gates, rollout, monitoring, retraining, fairness, tier = 'low', purpose = 'Shows in tests that a model is carried through its life.', sensitive, useCase, retirement, retention }: SmallSpec): string {
  return stringify({
    apiVersion: 'perennial/v1',
    model,
    purpose,
    owner: 'test-team',
    tier,
    task,
    data: { source: { path: `${data}/*.parquet` }, eventTime: 'asked_at', key: ['id'], label, labelHorizon: 'PT24H', features, ...(joins && { joins }), ...(sensitive && { sensitive }) },
    training: { trainer, parameters: parameters ?? { rounds: 40, max_depth: 3, learning_rate: 0.2 }, seed: 7, minimumRows: 500, timeout: 'PT5M', silence: 'PT1M', threads: 1, ...training },
    evaluation: { window: 'P2W', minimumRows: 100, slices: ['colour'], ...evaluation },
    gates: gates ?? { absolute: [{ metric: 'auc', min: 0.6 }], comparison: { metric: 'auc' } },
    rollout: rollout ?? { strategy: 'immediate' },
    ...(monitoring && { monitoring }),
    ...(retraining && { retraining }),
    ...(fairness && { fairness }),
    ...(useCase && { useCase }),
    ...(retirement && { retirement }),
    ...(retention && { retention }),
  });
}
