import { fork, type ChildProcess } from 'node:child_process';
import { PerennialError } from '../contracts/failures.js';
import { MEMORY_EXCEEDED, type ScoreResult, type ScoringJob, type ScoringMessage } from './scoring-job.js';
import type { WatchdogOptions } from './scoring-watchdog.js';

/** How far a model may go before its process is ended. */
export interface IsolationBounds {
  readonly wallMs: number;
  readonly maxRssBytes: number;
}

export const DEFAULT_BOUNDS: IsolationBounds = { wallMs: 30 * 60_000, maxRssBytes: 2 * 1024 ** 3 };

export interface IsolatedRun {
  readonly bounds: IsolationBounds;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((rows: number, of: number) => void) | undefined;
}

const FROM_SOURCE = import.meta.url.endsWith('.ts');
const PROGRAM = new URL(FROM_SOURCE ? './scoring-process.ts' : './scoring-process.js', import.meta.url);
/** Node's own heap; the typed arrays, DuckDB and ONNX Runtime live outside it. */
const NODE_FLAGS = ['--max-old-space-size=256', '--max-semi-space-size=1', '--expose-gc', ...(FROM_SOURCE ? ['--import', new URL('./typescript-source.mjs', import.meta.url).href] : [])];
/** All that the process sees: glibc keeps one heap instead of one a thread. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '1' };
const WATCH_EVERY_MS = 20;
const KEPT_STDERR = 8_192;

/**
 * Runs a job in a process of its own, which sees no environment variable of ours. `run()` of the runtime blocks its
 * thread, and a model may hang there, swell or crash; a worker thread can be neither stopped nor bounded in memory then, a
 * process can. Memory is sampled every 20 ms, so that the bound is passed by what a model allocates in that time.
 * @throws PerennialError whatever the process reports; `ScoringFailed` when a bound was passed or the process died
 * @throws the reason of `signal` when that fires
 */
export async function runIsolated(job: ScoringJob, { bounds, signal, onProgress }: IsolatedRun): Promise<ScoreResult> {
  signal?.throwIfAborted();
  const watchdog: WatchdogOptions = { parentPid: process.pid, maxRssBytes: bounds.maxRssBytes, everyMs: WATCH_EVERY_MS };
  const child = fork(PROGRAM, [JSON.stringify(watchdog)], {
    execArgv: NODE_FLAGS, env: ENVIRONMENT, serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, bounds.wallMs);
  try {
    const outcome = await conversation(child, job, onProgress);
    signal?.throwIfAborted();
    if (late) throw new PerennialError('ScoringFailed', `The model did not finish within ${bounds.wallMs / 1000} s; its process was ended`, { wallMs: bounds.wallMs });
    return settle(outcome, bounds);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
    kill();
  }
}

interface Outcome {
  readonly said: Exclude<ScoringMessage, { kind: 'progress' }> | undefined;
  readonly ending: string;
  readonly stderr: string;
}

/** Until the process has gone. */
function conversation(child: ChildProcess, job: ScoringJob, onProgress: IsolatedRun['onProgress']): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let said: Outcome['said'];
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-KEPT_STDERR);
    });
    child.on('message', (message: ScoringMessage) => {
      if (message.kind === 'progress') onProgress?.(message.rows, message.of);
      else said = message;
    });
    child.once('error', (error) => reject(new PerennialError('ScoringFailed', `The scoring process cannot be started: ${error.message}`, {})));
    child.once('close', (code, signal) => resolve({ said, stderr, ending: signal ?? `exit code ${code}` }));
    // A process that dies at once cannot be told; its end says so.
    child.send(job, () => undefined);
  });
}

function settle({ said, ending, stderr }: Outcome, bounds: IsolationBounds): ScoreResult {
  if (said?.kind === 'done') return said.result;
  if (said?.kind === 'failed') throw new PerennialError(said.type, said.message, said.details);
  if (stderr.includes(MEMORY_EXCEEDED)) {
    throw new PerennialError('ScoringFailed', `The model needed more than ${Math.round(bounds.maxRssBytes / 1024 ** 2)} MiB; its process was ended`, { maxRssBytes: bounds.maxRssBytes });
  }
  throw new PerennialError('ScoringFailed', `The scoring process died (${ending}): ${stderr.trim().slice(-500) || 'it said nothing'}`, { ending, stderr });
}
