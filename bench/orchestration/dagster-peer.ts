import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { pythonEnvironment } from '../python-environment.js';

const FOLDER = resolve('var/bench/orchestration');
const SOURCES = resolve('bench/orchestration');

/** Dagster in a process of its own that stays up, so that its start is no part of what is measured. */
export class DagsterPeer {
  private readonly answers: Interface;
  private readonly ended = new AbortController();

  private constructor(
    private readonly child: ChildProcess,
    private readonly storage: string,
  ) {
    this.answers = createInterface({ input: child.stdout! });
    child.once('exit', () => this.ended.abort());
    // Its end says so already.
    child.stdin!.on('error', () => undefined);
  }

  /** @returns undefined, with a word on why, where it can't be installed */
  static async start(): Promise<DagsterPeer | undefined> {
    try {
      const python = await pythonEnvironment(FOLDER, join(SOURCES, 'requirements.txt'));
      mkdirSync(FOLDER, { recursive: true });
      const storage = mkdtempSync(join(FOLDER, 'dagster-'));
      return new DagsterPeer(spawn(python, [join(SOURCES, 'dagster_steps.py'), storage], { stdio: ['pipe', 'pipe', 'ignore'] }), storage);
    } catch (error) {
      console.log(`The peer, Dagster, is left out: ${error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error)}`);
      return undefined;
    }
  }

  /** @returns milliseconds of ten ops, by its own clock. @throws when it did fewer, or ended */
  async runTenSteps(): Promise<number> {
    this.child.stdin!.write('run\n');
    const [line] = (await once(this.answers, 'line', { signal: this.ended.signal })) as [string];
    const { ms, steps } = JSON.parse(line) as { ms: number; steps: number };
    if (steps !== 10) throw new Error(`Dagster did ${steps} steps instead of 10`);
    return ms;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      this.child.stdin!.end();
      await once(this.child, 'exit');
    }
    rmSync(this.storage, { recursive: true, force: true });
  }
}
