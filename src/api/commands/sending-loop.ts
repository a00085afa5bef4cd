import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { CommandDispatcher } from '../../dispatch/command-dispatcher.js';
import type { CallsUnderWay } from './calls-under-way.js';

const PERIOD_MS = 1_000;

/** Sends again, once a second, the accepted commands that nobody has settled: Temporal was away, or a process died. */
export class SendingLoop {
  private readonly logger = new Logger('Commands');
  private readonly stopping = new AbortController();
  private failing = false;

  constructor(
    private readonly dispatcher: CommandDispatcher,
    private readonly calls: CallsUnderWay,
  ) {}

  start(): void {
    void this.run();
  }

  /** No pass begins any more. */
  stop(): void {
    this.stopping.abort();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.pass();
      await sleep(PERIOD_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A state is logged when it changes, not once a second. */
  private async pass(): Promise<void> {
    try {
      await this.calls.track(this.dispatcher.sendWaiting(new Date()));
      if (this.failing) this.logger.log('Accepted commands are being sent again');
      this.failing = false;
    } catch (error) {
      if (this.stopping.signal.aborted || this.failing) return;
      this.failing = true;
      this.logger.warn(`Accepted commands wait, because they cannot be sent: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
