/** What a version did in a deployment, in all gateways together and since it was first asked; numbers only rise. */
export interface VersionTally {
  readonly version: number;
  /** Requests that it answered, and their rows. */
  readonly requests: number;
  readonly rows: number;
  /** Requests to it that failed, by failure type; a canary's that the champion answered instead are among them. */
  readonly errors: Readonly<Record<string, number>>;
  /** Latencies of its answers, counted as contracts/latency-buckets.ts says. */
  readonly latency: readonly number[];
  /** Requests that another version answered. */
  readonly mirrored: MirroredTally;
}

export interface MirroredTally {
  readonly executed: number;
  readonly dropped: number;
  readonly failed: number;
  /** Latencies of those executed, the wait in the queue included. */
  readonly latency: readonly number[];
}

const difference = (now: readonly number[], before: readonly number[]): number[] => now.map((count, index) => count - (before[index] ?? 0));

/** What was added between two looks at the same deployment. A version that is not in `before` counts from its beginning. */
export function tallyDifference(now: readonly VersionTally[], before: readonly VersionTally[]): VersionTally[] {
  return now.map((tally) => {
    const old = before.find(({ version }) => version === tally.version);
    if (!old) return tally;
    return {
      version: tally.version,
      requests: tally.requests - old.requests,
      rows: tally.rows - old.rows,
      errors: Object.fromEntries(Object.entries(tally.errors).map(([type, count]) => [type, count - (old.errors[type] ?? 0)])),
      latency: difference(tally.latency, old.latency),
      mirrored: {
        executed: tally.mirrored.executed - old.mirrored.executed,
        dropped: tally.mirrored.dropped - old.mirrored.dropped,
        failed: tally.mirrored.failed - old.mirrored.failed,
        latency: difference(tally.mirrored.latency, old.mirrored.latency),
      },
    };
  });
}
