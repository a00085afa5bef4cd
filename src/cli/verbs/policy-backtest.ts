import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../../config/environment.js';
import { PerennialError } from '../../contracts/failures.js';
import type { PolicyBacktest } from '../../contracts/policy-backtest.js';
import type { AutomaticTrigger } from '../../contracts/retraining-decisions.js';
import { backtestPlot } from '../backtest-plot.js';
import { BacktestProgress } from '../backtest-progress.js';
import { backtestReport } from '../backtest-report.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { readSpecFile } from '../spec-file.js';

export interface PolicyBacktestOptions {
  readonly file: string;
  /** Event time, milliseconds since 1970. */
  readonly from?: number;
  readonly until?: number;
  readonly triggers?: readonly AutomaticTrigger[];
  readonly out?: string;
}

const STANDARD_OUT = join('var', 'backtest');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `perennial policy backtest`: asks no server; it reads the data, trains and scores on this machine. */
export async function policyBacktest(session: Session, options: PolicyBacktestOptions): Promise<ExitCode> {
  const source = readSpecFile(options.file);
  await makeFolder(options.out ?? STANDARD_OUT);
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  for (const signal of SIGNALS) process.once(signal, abort);
  try {
    const result = await backtest(session, source, options, stop.signal);
    const folder = options.out ?? join(STANDARD_OUT, result.model);
    const files = await write(folder, result);
    session.show({ ...result, files }, () => backtestReport(session.terminal, result, files));
    return EXIT.done;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    session.terminal.error('The backtest was cut off; nothing was written.\n');
    return EXIT.failed;
  } finally {
    for (const signal of SIGNALS) process.off(signal, abort);
  }
}

async function backtest({ environment, terminal, json }: Session, source: string, { from, until, triggers }: PolicyBacktestOptions, signal: AbortSignal): Promise<PolicyBacktest> {
  const [{ backtestPolicies }, { requireTrainer, trainLocally }] = [await import('../../drift/policy-backtest.js'), await import('../../training/local-training.js')];
  const trainers = trainersOf(environment);
  const progress = new BacktestProgress(terminal, !json);
  try {
    return await backtestPolicies({
      source, triggers: triggers ?? null, fromMs: from ?? null, untilMs: until ?? null, dataDir: environment.DATA_DIR, workDir: environment.WORK_DIR, signal,
      trainer: { requireReady: (spec) => requireTrainer(trainers, spec), train: (training) => trainLocally(trainers, training) },
    }, progress);
  } finally {
    progress.finish();
  }
}

const trainersOf = ({ TRAINER_PYTHON, TRAINERS_DIR, PATH, GPU_DEVICES }: Environment) =>
  ({ python: TRAINER_PYTHON, folder: TRAINERS_DIR, searchPath: PATH, gpus: GPU_DEVICES?.split(',').filter((device) => device !== '') });

/** @returns where the result and its picture are */
async function write(folder: string, result: PolicyBacktest): Promise<{ readonly result: string; readonly plot: string }> {
  await makeFolder(folder);
  const files = { result: join(folder, 'backtest.json'), plot: join(folder, 'backtest.svg') };
  await writeFile(files.result, `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(files.plot, backtestPlot(result));
  return files;
}

/** Before the work, too: an hour of training should not end at a folder. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new PerennialError('InvalidRequest', `${folder} cannot be made (${(error as NodeJS.ErrnoException).code ?? 'unknown'}); name a folder with --out`, { folder });
  });
}
