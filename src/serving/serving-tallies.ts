import { emptyBuckets, latencyBucket } from '../contracts/latency-buckets.js';
import type { VersionTally } from '../contracts/serving-tallies.js';
import type { MirroredOutput } from '../observations/segment-format.js';

/** A version's tally in this gateway since it started. */
export interface GatewayTally extends VersionTally {
  readonly model: string;
  readonly deployment: string;
  readonly sinceMs: number;
  /** Of all its answers together. */
  readonly latencySumMs: number;
}

/** Counts what one version does in one deployment. Cheap enough for every request. */
export class VersionCounter {
  private requests = 0;
  private rows = 0;
  private readonly errors = new Map<string, number>();
  private readonly latency = emptyBuckets();
  private latencySumMs = 0;
  private readonly mirrored = { executed: 0, dropped: 0, failed: 0, latency: emptyBuckets() };
  private changed = true;

  constructor(
    private readonly model: string,
    private readonly deployment: string,
    private readonly version: number,
    private readonly sinceMs: number,
  ) {}

  answered(rows: number, latencyMs: number): void {
    this.requests += 1;
    this.rows += rows;
    this.latency[latencyBucket(latencyMs)]! += 1;
    this.latencySumMs += latencyMs;
    this.changed = true;
  }

  /** @param type a failure type, or another word of few */
  failed(type: string): void {
    this.errors.set(type, (this.errors.get(type) ?? 0) + 1);
    this.changed = true;
  }

  mirror({ outcome, latencyMs }: Pick<MirroredOutput, 'outcome' | 'latencyMs'>): void {
    this.mirrored[outcome] += 1;
    if (outcome === 'executed' && latencyMs !== null) this.mirrored.latency[latencyBucket(latencyMs)]! += 1;
    this.changed = true;
  }

  tally(): GatewayTally {
    const { model, deployment, version, sinceMs, requests, rows, latency, latencySumMs, mirrored } = this;
    return {
      model, deployment, version, sinceMs, requests, rows, errors: Object.fromEntries(this.errors),
      latency: [...latency], latencySumMs, mirrored: { ...mirrored, latency: [...mirrored.latency] },
    };
  }

  /** The tally when something was counted since the last call that was followed by no `again`. */
  take(): GatewayTally | null {
    if (!this.changed) return null;
    this.changed = false;
    return this.tally();
  }

  /** What was taken could not be written. */
  again(): void {
    this.changed = true;
  }
}

/** Counters of every version that this gateway has routed to. */
export class ServingTallies {
  private readonly counters = new Map<string, Map<string, Map<number, VersionCounter>>>();

  constructor(private readonly clock: () => number = Date.now) {}

  of(model: string, deployment: string, version: number): VersionCounter {
    let deployments = this.counters.get(model);
    if (!deployments) this.counters.set(model, (deployments = new Map<string, Map<number, VersionCounter>>()));
    let versions = deployments.get(deployment);
    if (!versions) deployments.set(deployment, (versions = new Map<number, VersionCounter>()));
    let counter = versions.get(version);
    if (!counter) versions.set(version, (counter = new VersionCounter(model, deployment, version, this.clock())));
    return counter;
  }

  /** Counts mirrored outputs, of challengers and of the champion in reserve alike. */
  mirrored(outputs: readonly MirroredOutput[]): void {
    for (const output of outputs) this.of(output.model, output.deployment, output.version).mirror(output);
  }

  all(): GatewayTally[] {
    return this.each().map((counter) => counter.tally());
  }

  /** Hands what has changed to `write`; what it does not take is handed over again the next time. @throws what `write` throws */
  async flush(write: (changed: readonly GatewayTally[]) => Promise<void>): Promise<void> {
    const taken = this.each().flatMap((counter) => {
      const tally = counter.take();
      return tally ? [{ counter, tally }] : [];
    });
    if (taken.length === 0) return;
    try {
      await write(taken.map(({ tally }) => tally));
    } catch (error) {
      for (const { counter } of taken) counter.again();
      throw error;
    }
  }

  private each(): VersionCounter[] {
    return [...this.counters.values()].flatMap((deployments) => [...deployments.values()].flatMap((versions) => [...versions.values()]));
  }
}
