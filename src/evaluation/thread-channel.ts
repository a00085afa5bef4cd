import { Worker, type Transferable } from 'node:worker_threads';
import { PerennialError, type FailureDetails, type FailureType } from '../contracts/failures.js';

/** What a thread says when it gives up; errors lose their class on the way between threads. */
export interface ThreadFailure {
  readonly kind: 'failed';
  /** Undefined for an error that is none of ours. */
  readonly type: FailureType | undefined;
  readonly message: string;
  readonly details: FailureDetails;
}

export function threadFailure(error: unknown): ThreadFailure {
  if (error instanceof PerennialError) return { kind: 'failed', type: error.type, message: error.message, details: error.details };
  return { kind: 'failed', type: undefined, message: error instanceof Error ? error.message : String(error), details: {} };
}

const FROM_SOURCE = import.meta.url.endsWith('.ts');
const EXTENSION = FROM_SOURCE ? 'ts' : 'js';
const SOURCE_HOOKS = new URL('./typescript-source.mjs', import.meta.url).href;
const HEAP = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 2 };

/**
 * A thread of this process and what it says, message by message. It is never stopped from here: DuckDB aborts
 * the process when its thread is taken away in the middle of its work, so whoever gives up ends the process.
 */
export class ThreadChannel<Message extends { readonly kind: string }> {
  private readonly thread: Worker;
  private readonly heard: (Message | ThreadFailure)[] = [];
  private wake: (() => void) | undefined;
  private fault: Error | undefined;
  /** @param program its file, without the extension */
  constructor(program: URL, workerData: unknown) {
    this.thread = new Worker(new URL(`${program.href}.${EXTENSION}`), { workerData, resourceLimits: HEAP, ...threadFlags() });
    this.thread.on('message', (message: Message | ThreadFailure) => this.hear(() => this.heard.push(message)));
    this.thread.on('error', (error) => this.hear(() => (this.fault = error)));
    this.thread.on('exit', (code) => this.hear(() => (this.fault ??= new Error(`${program.href} ended with ${code}`))));
  }

  /** It has come to its end; `next` throws why. */
  get dead(): boolean {
    return this.fault !== undefined;
  }

  /** Whether the process goes on for the thread's sake; not while it waits to be asked. */
  holdProcess(held: boolean): void {
    if (held) this.thread.ref();
    else this.thread.unref();
  }

  post(message: unknown, transfer: readonly Transferable[]): void {
    this.thread.postMessage(message, transfer);
  }

  /** One caller at a time. @throws what the thread failed with */
  async next(): Promise<Message> {
    while (this.heard.length === 0) {
      if (this.fault) throw this.fault;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const message = this.heard.shift()!;
    if (!isFailure(message)) return message;
    throw message.type === undefined ? new Error(message.message) : new PerennialError(message.type, message.message, message.details);
  }

  private hear(note: () => void): void {
    note();
    this.wake?.();
  }
}

const isFailure = (message: { readonly kind: string }): message is ThreadFailure => message.kind === 'failed';

/** A thread has the flags of its process; one that runs the sources as they are needs their hooks, which a unit spec's process has not. */
const threadFlags = (): { execArgv?: string[] } =>
  FROM_SOURCE && !process.execArgv.includes(SOURCE_HOOKS) ? { execArgv: ['--import', SOURCE_HOOKS] } : {};
