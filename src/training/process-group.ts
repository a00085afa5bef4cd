import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { PerennialError } from '../contracts/failures.js';
import { groupRuns } from './group-members.js';

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const POLL_MS = 25;
/** A killed process needs a moment to vanish; more when it waits for a disk. */
const VANISH_MS = 5_000;
/** How long a process that left the group may keep our end of stdout open after the trainer's exit. */
const DRAIN_MS = 2_000;

/**
 * Ends the group when its own stdin ends, that is when the supervising process is gone, however it died.
 * It depends on nothing that the trainer does, and works where there is no parent-death signal.
 */
const GUARD = 'while read -r _; do :; done; kill -s TERM -- "-$1"; sleep 2; kill -s KILL -- "-$1"';

/** A process that leads a group of its own, with all that it starts; none of them outlives {@link ProcessGroup.end}. */
export class ProcessGroup {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** When the leader has ended; the rest of its group is killed then. */
  readonly exit: Promise<ProcessExit>;
  private ending: Promise<void> | undefined;

  private constructor(
    private readonly leader: ChildProcess,
    readonly pid: number,
    private readonly guard: ChildProcess,
  ) {
    this.stdout = leader.stdout as Readable;
    this.stderr = leader.stderr as Readable;
    this.exit = new Promise((resolve) => {
      leader.once('exit', (code, signal) => {
        this.signal('SIGKILL');
        this.closeWhenDrained();
        resolve({ code, signal });
      });
    });
  }

  /**
   * Starts a program with exactly this environment. Its stdin stays open and empty as long as we live.
   * @throws PerennialError `TrainerMissing` when it cannot be started.
   */
  static async start(command: readonly string[], cwd: string, environment: Readonly<Record<string, string>>): Promise<ProcessGroup> {
    const [program, ...args] = command;
    if (!program) throw new PerennialError('TrainerMissing', 'The trainer has no command');
    const leader = spawn(program, args, { cwd, env: { ...environment }, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    leader.stdin.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      leader.once('spawn', resolve);
      leader.once('error', (error) => reject(notStarted(program, error)));
    });
    const pid = leader.pid as number;
    const guard = spawn('/bin/sh', ['-c', GUARD, 'trainer-guard', String(pid)], {
      env: { PATH: '/usr/bin:/bin' },
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    guard.on('error', () => undefined);
    guard.stdin?.on('error', () => undefined);
    return new ProcessGroup(leader, pid, guard);
  }

  /** SIGTERM to every member, SIGKILL after the grace; resolves when none is left. */
  end(graceMs: number): Promise<void> {
    this.ending ??= this.endNow(graceMs);
    return this.ending;
  }

  private async endNow(graceMs: number): Promise<void> {
    this.signal('SIGTERM');
    await this.vanished(graceMs);
    this.signal('SIGKILL');
    await this.vanished(VANISH_MS);
    this.guard.kill('SIGKILL');
  }

  private async vanished(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (performance.now() < deadline && (await groupRuns(this.pid))) await sleep(POLL_MS);
  }

  private signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch {
      // The group is gone already.
    }
  }

  /** Whoever reads stdout may be slow, keeping a checkpoint, say: what the trainer wrote before its exit is still read. */
  private closeWhenDrained(): void {
    const unread = (): boolean => !this.stdout.destroyed && this.stdout.readableLength > 0;
    setTimeout(() => (unread() ? this.closeWhenDrained() : this.closeStreams()), DRAIN_MS).unref();
  }

  private closeStreams(): void {
    this.stdout.destroy();
    this.stderr.destroy();
    this.leader.stdin?.destroy();
  }
}

const notStarted = (program: string, error: Error): PerennialError =>
  new PerennialError(
    'TrainerMissing',
    `${program} cannot be started (${error.message}); the trainers' Python environment is made from trainers/requirements.lock`,
    { program },
    { cause: error },
  );
