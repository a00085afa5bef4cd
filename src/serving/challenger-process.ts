import { Socket } from 'node:net';
import { setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { PerennialError } from '../contracts/failures.js';
import type { WatchdogOptions } from '../evaluation/scoring-watchdog.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { bytesOf, encodeTensors, type Frame, type FrameKind, frameHeader, FrameReader } from './challenger-frames.js';
import { rowOutputs } from './row-outputs.js';
import { openSession, type ScoringSession } from './scoring-session.js';

/** The program of a challenger's process: takes runs on its standard input, answers on descriptor 3. Started by challenger-child.ts only. */
export interface ChallengerJob {
  readonly path: string;
  readonly width: number;
  readonly task: ModelSpec['task'];
  readonly maxBodyBytes: number;
  readonly watchdog: WatchdogOptions;
}

const given = process.argv[2];
if (given === undefined) {
  process.stderr.write('This program is started by Perennial itself.\n');
  process.exit(2);
}
const job = JSON.parse(given) as ChallengerJob;
/** The champion comes first where both want the same core. */
const NICENESS = 5;
const MEMORY_EVERY_MS = 100;
const ANSWERS_FD = 3;

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
new Worker(new URL(`../evaluation/scoring-watchdog.${extension}`, import.meta.url), {
  workerData: job.watchdog, resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
}).unref();
try {
  setPriority(NICENESS);
} catch {
  // Not everywhere allowed; it is a courtesy.
}

/** At once: nothing here is worth an orderly end. */
const end = (): void => void process.kill(process.pid, 'SIGKILL');
const answers = new Socket({ fd: ANSWERS_FD, readable: false, writable: true });
answers.on('error', end);
process.stdin.on('end', end).on('error', end);

let memoryKiB = 0;
let measuredAtMs = -Infinity;
function say(kind: FrameKind, run: number, rows: number, body: Uint8Array, runMs = 0): void {
  if (performance.now() - measuredAtMs >= MEMORY_EVERY_MS) {
    memoryKiB = Math.ceil(process.memoryUsage.rss() / 1024);
    measuredAtMs = performance.now();
  }
  answers.cork();
  answers.write(frameHeader(kind, run, rows, body.length, memoryKiB, runMs));
  if (body.length > 0) answers.write(body);
  answers.uncork();
}

async function answer(session: ScoringSession, { kind, run, rows, body }: Frame): Promise<void> {
  const begunMs = performance.now();
  try {
    const outputs = await session.run(new Float32Array(body.buffer, body.byteOffset, rows * job.width), rows);
    const runMs = performance.now() - begunMs;
    const values = rowOutputs(outputs, job.task, rows);
    if (kind === 'mirror') say('values', run, rows, bytesOf(values), runMs);
    else say('tensors', run, rows, encodeTensors(outputs), runMs);
  } catch (error) {
    say('failed', run, rows, Buffer.from(messageOf(error)));
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500);

try {
  const session = await openSession(job.path, job.width);
  // One run after the other, in the order in which they came.
  let last = Promise.resolve();
  const reader = new FrameReader((frame) => {
    last = last.then(() => answer(session, frame));
  }, job.maxBodyBytes);
  process.stdin.on('data', (chunk: Buffer) => reader.push(chunk));
  // One row says that rows may be scored in company, none that each request must be scored alone.
  say('ready', 0, session.trial.rowsIndependent ? 1 : 0, new Uint8Array(0));
} catch (error) {
  const type = error instanceof PerennialError ? error.type : 'Internal';
  say('refused', 0, 0, Buffer.from(JSON.stringify({ type, message: messageOf(error) })));
}
