import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groupRuns } from './group-members.js';
import type { TrainerJob } from './trainer-job.js';

const PYTHON = resolve('var/python/bin/python');
const ROOMS = ['contracts', 'spec', 'training'];

/** A process of its own that supervises a trainer: prints the trainer's process group, then its progress. */
const WORKER = `
import { readFileSync } from 'node:fs';
import { ProcessGroup } from './src/training/process-group.js';
import { runTrainer } from './src/training/trainer-process.js';
const start = ProcessGroup.start;
ProcessGroup.start = async (...args) => {
  const group = await start.apply(ProcessGroup, args);
  console.log('group ' + group.pid);
  return group;
};
const [jobPath, ...command] = process.argv.slice(2);
await runTrainer(JSON.parse(readFileSync(jobPath, 'utf8')), {
  command, environment: { PATH: '/usr/bin:/bin', HOME: '/' }, silenceMs: 600_000, timeoutMs: 600_000, signal: new AbortController().signal,
  onProgress: ({ done }) => console.log('progress ' + done), onCheckpoint: async () => {},
});
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'worker-death-'));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'worker.js'), WORKER);
  for (const room of ROOMS) await transpile(join('src', room));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The sources as they are now, as Node 20 can run them. */
async function transpile(room: string): Promise<void> {
  for (const name of (await readdir(room)).filter((each) => each.endsWith('.ts') && !each.endsWith('.spec.ts'))) {
    const source = await readFile(join(room, name), 'utf8');
    const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    const target = join(folder, room, name.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, ts.transpileModule(source, { compilerOptions: options }).outputText);
  }
}

/** The trainer's process group, once its training has begun. The worker's output is read on, so that it never waits. */
function groupOfRunningTrainer(worker: ChildProcess): Promise<number> {
  return new Promise((done, fail) => {
    let text = '';
    worker.stdout?.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(0, 10_000);
      const group = /^group (\d+)$/m.exec(text)?.[1];
      if (group && /^progress [1-9]/m.test(text)) done(Number(group));
    });
    worker.once('exit', () => fail(new Error(`the worker ended before its trainer began: ${text}`)));
  });
}

async function startWorker(job: TrainerJob, script: string): Promise<ChildProcess> {
  await mkdir(join(folder, job.model), { recursive: true });
  const jobPath = join(folder, job.model, 'job.json');
  await writeFile(jobPath, JSON.stringify(job));
  return spawn(process.execPath, [join(folder, 'worker.js'), jobPath, PYTHON, resolve(script)], { stdio: ['ignore', 'pipe', 'inherit'] });
}

const jobOf = (model: string, train: string, parameters: TrainerJob['parameters']): TrainerJob => ({
  contract: 'perennial.trainer/v1',
  run: { id: 'retrain/m/1', attempt: 1 },
  model,
  task: 'regression',
  data: { train, label: 'y', eventTime: 't', key: ['t'], asOf: '2030-01-01T00:00:00.000Z', labelHorizonMs: 0 },
  features: [{ name: 'x', type: 'number' }],
  parameters,
  seed: 1,
  threads: 1,
  parity: { data: train, rows: 1 },
  checkpoint: { directory: join(folder, model, 'checkpoints'), resumeFrom: null, everyRounds: 1_000_000 },
  output: { directory: join(folder, model, 'output') },
});

describe('a worker that is killed with SIGKILL', { timeout: 60_000 }, () => {
  async function groupGoneAfterDeath(worker: ChildProcess): Promise<boolean> {
    const group = await groupOfRunningTrainer(worker);
    expect(await groupRuns(group)).toBe(true);
    expect(worker.kill('SIGKILL')).toBe(true);
    for (let waited = 0; waited < 200; waited++) {
      if (!(await groupRuns(group))) return true;
      await sleep(50);
    }
    process.kill(-group, 'SIGKILL');
    return false;
  }

  it('takes along a trainer that ignores its stdin and SIGTERM, and its child', async () => {
    const worker = await startWorker(jobOf('stubborn', '/nowhere', { behaviour: 'grandchild-hangs' }), 'trainers/testing/misbehave.py');
    expect(await groupGoneAfterDeath(worker)).toBe(true);
  });

  it('takes along the XGBoost trainer in the middle of its rounds', async () => {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    const path = join(folder, 'rows.parquet');
    await connection.run(`COPY (SELECT TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND AS t, i::DOUBLE AS x, sin(i) AS y FROM range(50000) r(i)) TO '${path}' (FORMAT parquet)`);
    connection.closeSync();
    const worker = await startWorker(jobOf('boosting', path, { rounds: 100_000 }), 'trainers/xgboost/train.py');
    expect(await groupGoneAfterDeath(worker)).toBe(true);
  });
});
