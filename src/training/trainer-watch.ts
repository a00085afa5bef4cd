import { PerennialError } from '../contracts/failures.js';

export interface WatchLimits {
  /** The longest time without a message of the trainer. */
  readonly silenceMs: number;
  /** The longest time that the attempt may take. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** After a pause of this very process, messages may wait to be read: they get this long before silence is called. */
const CATCH_UP_MS = 500;

/** Says when a trainer must be ended, and why: `stop` aborts once, with the failure as its reason. */
export class TrainerWatch {
  private readonly controller = new AbortController();
  private readonly timeout: NodeJS.Timeout;
  private silence: NodeJS.Timeout | undefined;
  private readonly onAbort = () => this.fail(cancellation(this.limits.signal));

  constructor(private readonly limits: WatchLimits) {
    const { timeoutMs, signal } = limits;
    this.timeout = setTimeout(() => this.fail(tookTooLong(timeoutMs)), timeoutMs);
    signal.addEventListener('abort', this.onAbort, { once: true });
    if (signal.aborted) this.onAbort();
    this.heard();
  }

  get stop(): AbortSignal {
    return this.controller.signal;
  }

  /** A message came, or the silence was ours. */
  heard(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.silence = setTimeout(() => this.fail(hung(this.limits.silenceMs)), CATCH_UP_MS);
    }, this.limits.silenceMs);
  }

  /** The trainer waits for us: its silence does not count until {@link heard}. */
  hold(): void {
    clearTimeout(this.silence);
  }

  /** The first failure counts. */
  fail(failure: unknown): void {
    if (!this.stop.aborted) this.controller.abort(failure);
  }

  close(): void {
    clearTimeout(this.timeout);
    clearTimeout(this.silence);
    this.limits.signal.removeEventListener('abort', this.onAbort);
  }
}

const cancellation = (signal: AbortSignal): PerennialError =>
  signal.reason instanceof PerennialError
    ? signal.reason
    : new PerennialError('TrainerCancelled', 'The training was cancelled; its trainer was ended', {}, { cause: signal.reason });

const tookTooLong = (timeoutMs: number): PerennialError =>
  new PerennialError('TrainerFailed', `The trainer took longer than ${timeoutMs / 1_000} s and was ended (training.timeout in the spec); the next attempt goes on from its last checkpoint`, { timeoutMs });

const hung = (silenceMs: number): PerennialError =>
  new PerennialError('TrainerHung', `The trainer reported nothing for ${silenceMs / 1_000} s and was ended (training.silence in the spec)`, { silenceMs });
