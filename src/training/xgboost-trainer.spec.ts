import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import * as ort from '../evaluation/onnx-runtime.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import { trainerCommand, trainerEnvironment } from './trainer-command.js';
import type { TrainerJob } from './trainer-job.js';
import { runTrainer, type RunTrainerOptions, type TrainerCheckpoint } from './trainer-process.js';

const PYTHON = resolve('var/python/bin/python');
const ENVIRONMENT = trainerEnvironment({ path: '/usr/bin:/bin', home: '/', threads: 2, gpus: [] });
const ROWS = 6_000;
const PARITY_ROWS = 500;
const EVERY_ROUNDS = 10;
const ROUNDS = 40;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xgboost-'));
  await writeRows(join(folder, 'rows.parquet'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Two numbers with gaps, a category with an unknown value, a label with gaps that come more with time. */
async function writeRows(path: string): Promise<void> {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  await connection.run(`
    COPY (
      SELECT i AS id, TIMESTAMP '2026-01-01' + INTERVAL (i) MINUTE AS at,
        CASE WHEN i % 17 = 0 THEN NULL ELSE sin(i * 0.7) * 3 END AS a,
        ((i * 7919) % 1000)::DECIMAL(9, 3) / 10 AS b,
        ['red', 'green', 'blue', 'unheard of'][1 + (i * 31) % 4] AS colour,
        CASE WHEN i % 23 = 0 THEN NULL ELSE (sin(i * 0.7) + sin(i * 1.3) * 0.4 > 0.2)::BOOLEAN END AS late,
        CASE WHEN i % 23 = 0 THEN NULL ELSE sin(i * 0.7) * 50 + (i * 31) % 4 END AS minutes
      FROM range(${ROWS}) rows(i) ORDER BY i
    ) TO '${path}' (FORMAT parquet)`);
  connection.closeSync();
}

const jobOf = (name: string, changes: Partial<TrainerJob> = {}): TrainerJob => ({
  contract: 'perennial.trainer/v1',
  run: { id: 'retrain/flight/1', attempt: 1 },
  model: 'flight',
  task: 'binary-classification',
  data: { train: join(folder, 'rows.parquet'), label: 'late', eventTime: 'at', key: ['id'], asOf: '2026-01-05T00:00:00.000Z', labelHorizonMs: 3_600_000 },
  features: [
    { name: 'a', type: 'number' },
    { name: 'b', type: 'number' },
    { name: 'colour', type: 'category', categories: ['red', 'green', 'blue'] },
  ],
  parameters: { rounds: ROUNDS, max_depth: 4, subsample: 0.7, colsample_bynode: 0.7 },
  seed: 42,
  threads: 2,
  parity: { data: join(folder, 'rows.parquet'), rows: PARITY_ROWS },
  checkpoint: { directory: join(folder, name, 'checkpoints'), resumeFrom: null, everyRounds: EVERY_ROUNDS },
  output: { directory: join(folder, name, 'output') },
  ...changes,
});

async function train(job: TrainerJob, changes: Partial<RunTrainerOptions> = {}) {
  return runTrainer(job, {
    command: await trainerCommand(PYTHON, resolve('trainers'), 'xgboost'),
    environment: ENVIRONMENT,
    silenceMs: 60_000,
    timeoutMs: 120_000,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onCheckpoint: () => Promise.resolve(),
    ...changes,
  });
}

const resuming = (name: string, resumeFrom: string, changes: Partial<TrainerJob> = {}): TrainerJob => {
  const job = jobOf(name, changes);
  return { ...job, checkpoint: { ...job.checkpoint, resumeFrom } };
};

describe('the XGBoost trainer, killed and begun again', { timeout: 60_000 }, () => {
  /** Trains until SIGKILL strikes in a round; returns a copy of the last checkpoint before it. */
  async function killedIn(round: number, name: string): Promise<string> {
    const kept: TrainerCheckpoint[] = [];
    const copy = join(folder, `${name}-kept.ubj`);
    const onCheckpoint = async (checkpoint: TrainerCheckpoint) => {
      kept.push(checkpoint);
      await copyFile(checkpoint.path, copy);
    };
    const command = [PYTHON, resolve('trainers/testing/killed_at_round.py'), String(round)];
    await expect(train(jobOf(name), { command, onCheckpoint })).rejects.toMatchObject({ type: 'TrainerFailed', details: { signal: 'SIGKILL' } });
    expect(kept.at(-1)?.done).toBe(round - (round % EVERY_ROUNDS));
    return copy;
  }

  it('ends with the bytes of an uninterrupted run, whichever checkpoint it goes on from', async () => {
    const whole = await readFile((await train(jobOf('whole'))).modelPath);
    for (const round of [13, 38]) {
      const checkpoint = await killedIn(round, `killed-${round}`);
      const seen: number[] = [];
      const result = await train(resuming(`resumed-${round}`, checkpoint), { onProgress: ({ done }) => seen.push(done) });
      expect(seen[0]).toBe(round - (round % EVERY_ROUNDS));
      expect((await readFile(result.modelPath)).equals(whole)).toBe(true);
    }
    // Else equality would say nothing: the seed does matter to these bytes.
    const otherSeed = await train(jobOf('other-seed', { seed: 43 }));
    expect((await readFile(otherSeed.modelPath)).equals(whole)).toBe(false);
  });

  it('begins anew from a checkpoint of other parameters or of broken bytes, and says so', async () => {
    const whole = await readFile((await train(jobOf('again'))).modelPath);
    const foreign = await killedIn(15, 'foreign');
    const parameters = { ...jobOf('x').parameters, max_depth: 3 };
    const other = await train(resuming('other', foreign, { parameters }));
    expect(other.log.join('\n')).toContain('is of another training');
    const alone = await train(jobOf('alone', { parameters }));
    expect((await readFile(other.modelPath)).equals(await readFile(alone.modelPath))).toBe(true);
    const broken = await train(resuming('broken', resolve('package.json')));
    expect(broken.log.join('\n')).toContain('cannot be read');
    expect((await readFile(broken.modelPath)).equals(whole)).toBe(true);
  });
});

describe("the XGBoost trainer's model", { timeout: 60_000 }, () => {
  /** The matrix as the contract defines it, made by DuckDB: another hand than the trainer's. */
  async function features(): Promise<Float32Array> {
    const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    const reader = await connection.runAndReadAll(`
      SELECT a::DOUBLE, b::DOUBLE, list_position(['red', 'green', 'blue'], colour) - 1.0::DOUBLE
      FROM read_parquet('${join(folder, 'rows.parquet')}') LIMIT ${PARITY_ROWS}`);
    connection.closeSync();
    return Float32Array.from(reader.getRows().flat(), (value) => (value === null ? NaN : Number(value)));
  }

  async function answers(modelPath: string, output: string): Promise<{ data: Float32Array; dims: readonly number[] }> {
    const session = await ort.InferenceSession.create(modelPath);
    expect(session.inputNames).toEqual(['features']);
    const result = await session.run({ features: new ort.Tensor('float32', await features(), [PARITY_ROWS, 3]) });
    const tensor = result[output];
    if (!tensor) return expect.unreachable(`the model has no output ${output}`);
    return { data: tensor.data as Float32Array, dims: tensor.dims };
  }

  it('answers as its trainer does: probabilities', async () => {
    const result = await train(jobOf('classifier'));
    const { data, dims } = await answers(result.modelPath, 'probabilities');
    expect(dims).toEqual([PARITY_ROWS, 2]);
    result.parity.values.forEach((value, row) => {
      expect(Math.abs((data[2 * row + 1] as number) - value)).toBeLessThan(1e-6);
      expect(Math.abs((data[2 * row] as number) + (data[2 * row + 1] as number) - 1)).toBeLessThan(1e-6);
    });
    expect(new Set(result.parity.values).size).toBeGreaterThan(20);
    const { training } = result.metrics as { training: { 'train-logloss': number } };
    expect(training['train-logloss']).toBeLessThan(0.3);
    expect(result.device).toBe('cpu');
  });

  it('answers as its trainer does when every leaf is positive', async () => {
    // Labels of which nearly all are 1, and a base score far below: TreeEnsembleClassifier would answer without its link.
    const job = jobOf('positive');
    const data = { ...job.data, train: join(folder, 'positive.parquet') };
    const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    await connection.run(`COPY (SELECT * REPLACE (CASE WHEN late IS NULL THEN NULL ELSE id > 5 END AS late) FROM '${join(folder, 'rows.parquet')}' ORDER BY id) TO '${data.train}' (FORMAT parquet)`);
    connection.closeSync();
    const result = await train({ ...job, data, parameters: { rounds: 3, max_depth: 2, scale_pos_weight: 50 } });
    const { data: probabilities } = await answers(result.modelPath, 'probabilities');
    result.parity.values.forEach((value, row) => expect(Math.abs((probabilities[2 * row + 1] as number) - value)).toBeLessThan(1e-6));
  });

  it('answers as its trainer does: a regression', async () => {
    const job = jobOf('regression');
    const result = await train({ ...job, task: 'regression', data: { ...job.data, label: 'minutes' } });
    const { data, dims } = await answers(result.modelPath, 'predictions');
    expect(dims).toEqual([PARITY_ROWS, 1]);
    result.parity.values.forEach((value, row) => expect(Math.abs((data[row] as number) - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value))));
  });

  it('trains on rows whose label is there and complete, and no others', async () => {
    const job = jobOf('horizon', { parameters: { rounds: 1 } });
    const result = await train({ ...job, data: { ...job.data, asOf: '2026-01-02T00:00:00.000Z' } });
    // Rows 0 to 23 h × 60 inclusive are an hour old at least; every 23rd has no label.
    const complete = 23 * 60 + 1;
    expect(result.metrics).toMatchObject({ rows: complete - Math.ceil(complete / 23), rounds: 1 });
  });
});

describe('what the XGBoost trainer refuses', { timeout: 60_000 }, () => {
  const refusal = async (changes: Partial<TrainerJob>): Promise<PerennialError> => {
    const error: unknown = await train(jobOf('refused', changes)).catch((caught: unknown) => caught);
    return error instanceof PerennialError ? error : expect.unreachable(`no refusal but ${String(error)}`);
  };

  it('unknown and wrong parameters, each by its name', async () => {
    const failure = await refusal({ parameters: { max_dept: 3, eta: 'fast', rounds: 0, booster: 'dart' } });
    expect(failure.type).toBe('TrainerRejectedJob');
    for (const part of ['max_dept is not known (did you mean max_depth?)', 'eta must be', 'rounds must be', 'booster is not known']) expect(failure.message).toContain(part);
  });

  it('a GPU that is not there', async () => {
    expect(await refusal({ parameters: { device: 'cuda' } })).toMatchObject({ type: 'TrainerRejectedJob' });
  });

  it.each<[string, Partial<TrainerJob['data']>, string]>([
    ['a label that is no class', { label: 'minutes' }, "the label 'minutes' must be 0 or 1"],
    ['a column that is not there', { label: 'lateness' }, 'has no column lateness'],
    ['a file that is not there', { train: '/nowhere/rows.parquet' }, '/nowhere/rows.parquet cannot be read'],
    ['a file that is no Parquet', { train: resolve('package.json') }, 'cannot be read as Parquet'],
    ['an event time that is none', { eventTime: 'id' }, "the event time 'id' is of type int64"],
    ['labels none of which is complete', { asOf: '2025-12-31T00:00:00.000Z' }, 'none of the 6000 rows'],
  ])('%s', async (_, data, message) => {
    const failure = await refusal({ data: { ...jobOf('refused').data, ...data } });
    expect(failure.message).toContain(message);
    expect(failure.type).toBe('DataInvalid');
  });

  it('text where a number is wanted', async () => {
    const failure = await refusal({ features: [{ name: 'colour', type: 'number' }] });
    expect(failure.message).toContain("the column 'colour' is of type string where numbers are wanted");
  });

  it('a job of another contract', async () => {
    expect((await refusal({ contract: 'perennial.trainer/v2' as never })).message).toContain('perennial.trainer/v1');
  });
});

it('ends with its stdin when it is run by hand', async () => {
  const job = jobOf('by-hand', { parameters: { rounds: 100_000 } });
  await mkdir(job.output.directory, { recursive: true });
  const path = join(job.output.directory, 'job.json');
  await mkdir(job.checkpoint.directory, { recursive: true });
  await writeFile(path, JSON.stringify(job));
  const [python, script] = await trainerCommand(PYTHON, resolve('trainers'), 'xgboost');
  const ended = spawnSync(python as string, [script as string, path], { input: '', env: ENVIRONMENT, timeout: 60_000 });
  expect(ended.stderr.toString()).toContain('its supervisor is gone');
  expect(ended.status).toBe(143);
}, 60_000);
