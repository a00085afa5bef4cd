import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import type { TrainingProgress } from '../contracts/training.js';
import type { TrainerJob } from './trainer-job.js';
import { runTrainer, type RunTrainerOptions, type TrainerCheckpoint } from './trainer-process.js';

const PYTHON = resolve('var/python/bin/python');
const MISBEHAVE = resolve('trainers/testing/misbehave.py');
const ENVIRONMENT = { PATH: '/usr/bin:/bin', HOME: '/', LANG: 'C.UTF-8' };
const LONG_MS = 60_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trainer-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const jobThat = (behaviour: string): TrainerJob => ({
  contract: 'perennial.trainer/v1',
  run: { id: 'retrain/m/1', attempt: 1 },
  model: 'm',
  task: 'regression',
  data: { train: '/nowhere', label: 'y', eventTime: 't', key: ['k'], asOf: '2026-01-01T00:00:00.000Z', labelHorizonMs: 0 },
  features: [{ name: 'x', type: 'number' }],
  parameters: { behaviour },
  seed: 1,
  threads: 1,
  parity: { data: '/nowhere', rows: 3 },
  checkpoint: { directory: join(folder, 'checkpoints'), resumeFrom: null, everyRounds: 1 },
  output: { directory: join(folder, 'output') },
});

const options = (changes: Partial<RunTrainerOptions> = {}): RunTrainerOptions => ({
  command: [PYTHON, MISBEHAVE],
  environment: ENVIRONMENT,
  silenceMs: LONG_MS,
  timeoutMs: LONG_MS,
  signal: new AbortController().signal,
  onProgress: () => undefined,
  onCheckpoint: () => Promise.resolve(),
  ...changes,
});

const run = (behaviour: string, changes: Partial<RunTrainerOptions> = {}) => runTrainer(jobThat(behaviour), options(changes));

async function failureOf(promise: Promise<unknown>): Promise<PerennialError> {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(PerennialError);
  return error as PerennialError;
}

/** What still runs of a command line; a zombie runs no more. */
async function running(pattern: string): Promise<string[]> {
  const listing = await new Promise<string>((done, fail) => {
    execFile('ps', ['-A', '-ww', '-o', 'pid=,stat=,args='], { maxBuffer: 1 << 24 }, (error, stdout) => (error ? fail(error) : done(stdout)));
  });
  return listing.split('\n').filter((line) => line.includes(pattern) && !/^\s*\d+\s+Z/.test(line));
}

const isRunning = async (pid: number): Promise<boolean> => (await running('')).some((line) => Number.parseInt(line, 10) === pid);

describe('a trainer that keeps the contract', { timeout: 60_000 }, () => {
  it('hands over its result, and its progress and checkpoints come in order', async () => {
    const progress: TrainingProgress[] = [];
    const kept: TrainerCheckpoint[] = [];
    const result = await run('well', {
      onProgress: (each) => progress.push(each),
      onCheckpoint: async (checkpoint) => void kept.push(checkpoint),
    });
    expect(progress).toEqual([{ done: 1, total: 2, metrics: { rmse: 1.5 } }, { done: 2, total: 2 }]);
    expect(kept).toEqual([
      { path: join(folder, 'checkpoints', 'a.bin'), done: 1 },
      { path: join(folder, 'checkpoints', 'b.bin'), done: 2 },
    ]);
    expect(result).toMatchObject({
      modelPath: join(folder, 'output', 'model.onnx'),
      metrics: { ok: 1 },
      parity: { output: 'predictions', rows: 3, values: [0.5, 0.5, 0.5] },
      device: 'cpu',
      versions: { python: '3' },
      log: ['a library chatters', 'info: nearly there'],
    });
  });

  it('keeps only the newest checkpoint on its own disk, once it is kept elsewhere', async () => {
    await run('well');
    expect(await readdir(join(folder, 'checkpoints'))).toEqual(['b.bin']);
  });

  it('sees the environment that it was given and nothing else', async () => {
    const result = await run('environment');
    const seen = JSON.parse(result.log[0]?.replace('info: ', '') ?? '{}') as Record<string, string>;
    // The interpreter itself adds LC_CTYPE, and macOS its text encoding.
    const own = Object.keys(seen).filter((name) => !['LC_CTYPE', '__CF_USER_TEXT_ENCODING'].includes(name));
    expect(own.sort()).toEqual(Object.keys(ENVIRONMENT).sort());
  });
});

describe('a trainer of data with sensitive columns', { timeout: 60_000 }, () => {
  it('has its words left out of failures, but those of a job that it refused before it looked at the data', async () => {
    for (const [behaviour, told] of [['exit-1', false], ['refuse-data', false], ['exit-75', false], ['exit-2', true]] as const) {
      const failure = await failureOf(run(behaviour, { discreet: true }));
      expect(failure.message, behaviour).toContain(told ? 'the reason on stderr' : 'data.sensitive');
      expect('stderr' in failure.details, behaviour).toBe(told);
      expect(/the reason|upside down/.test(JSON.stringify([failure.message, failure.details])), behaviour).toBe(told);
    }
  });
});

