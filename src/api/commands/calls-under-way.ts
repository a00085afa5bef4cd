/**
 * Calls to Temporal that have not come back. Its client retries on timers of its own, and a retry on a connection that was
 * closed meanwhile would end the process: so a connection is closed only when this is empty.
 */
export class CallsUnderWay {
  private readonly calls = new Set<Promise<unknown>>();

  async track<T>(call: Promise<T>): Promise<T> {
    this.calls.add(call);
    try {
      return await call;
    } finally {
      this.calls.delete(call);
    }
  }

  /** Resolves when none is left; every call has a deadline. */
  async ended(): Promise<void> {
    while (this.calls.size > 0) await Promise.allSettled(this.calls);
  }
}
