import { setTimeout as sleep } from 'node:timers/promises';
import { restartDelayMs } from './restart-limit.js';

interface Server {
  readonly ended: Promise<number>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** A server that is started again when it ends without being asked to; five times a minute, then it is given up. */
export class RevivedServer<S extends Server> {
  private wanted = true;
  private reviving: Promise<void> = Promise.resolve();
  private readonly restartedAtMs: number[] = [];

  constructor(
    private readonly name: string,
    public current: S,
    private readonly startAgain: (previous: S) => Promise<S>,
    private readonly log: (line: string) => void,
  ) {
    this.watch();
  }

  async stop(): Promise<void> {
    this.wanted = false;
    await this.reviving;
    await this.current.stop();
  }

  /** Ends it as a crash would, and leaves it so. */
  async kill(): Promise<void> {
    this.wanted = false;
    await this.reviving;
    await this.current.kill();
  }

  /** Starts it after `stop` or `kill`. */
  async start(): Promise<void> {
    this.current = await this.startAgain(this.current);
    this.wanted = true;
    this.watch();
  }

  private watch(): void {
    void this.current.ended.then((code) => {
      if (this.wanted) this.reviving = this.revive(code);
    });
  }

  private async revive(code: number): Promise<void> {
    const delay = restartDelayMs(this.restartedAtMs, Date.now());
    if (delay === undefined) {
      this.log(`${this.name} ended again and again (now with code ${code}) and is given up`);
      return;
    }
    this.log(`${this.name} ended with code ${code}; starting it again`);
    await sleep(delay);
    if (!this.wanted) return;
    this.restartedAtMs.push(Date.now());
    try {
      this.current = await this.startAgain(this.current);
      this.watch();
    } catch (error) {
      this.log(`${this.name} could not be started again: ${(error as Error).message}`);
    }
  }
}
