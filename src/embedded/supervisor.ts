import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerennialError } from '../contracts/failures.js';
import { sendSignal } from './end-process.js';
import { rotate, tailOf } from './kept-server.js';
import { restartDelayMs } from './restart-limit.js';

const SHOWN_LINES = 15;
const PROBE_MS = 50;
const PROBE_TIMEOUT_MS = 2_000;

export interface RoleOptions {
  /** Shown to people, such as `worker`. */
  readonly name: string;
  /** Arguments of `node`: the program and its own arguments. */
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Takes stdout and stderr. */
  readonly logFile: string;
  /** Answers 2xx once the role is ready; where none is given, it is ready when it runs. */
  readonly readyUrl?: string;
  /** Default 60 s. */
  readonly readyTimeoutMs?: number;
  /** How long it may take to end in good order. Default 15 s. */
  readonly graceMs?: number;
  /** Told at each end that nobody asked for; `givenUp` when it ends too often to be started again. */
  readonly onExit?: (exit: RoleExit) => void;
}

export interface RoleExit {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly givenUp: boolean;
  /** The last lines of its log. */
  readonly tail: string;
}

/** A role that runs as a child process and is started again when it ends by itself. */
export interface Role {
  readonly name: string;
  /** Of the process that runs now. */
  readonly pid: number | undefined;
  readonly restarts: number;
}

/**
 * Runs roles as child processes: each is started again when it dies (five times a minute, then it is given up), and all
 * are stopped in the reverse of the order in which they were started. A child's standard input stays open for as long as
 * we live, so that it can end when we are killed (`watchParent`).
 */
export class Supervisor {
  private readonly roles: RunningRole[] = [];

  constructor(private readonly log: (line: string) => void) {}

  /**
   * Starts a role and waits until it is ready.
   * @throws PerennialError `DependencyUnavailable` with the end of its log when it ends first or takes too long.
   */
  async startRole(options: RoleOptions): Promise<Role> {
    const role = new RunningRole(options, this.log);
    this.roles.push(role);
    await role.start();
    return role;
  }

  /** Ends every role, last started first; returns when no process of theirs is left. */
  async stop(): Promise<void> {
    for (const role of this.roles.splice(0).reverse()) await role.stop();
  }
}

class RunningRole implements Role {
  private child: ChildProcess | undefined;
  private exited: Promise<void> = Promise.resolve();
  private stopping = false;
  private readonly restartedAtMs: number[] = [];

  constructor(
    private readonly options: RoleOptions,
    private readonly log: (line: string) => void,
  ) {}

  get name(): string {
    return this.options.name;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get restarts(): number {
    return this.restartedAtMs.length;
  }

  async start(): Promise<void> {
    const starting = this.launch();
    if (await this.becomesReady(starting)) {
      this.watch(starting);
      return;
    }
    const ended = hasEnded(starting);
    await this.stop();
    throw new PerennialError('DependencyUnavailable', `${this.name} ${ended ? 'ended before it was ready' : 'was not ready in time'}; its log (${this.options.logFile}) ends with:\n${this.tail()}`);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const { child } = this;
    if (!child?.pid || hasEnded(child)) return;
    sendSignal(child.pid, 'SIGTERM');
    const grace = new AbortController();
    const kill = sleep(this.options.graceMs ?? 15_000, undefined, { signal: grace.signal }).then(() => {
      this.log(`${this.name} did not end in time and is killed`);
      sendSignal(-(child.pid as number), 'SIGKILL');
    }, () => undefined);
    await this.exited;
    grace.abort();
    await kill;
  }

  private launch(): ChildProcess {
    mkdirSync(dirname(this.options.logFile), { recursive: true });
    rotate(this.options.logFile);
    const log = openSync(this.options.logFile, 'a', 0o600);
    // In a group of its own: Ctrl-C in the terminal reaches us alone, and we stop the roles in order.
    const child = spawn(process.execPath, [...this.options.args], { stdio: ['pipe', log, log], env: this.options.environment, detached: true });
    closeSync(log);
    child.stdin?.on('error', () => undefined);
    this.child = child;
    this.exited = new Promise((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', () => resolve());
    });
    return child;
  }

  /** From the time when it was ready once, a role that ends is started again. */
  private watch(child: ChildProcess): void {
    void this.exited.then(() => (this.stopping ? undefined : this.revive(child.exitCode, child.signalCode)));
  }

  private async becomesReady(child: ChildProcess): Promise<boolean> {
    const deadline = Date.now() + (this.options.readyTimeoutMs ?? 60_000);
    while (Date.now() < deadline) {
      if (hasEnded(child)) return false;
      if (await this.isReady()) return true;
      await sleep(PROBE_MS);
    }
    return false;
  }

  private async isReady(): Promise<boolean> {
    if (this.options.readyUrl === undefined) return true;
    return fetch(this.options.readyUrl, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) }).then(
      async (answer) => {
        await answer.body?.cancel();
        return answer.ok;
      },
      () => false,
    );
  }

  private async revive(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    const delay = restartDelayMs(this.restartedAtMs, Date.now());
    this.options.onExit?.({ name: this.name, code, signal, givenUp: delay === undefined, tail: this.tail() });
    const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
    if (delay === undefined) {
      this.log(`${this.name} ${how} again and again and is given up; ${basename(this.options.logFile)} ends with:\n${this.tail()}`);
      return;
    }
    this.log(`${this.name} ${how}; starting it again`);
    await sleep(delay);
    if (this.stopping) return;
    this.restartedAtMs.push(Date.now());
    this.watch(this.launch());
  }

  private tail(): string {
    return tailOf(this.options.logFile).split('\n').slice(-SHOWN_LINES).join('\n');
  }
}

const hasEnded = (child: ChildProcess): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
