import { setTimeout as sleep } from 'node:timers/promises';
import { restartDelayMs } from './restart-limit.js';

interface Server {
  readonly ended: Promise<number>;
  stop(): Promise<void>;
  pause(): Promise<void>;
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

  /** Ends it for good. */
  async stop(): Promise<void> {
    await this.settle();
    await this.current.stop();
  }

  /** Ends it until `start`. */
  async pause(): Promise<void> {
    await this.settle();
    await this.current.pause();
  }

  /** Ends it as a crash would, until `start`. */
  async kill(): Promise<void> {
    await this.settle();
    await this.current.kill();
  }

  async start(): Promise<void> {
    this.current = await this.startAgain(this.current);
    this.wanted = true;
    this.watch();
  }

  private async settle(): Promise<void> {
    this.wanted = false;
    await this.reviving;
  }

  private watch(): void {
    void this.current.ended.then((code) => {
      if (this.wanted) this.reviving = this.revive(code);
    });
  }

  private async revive(code: number): Promise<void> {
    this.log(`${this.name} ended with code ${code}; starting it again`);
    for (let delay = this.nextDelayMs(); delay !== undefined; delay = this.nextDelayMs()) {
      await sleep(delay);
      if (!this.wanted) return;
      this.restartedAtMs.push(Date.now());
      try {
        this.current = await this.startAgain(this.current);
        this.watch();
        return;
      } catch (error) {
        this.log(`${this.name} could not be started again: ${(error as Error).message}`);
      }
    }
    this.log(`${this.name} ended again and again and is given up`);
  }

  private nextDelayMs(): number | undefined {
    return restartDelayMs(this.restartedAtMs, Date.now());
  }
}
