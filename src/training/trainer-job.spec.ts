import { describe, expect, it } from 'vitest';
import type { SnapshotManifest } from '../contracts/artifacts.js';
import { parseSpec } from '../spec/parse-spec.js';
import { buildTrainerJob } from './trainer-job.js';

const { spec, digest } = parseSpec(`
apiVersion: perennial/v1
model: delays
purpose: Says whether a flight will be late.
owner: ops
tier: low
task: binary-classification
data:
  source: { path: flights.parquet }
  eventTime: at
  key: [id]
  label: late
  labelHorizon: PT24H
  features:
    - { name: wind, type: number, min: 0, maxMissing: 0.5 }
    - { name: carrier, type: category, categories: [AA, UA] }
training:
  trainer: xgboost
  parameters: { rounds: 50 }
  seed: 9
  threads: 3
gates: { comparison: { metric: auc } }
`);

const part = (rows: number) => ({
  artifact: { digest: 'sha256:00', bytes: 1 },
  rows,
  labelledRows: rows,
  window: { start: '2026-01-01T00:00:00.000Z', end: '2026-02-01T00:00:00.000Z' },
});
const manifestOf = (evaluationRows: number): SnapshotManifest => ({
  model: 'delays',
  specDigest: digest,
  asOf: '2026-03-01T00:00:00.000Z',
  source: { path: 'flights.parquet', format: 'parquet', files: [] },
  columns: [],
  train: part(10_000),
  evaluation: part(evaluationRows),
});

const build = (evaluationRows: number) =>
  buildTrainerJob({
    spec,
    manifest: manifestOf(evaluationRows),
    run: { id: 'retrain/delays/4', attempt: 2 },
    trainPath: '/artifacts/train',
    evaluationPath: '/artifacts/evaluation',
    resumeFrom: '/artifacts/checkpoint',
    workDirectory: '/work-of/4-2',
  });

describe('a trainer job', () => {
  it('says everything that the trainer needs, and nothing of the checks that data has passed', () => {
    expect(build(5_000)).toEqual({
      contract: 'perennial.trainer/v1',
      run: { id: 'retrain/delays/4', attempt: 2 },
      model: 'delays',
      task: 'binary-classification',
      data: { train: '/artifacts/train', label: 'late', eventTime: 'at', key: ['id'], asOf: '2026-03-01T00:00:00.000Z', labelHorizonMs: 86_400_000 },
      features: [{ name: 'wind', type: 'number' }, { name: 'carrier', type: 'category', categories: ['AA', 'UA'] }],
      parameters: { rounds: 50 },
      seed: 9,
      threads: 3,
      parity: { data: '/artifacts/evaluation', rows: 1_000 },
      checkpoint: { directory: '/work-of/4-2/checkpoints', resumeFrom: '/artifacts/checkpoint', everyRounds: 50 },
      output: { directory: '/work-of/4-2/output' },
    });
  });

  it('asks for no more parity rows than there are', () => {
    expect(build(12).parity.rows).toBe(12);
  });
});
