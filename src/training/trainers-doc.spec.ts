import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import * as ort from '../evaluation/onnx-runtime.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainerJob } from './trainer-job.js';
import { trainerCommand, trainerEnvironment } from './trainer-command.js';
import { parseTrainerLine } from './trainer-messages.js';
import { runTrainer, type TrainerResult } from './trainer-process.js';

const documented = await readFile('docs/TRAINERS.md', 'utf8');

function block(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(documented)?.[1];
  return found ?? expect.unreachable(`docs/TRAINERS.md has no ${language} block`);
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trainers-doc-'));
  await mkdir(join(folder, 'linear'));
  await writeFile(join(folder, 'linear', 'train.py'), block('python'));
  await symlink(resolve('trainers/perennial_trainer'), join(folder, 'perennial_trainer'));
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  await connection.run(`COPY (SELECT TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND AS t, i % 10 AS x, (3 * (i % 10) + 2)::DOUBLE AS y, i AS id
    FROM range(100) rows(i)) TO '${join(folder, 'rows.parquet')}' (FORMAT parquet)`);
  connection.closeSync();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const jobOf = (task: TrainerJob['task']): TrainerJob => ({
  contract: 'perennial.trainer/v1',
  run: { id: 'retrain/m/1', attempt: 1 },
  model: 'm',
  task,
  data: { train: join(folder, 'rows.parquet'), label: 'y', eventTime: 't', key: ['id'], asOf: '2026-02-01T00:00:00.000Z', labelHorizonMs: 0 },
  features: [{ name: 'x', type: 'number' }, { name: 'id', type: 'category', categories: ['nothing'] }],
  parameters: {},
  seed: 1,
  threads: 1,
  parity: { data: join(folder, 'rows.parquet'), rows: 10 },
  checkpoint: { directory: join(folder, 'checkpoints'), resumeFrom: null, everyRounds: 1 },
  output: { directory: join(folder, 'output') },
});

const train = async (task: TrainerJob['task']): Promise<TrainerResult> =>
  runTrainer(jobOf(task), {
    command: await trainerCommand(resolve('var/python/bin/python'), folder, 'linear'),
    environment: trainerEnvironment({ path: '/usr/bin:/bin', home: '/', threads: 1, gpus: [] }),
    silenceMs: 60_000,
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onCheckpoint: () => Promise.resolve(),
  });

describe('the documented trainer contract', { timeout: 60_000 }, () => {
  it('has an example that trains a model', async () => {
    const result = await train('regression');
    const session = await ort.InferenceSession.create(result.modelPath);
    const features = Float32Array.from([4, NaN, NaN, NaN]);
    const { predictions } = await session.run({ features: new ort.Tensor('float32', features, [2, 2]) });
    expect(predictions?.dims).toEqual([2, 1]);
    expect(predictions?.data[0]).toBeCloseTo(14, 4);
    expect(predictions?.data[1]).toBeCloseTo(2, 4);
    result.parity.values.forEach((value, row) => expect(value).toBeCloseTo(3 * row + 2, 4));
  });

  it('has an example that refuses what it cannot do', async () => {
    await expect(train('binary-classification')).rejects.toMatchObject({
      type: 'TrainerRejectedJob',
      message: expect.stringContaining('this trainer knows regression only') as string,
    });
  });

  it('shows a job of the shape that is built', () => {
    const shown = JSON.parse(block('json')) as Record<string, unknown>;
    expect(shapeOf(shown)).toEqual(shapeOf(jobOf('regression')));
  });

  it('shows lines that are understood', () => {
    const lines = [...documented.matchAll(/^\| `(\{"type".*?\})` \|/gm)].map((match) => match[1] as string);
    expect(lines.map((line) => parseTrainerLine(line)?.type)).toEqual(['progress', 'checkpoint', 'log', 'result']);
  });
});

/** The keys, those of `parameters` left out. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return 'list';
  if (typeof value !== 'object' || value === null) return 'value';
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, key === 'parameters' ? 'open' : shapeOf(member)]));
}
