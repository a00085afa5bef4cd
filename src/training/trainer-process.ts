import { lstat, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { PerennialError } from '../contracts/failures.js';
import type { TrainingProgress } from '../contracts/training.js';
import { ByteTail, LineSplitter } from './line-splitter.js';
import { ProcessGroup } from './process-group.js';
import { exitFailure } from './trainer-failure.js';
import type { TrainerJob } from './trainer-job.js';
import { parseTrainerLine, type TrainerMessage } from './trainer-messages.js';
import { OUTPUT_FILES, readTrainerOutput, type TrainerOutput } from './trainer-output.js';
import { TrainerWatch } from './trainer-watch.js';

const STDOUT_BOUNDS = { maxLineBytes: 64 * 1024, maxTotalBytes: 64 * 1024 * 1024 };
const STDERR_TAIL_BYTES = 64 * 1024;
const MAX_UNKNOWN_LINES = 1_000;
const MAX_LOG_LINES = 500;
const MAX_LOG_LINE_CHARACTERS = 2_000;
const GRACE_MS = 3_000;

export interface TrainerCheckpoint {
  readonly path: string;
  /** Units of work that it holds. */
  readonly done: number;
}

export interface RunTrainerOptions {
  /** The program and its arguments; the job file's path is added. */
  readonly command: readonly string[];
  /** All of the trainer's environment: no secret of ours belongs in it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly silenceMs: number;
  readonly timeoutMs: number;
  /** Whether failures leave out the trainer's words, which may quote a value of a sensitive column; those of a refused job, which is looked at before the data, are told. */
  readonly discreet?: boolean;
  readonly signal: AbortSignal;
  onProgress(progress: TrainingProgress): void;
  /**
   * Keeps the file elsewhere before it resolves; an older checkpoint is deleted then. A rejection (a lost lease, say)
   * ends the trainer and is thrown by {@link runTrainer}.
   */
  onCheckpoint(checkpoint: TrainerCheckpoint): Promise<void>;
}

export interface TrainerResult extends TrainerOutput {
  /** `cpu` or `cuda`, as it was really used. */
  readonly device: string;
  /** Version by library, the interpreter included. */
  readonly versions: Readonly<Record<string, string>>;
  /** The last log lines, with the lines that were none of the contract's. */
  readonly log: readonly string[];
  readonly durationMs: number;
}

/**
 * Runs one attempt of a training under `perennial.trainer/v1`. Whatever happens, no process of the trainer's group is
 * left when it settles.
 * @throws PerennialError `TrainerMissing`, `TrainerRejectedJob`, `DataInvalid`, `TrainerFailed`, `TrainerHung`,
 *   `TrainerOutputInvalid`, `TrainerCancelled`, or what `onCheckpoint` rejected with, or what `signal` was aborted with
 *   when that is a PerennialError.
 */
export async function runTrainer(job: TrainerJob, options: RunTrainerOptions): Promise<TrainerResult> {
  const startedAt = performance.now();
  const watch = new TrainerWatch(options);
  try {
    watch.stop.throwIfAborted();
    const jobPath = await prepareFolders(job);
    const group = await ProcessGroup.start([...options.command, jobPath], job.output.directory, options.environment);
    const transcript = await supervise(group, job, options, watch);
    const output = await readTrainerOutput(job);
    return { ...output, ...transcript, durationMs: performance.now() - startedAt };
  } finally {
    watch.close();
  }
}

/** A file of an earlier attempt must not pass for this one's. */
async function prepareFolders(job: TrainerJob): Promise<string> {
  await mkdir(job.output.directory, { recursive: true });
  await mkdir(job.checkpoint.directory, { recursive: true });
  await Promise.all(Object.values(OUTPUT_FILES).map((name) => rm(join(job.output.directory, name), { force: true })));
  const jobPath = join(job.output.directory, 'job.json');
  await writeFile(jobPath, JSON.stringify(job, null, 2));
  return jobPath;
}

type Transcript = Pick<TrainerResult, 'device' | 'versions' | 'log'>;

async function supervise(group: ProcessGroup, job: TrainerJob, options: RunTrainerOptions, watch: TrainerWatch): Promise<Transcript> {
  const stderr = new ByteTail(STDERR_TAIL_BYTES);
  group.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  group.stderr.on('error', () => undefined);
  const endGroup = () => void group.end(GRACE_MS);
  watch.stop.addEventListener('abort', endGroup, { once: true });
  if (watch.stop.aborted) endGroup();
  const listener = new TrainerListener(job, options, watch);
  try {
    await listener.listen(group.stdout);
    const exit = await group.exit;
    watch.stop.throwIfAborted();
    if (exit.code !== 0) throw exitFailure(exit, { error: listener.lastError, stderr: stderr.text(), discreet: options.discreet ?? false });
    return listener.transcript();
  } finally {
    await group.end(GRACE_MS);
  }
}

/** Follows a trainer's stdout, one message at a time: while a checkpoint is being kept, the trainer's lines wait. */
class TrainerListener {
  lastError: string | undefined;
  private result: Extract<TrainerMessage, { type: 'result' }> | undefined;
  private readonly log: string[] = [];
  private unknownLines = 0;
  private checkpoint: TrainerCheckpoint | undefined;

  constructor(
    private readonly job: TrainerJob,
    private readonly options: RunTrainerOptions,
    private readonly watch: TrainerWatch,
  ) {}

  /** Until the stream ends or the watch stops; a fault of the trainer, or of who keeps its checkpoints, stops the watch. */
  async listen(stdout: Readable): Promise<void> {
    const lines = new LineSplitter(STDOUT_BOUNDS);
    try {
      for await (const chunk of stdout) {
        for (const line of lines.push(chunk as Buffer)) await this.take(line);
        if (this.watch.stop.aborted) return;
      }
      const rest = lines.rest();
      if (rest !== undefined) await this.take(rest);
    } catch (error) {
      // A stream that we closed, because a stray process held it open after the trainer's exit, has ended too.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') this.watch.fail(error);
    }
  }

  transcript(): Transcript {
    if (!this.result) {
      throw new PerennialError('TrainerOutputInvalid', 'The trainer ended well without a result line, so nobody knows what it ran on');
    }
    return { device: this.result.device, versions: this.result.versions, log: this.log };
  }

  private async take(line: string): Promise<void> {
    if (this.watch.stop.aborted || line === '') return;
    const message = parseTrainerLine(line);
    if (!message) {
      this.takeUnknown(line);
      return;
    }
    this.watch.heard();
    switch (message.type) {
      case 'progress':
        this.options.onProgress(progressOf(message));
        break;
      case 'checkpoint':
        await this.keep(message.file, message.done);
        break;
      case 'log':
        if (message.level === 'error') this.lastError = message.message;
        this.note(`${message.level}: ${message.message}`);
        break;
      case 'result':
        this.result = message;
    }
  }

  private takeUnknown(line: string): void {
    this.unknownLines += 1;
    this.note(line);
    if (this.unknownLines <= MAX_UNKNOWN_LINES) return;
    throw new PerennialError(
      'TrainerOutputInvalid',
      `The trainer wrote more than ${MAX_UNKNOWN_LINES} lines to stdout that the contract does not know; write them to stderr`,
      this.options.discreet ? {} : { lastLine: line.slice(0, MAX_LOG_LINE_CHARACTERS) },
    );
  }

  private note(line: string): void {
    this.log.push(line.slice(0, MAX_LOG_LINE_CHARACTERS));
    if (this.log.length > MAX_LOG_LINES) this.log.shift();
  }

  private async keep(file: string, done: number): Promise<void> {
    const path = join(this.job.checkpoint.directory, file);
    const found = await lstat(path).catch(() => undefined);
    if (!found?.isFile()) {
      throw new PerennialError('TrainerOutputInvalid', `The trainer reported the checkpoint ${file}, which is no file in its checkpoint folder`, { file });
    }
    this.watch.hold();
    await untilStopped(this.options.onCheckpoint({ path, done }), this.watch.stop);
    this.watch.heard();
    if (this.checkpoint && this.checkpoint.path !== path) await rm(this.checkpoint.path, { force: true });
    this.checkpoint = { path, done };
  }
}

function progressOf(message: Extract<TrainerMessage, { type: 'progress' }>): TrainingProgress {
  const { done, total, metrics } = message;
  if (!metrics) return { done, total };
  const known = Object.entries(metrics).filter((entry): entry is [string, number] => entry[1] !== null);
  return { done, total, metrics: Object.fromEntries(known) };
}

/** Settles with the promise, or resolves when the signal aborts first: who waits looks at the signal then. */
async function untilStopped(promise: Promise<void>, stop: AbortSignal): Promise<void> {
  let release: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    release = resolve;
    stop.addEventListener('abort', release, { once: true });
    if (stop.aborted) resolve();
  });
  try {
    await Promise.race([promise, stopped]);
  } finally {
    stop.removeEventListener('abort', release);
  }
}
