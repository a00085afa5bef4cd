import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { commandLine, isAlive } from '#embedded/pid-lock.mjs';
import { ended, endProcess, sendSignal } from './end-process.js';

const KEEPER = createRequire(import.meta.url).resolve('#embedded/keeper.mjs');
const LOG_BYTES = 8 * 1024 * 1024;
const TAIL_BYTES = 4_096;
const LATELY_BYTES = 64 * 1024;

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  /** What asks this server to end in good order. */
  readonly stopSignal: NodeJS.Signals;
  readonly graceMs: number;
  readonly logFile: string;
  readonly pidFile: string;
  /** Another user to run as; only root may set it. */
  readonly account?: { readonly uid: number; readonly gid: number };
}

/** A server process under its keeper (`keeper.mjs`): it ends when we do, whatever kills us. */
export class KeptServer {
  /** The keeper's exit code, once the server has ended. */
  readonly ended: Promise<number>;
  running = true;

  private constructor(
    private readonly keeper: ChildProcess,
    private readonly server: ServerCommand,
  ) {
    this.ended = new Promise((resolve) => {
      const end = (code: number): void => {
        this.running = false;
        resolve(code);
      };
      keeper.once('exit', (code) => end(code ?? 1)).once('error', () => end(127));
    });
    // The keeper may be gone when we close its input; its exit says so already.
    keeper.stdin?.on('error', () => undefined);
  }

  static start(server: ServerCommand): KeptServer {
    mkdirSync(dirname(server.logFile), { recursive: true });
    rotate(server.logFile);
    const { environment, account, ...rest } = server;
    const keeper = spawn(process.execPath, [KEEPER, JSON.stringify({ ...rest, ...account })], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      ...(environment ? { env: environment } : {}),
    });
    return new KeptServer(keeper, server);
  }

  /** The server's process id, once it runs. */
  get pid(): number | undefined {
    return readPid(this.server.pidFile);
  }

  /** Ends the server in good order; returns when its process and its keeper are gone. */
  async stop(): Promise<void> {
    this.keeper.stdin?.end();
    await this.ended;
  }

  /** Ends the server as a crash would. */
  async kill(): Promise<void> {
    const pid = this.pid;
    if (pid !== undefined) sendSignal(pid, 'SIGKILL');
    await this.ended;
  }

  /** The end of what the server logged. */
  logTail(): string {
    return tailOf(this.server.logFile);
  }

  /** Whether it logged this lately: what a server says first of its end may be followed by a long trace. */
  loggedLately(words: RegExp): boolean {
    return words.test(tailOf(this.server.logFile, LATELY_BYTES));
  }
}

/**
 * Ends a server that an earlier start left behind because its keeper was killed too. `marker` is a part of its command
 * line (its data's path), so that a process which merely inherited the id is left alone.
 */
export async function endOrphan(pidFile: string, marker: string, signal: NodeJS.Signals): Promise<boolean> {
  const pid = readPid(pidFile);
  if (pid === undefined) return false;
  const ours = isAlive(pid) && commandLine(pid).includes(marker);
  // A keeper whose parent has just died is stopping it already.
  if (ours && !(await ended(pid, 1_000))) await endProcess(pid, signal, 15_000);
  rmSync(pidFile, { force: true });
  return ours;
}

export function tailOf(file: string, bytes = TAIL_BYTES): string {
  if (!existsSync(file)) return '';
  const text = readFileSync(file);
  return text.subarray(Math.max(0, text.length - bytes)).toString('utf8').trim();
}

/** Keeps a log bounded: beyond the limit it becomes `<log>.1`, whose predecessor goes. */
export function rotate(file: string): void {
  if (existsSync(file) && statSync(file).size > LOG_BYTES) renameSync(file, `${file}.1`);
}

function readPid(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
