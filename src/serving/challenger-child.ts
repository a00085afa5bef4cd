import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Frame, type FrameKind, frameHeader, FrameReader, HEADER_BYTES } from './challenger-frames.js';
import type { ChallengerJob } from './challenger-process.js';

const FROM_SOURCE = import.meta.url.endsWith('.ts');
const PROGRAM = fileURLToPath(new URL(FROM_SOURCE ? './challenger-process.ts' : './challenger-process.js', import.meta.url));
/** Node's own heap; rows and ONNX Runtime live outside it. */
const NODE_FLAGS = ['--max-old-space-size=96', '--max-semi-space-size=2', ...(FROM_SOURCE ? ['--import', new URL('../evaluation/typescript-source.mjs', import.meta.url).href] : [])];
/** All that the process sees: no secret of ours, and glibc keeps one heap instead of one a thread. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '1' };
const KEPT_STDERR = 2_048;

export interface ChildListener {
  onFrame(frame: Frame): void;
  /** Once, when the process has gone, or could not be started. */
  onEnd(why: string): void;
}

/** One start of a challenger's process, in a session of its own so that no terminal's signal reaches it. */
export class ChallengerChild {
  private readonly process: ChildProcess | undefined;
  private readonly input: Writable | undefined;
  private stderr = '';
  private cause: string | undefined;
  private ended = false;

  constructor(job: ChallengerJob, private readonly listener: ChildListener) {
    try {
      this.process = spawn(process.execPath, [...NODE_FLAGS, PROGRAM, JSON.stringify(job)], {
        env: ENVIRONMENT, detached: true, stdio: ['pipe', 'ignore', 'pipe', 'pipe'], windowsHide: true,
      });
    } catch (error) {
      queueMicrotask(() => this.finish(`cannot be started: ${String(error)}`));
      return;
    }
    this.input = this.process.stdin as Writable;
    this.input.on('error', () => undefined);
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr = (this.stderr + text).slice(-KEPT_STDERR))).on('error', () => undefined);
    const reader = new FrameReader((frame) => !this.ended && this.listener.onFrame(frame), job.maxBodyBytes);
    (this.process.stdio[3] as Readable).on('data', (chunk: Buffer) => this.read(reader, chunk)).on('error', () => undefined);
    this.process.once('error', (error) => this.finish(`cannot be started: ${error.message}`));
    this.process.once('close', (code, signal) => this.finish(this.cause ?? this.endOf(code, signal)));
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** The blocks make up the frame's body. */
  send(kind: FrameKind, run: number, rows: number, blocks: readonly Uint8Array[]): void {
    const bodyBytes = blocks.reduce((sum, { length }) => sum + length, 0);
    const frame = new Uint8Array(HEADER_BYTES + bodyBytes);
    frame.set(frameHeader(kind, run, rows, bodyBytes));
    let at = HEADER_BYTES;
    for (const block of blocks) {
      frame.set(block, at);
      at += block.length;
    }
    // One write: a stream's bookkeeping costs more for each piece than the copy does.
    (this.input as Writable).write(frame);
  }

  /** @param cause what its end is explained with */
  kill(cause: string): void {
    this.cause ??= cause;
    this.process?.kill('SIGKILL');
  }

  private read(reader: FrameReader, chunk: Buffer): void {
    try {
      reader.push(chunk);
    } catch (error) {
      this.kill(`broke the protocol: ${String(error)}`);
    }
  }

  private finish(why: string): void {
    if (this.ended) return;
    this.ended = true;
    this.listener.onEnd(why);
  }

  private endOf(code: number | null, signal: NodeJS.Signals | null): string {
    return `ended (${signal ?? `exit code ${code}`}): ${this.stderr.trim().slice(-300) || 'it said nothing'}`;
  }
}