describe('a trainer that fails', { timeout: 60_000 }, () => {
  it.each([
    ['exit-1', 'TrainerFailed', 'ended with exit code 1: Traceback: the reason on stderr'],
    ['exit-2', 'TrainerRejectedJob', 'the reason on stderr'],
    ['exit-75', 'TrainerFailed', 'tried again later'],
    ['refuse-data', 'DataInvalid', 'column x is upside down'],
    ['killed', 'TrainerFailed', 'ended by SIGKILL'],
    ['no-model', 'TrainerOutputInvalid', 'model.onnx is missing'],
    ['no-result', 'TrainerOutputInvalid', 'without a result line'],
    ['broken-metrics', 'TrainerOutputInvalid', 'metrics.json is not JSON'],
    ['short-parity', 'TrainerOutputInvalid', 'parity.json holds 1 predictions where the job asks for 3'],
    ['symlinked-model', 'TrainerOutputInvalid', 'model.onnx is not a plain file'],
    ['flood-line', 'TrainerOutputInvalid', 'a line of more than 65536 bytes'],
    ['flood-messages', 'TrainerOutputInvalid', 'more than 67108864 bytes in all'],
    ['garbage', 'TrainerOutputInvalid', 'more than 1000 lines'],
    ['absent-checkpoint', 'TrainerOutputInvalid', 'never-written.bin'],
    ['linked-checkpoint', 'TrainerOutputInvalid', 'link.bin'],
  ])('%s is %s', async (behaviour, type, message) => {
    const failure = await failureOf(run(behaviour));
    expect(failure.message).toContain(message);
    expect(failure.type).toBe(type);
    expect(await running(folder)).toEqual([]);
  });

  it('does not pass for a good one because an earlier attempt left a model', async () => {
    await run('well');
    expect((await failureOf(run('no-model'))).message).toContain('model.onnx is missing');
  });

  it('is missing when its program is not there', async () => {
    const failure = await failureOf(run('well', { command: ['/nowhere/python', 'train.py'] }));
    expect(failure.type).toBe('TrainerMissing');
    expect(failure.message).toContain('/nowhere/python');
  });

  it('cannot name a checkpoint outside its folder', async () => {
    const kept: unknown[] = [];
    const failure = await failureOf(run('escaping-checkpoint', { silenceMs: 1_000, onCheckpoint: async (each) => void kept.push(each) }));
    expect(kept).toEqual([]);
    expect(failure.type).toBe('TrainerHung');
  });
});

describe('a trainer that does not end', { timeout: 60_000 }, () => {
  it('is ended after its silence, though it ignores SIGTERM', async () => {
    const failure = await failureOf(run('hang', { silenceMs: 500 }));
    expect(failure.type).toBe('TrainerHung');
    expect(await running(folder)).toEqual([]);
  });

  it('is ended after its time, though it is never silent', async () => {
    const failure = await failureOf(run('chatter', { timeoutMs: 1_000 }));
    expect(failure).toMatchObject({ type: 'TrainerFailed', details: { timeoutMs: 1_000 } });
    expect(await running(folder)).toEqual([]);
  });

  it('is ended when it is cancelled', async () => {
    const controller = new AbortController();
    const failure = await failureOf(run('grandchild-hangs', { signal: controller.signal, onProgress: () => controller.abort() }));
    expect(failure.type).toBe('TrainerCancelled');
    expect(await running(folder)).toEqual([]);
  });

  it('is not even started when it was cancelled before', async () => {
    const failure = await failureOf(run('well', { signal: AbortSignal.abort() }));
    expect(failure.type).toBe('TrainerCancelled');
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes its stubborn children along', async () => {
    const controller = new AbortController();
    const pids: number[] = [];
    const wasRunning: boolean[] = [];
    const onProgress = ({ done }: TrainingProgress) => {
      pids.push(done);
      void isRunning(done).then((yes) => {
        wasRunning.push(yes);
        controller.abort();
      });
    };
    await failureOf(run('grandchild-hangs', { signal: controller.signal, onProgress }));
    expect(wasRunning).toEqual([true]);
    expect(await isRunning(pids[0] as number)).toBe(false);
  });

  it('leaves no child behind when it ended well', async () => {
    const result = await run('grandchild-stays');
    const pid = Number(result.log[0]?.replace('info: pid ', ''));
    expect(pid).toBeGreaterThan(1);
    expect(await isRunning(pid)).toBe(false);
  });
});

describe('a checkpoint that is slow to keep, or cannot be kept', { timeout: 60_000 }, () => {
  it('ends the trainer, with the reason', async () => {
    const lost = new PerennialError('LeaseLost', 'Attempt 2 holds the lease');
    const tried: number[] = [];
    const onCheckpoint = ({ done }: TrainerCheckpoint) => {
      tried.push(done);
      return done < 3 ? Promise.resolve() : Promise.reject(lost);
    };
    await expect(run('many-checkpoints', { onCheckpoint })).rejects.toBe(lost);
    expect(tried).toEqual([1, 2, 3]);
    expect(await running(folder)).toEqual([]);
  });

  it('does not hold up a cancellation when keeping it hangs', async () => {
    const controller = new AbortController();
    const lost = new PerennialError('LeaseLost', 'Attempt 2 holds the lease');
    const onCheckpoint = () => {
      controller.abort(lost);
      return new Promise<void>(() => undefined);
    };
    await expect(run('many-checkpoints', { signal: controller.signal, onCheckpoint })).rejects.toBe(lost);
    expect(await running(folder)).toEqual([]);
  });

  it('is not silence of the trainer', async () => {
    const slow = () => new Promise<void>((done) => setTimeout(done, 1_500));
    const result = await run('well', { silenceMs: 700, onCheckpoint: slow });
    expect(result.device).toBe('cpu');
  });

  it('loses nothing of what the trainer wrote before it ended', async () => {
    const slow = () => new Promise<void>((done) => setTimeout(done, 3_000));
    const result = await run('result-after-checkpoint', { onCheckpoint: slow });
    expect(result.device).toBe('cpu');
  });
});

it('refuses a job folder that is a file', async () => {
  await writeFile(join(folder, 'output'), '');
  await expect(run('well')).rejects.toThrow();
});
