import { availableParallelism } from 'node:os';
import type { DeploymentSample, FailureCounts, GatewaySample } from '../contracts/gateway-samples.js';
import type { RoutingTable } from './routing-table.js';
import type { Place, ServingCounters } from './serving-counters.js';
import type { ServingTallies } from './serving-tallies.js';

export interface SampledSources {
  readonly table: Pick<RoutingTable, 'deployments'>;
  readonly tallies: Pick<ServingTallies, 'all'>;
  readonly counters: Pick<ServingCounters, 'refusals' | 'placedRefusals'>;
}

export interface SamplingTimes {
  /** Of a sample, milliseconds. Default a minute. */
  readonly lengthMs?: number | undefined;
  /** Samples that are kept while they cannot be written. Default six hours of them. */
  readonly mostKept?: number | undefined;
}

/** What one deployment, or all together, came to since the gateway started. */
interface Counts {
  requests: number;
  rows: number;
  readonly errors: FailureCounts;
}

interface PlaceCounts extends Place, Counts {}

/** Where a sample begins. */
interface Beginning {
  readonly fromMs: number;
  /** On a clock that never jumps. */
  readonly startedMs: number;
  readonly endsMs: number;
  readonly cpuSeconds: number;
  readonly whole: Counts;
  readonly places: ReadonlyMap<string, PlaceCounts>;
}

const LENGTH_MS = 60_000;
const MOST_KEPT = 360;
const LOOK_MS = 1_000;
/** A first sample that would be shorter than this part of the length is joined with the next. */
const SHORTEST_PART = 1 / 12;
/** A gateway that is idle tells of the minute that runs so seldom, in milliseconds. */
const IDLE_REPORT_MS = 10_000;
const NO_COUNTS: Counts = { requests: 0, rows: 0, errors: {} };

/**
 * Samples what this gateway does and uses, minute by minute of wall time, from counters that are kept anyway: no request waits for it. The minute that
 * runs is handed over again and again, each time up to now, so that a gateway that is killed takes little with it.
 */
export class GatewaySampler {
  private readonly lengthMs: number;
  private readonly mostKept: number;
  private begun: Beginning;
  private memoryBytes = 0;
  private readonly capacities = new Map<string, Place & { readonly rowsPerSecond: number | null }>();
  private finished: GatewaySample[] = [];
  private timer: NodeJS.Timeout | undefined;
  private ended = false;
  private reported = { atMs: -Infinity, fromMs: -1, counted: 0 };

  constructor(private readonly sources: SampledSources, { lengthMs = LENGTH_MS, mostKept = MOST_KEPT }: SamplingTimes = {}) {
    this.lengthMs = lengthMs;
    this.mostKept = mostKept;
    this.begun = this.begin();
  }

  start(): void {
    this.timer ??= setInterval(() => this.look(), Math.min(LOOK_MS, this.lengthMs / 4)).unref();
  }

  /** Ends the minute that runs; nothing is sampled any more. */
  end(): void {
    clearInterval(this.timer);
    if (this.ended) return;
    this.read();
    this.finish();
    this.ended = true;
  }

  /** Hands over what is not written yet, and the minute that runs where it tells something new; what `write` does not take is handed over again. @throws what `write` throws */
  async flush(write: (samples: readonly GatewaySample[]) => Promise<void>): Promise<void> {
    const finished = [...this.finished];
    const running = this.ended ? null : this.runningNews();
    if (finished.length === 0 && !running) return;
    await write(running ? [...finished, running] : finished);
    this.finished = this.finished.filter((sample) => !finished.includes(sample));
    if (running) this.reported = { atMs: performance.now(), fromMs: running.fromMs, counted: countedOf(running) };
  }

  private look(): void {
    this.read();
    if (performance.now() >= this.begun.endsMs) this.finish();
  }

  private read(): void {
    this.memoryBytes = Math.max(this.memoryBytes, process.memoryUsage.rss());
    for (const { model, deployment, champion } of this.sources.table.deployments()) {
      if (champion) this.capacities.set(`${model}/${deployment}`, { model, deployment, rowsPerSecond: champion.rowsPerSecond });
    }
  }

  private finish(): void {
    this.finished.push(this.sample());
    const surplus = this.finished.length - this.mostKept;
    if (surplus > 0) {
      const gone = this.finished.splice(0, surplus);
      const [oldest] = this.finished;
      if (oldest) this.finished[0] = { ...oldest, lost: gone.reduce((sum, { lost }) => sum + lost + 1, oldest.lost) };
    }
    this.begun = this.begin();
  }

  private begin(): Beginning {
    const [fromMs, startedMs] = [Date.now(), performance.now()];
    const restMs = this.lengthMs - (fromMs % this.lengthMs);
    this.memoryBytes = 0;
    this.capacities.clear();
    this.read();
    return { fromMs, startedMs, endsMs: startedMs + restMs + (restMs < this.lengthMs * SHORTEST_PART ? this.lengthMs : 0), cpuSeconds: usedSeconds(), ...this.counts() };
  }

  private runningNews(): GatewaySample | null {
    const running = this.sample();
    const news = running.fromMs !== this.reported.fromMs || countedOf(running) !== this.reported.counted || performance.now() - this.reported.atMs >= IDLE_REPORT_MS;
    return news ? running : null;
  }

  /** Since the beginning, up to now. */
  private sample(): GatewaySample {
    const { begun } = this;
    const { whole, places } = this.counts();
    const keys = new Set([...this.capacities.keys(), ...[...places].filter(([key, counts]) => differ(counts, begun.places.get(key))).map(([key]) => key)]);
    const deployments = [...keys].map((key): DeploymentSample => {
      const { model, deployment } = (this.capacities.get(key) ?? places.get(key)) as Place;
      return { model, deployment, ...difference(places.get(key) ?? NO_COUNTS, begun.places.get(key) ?? NO_COUNTS), rowsPerSecond: this.capacities.get(key)?.rowsPerSecond ?? null };
    });
    return {
      fromMs: begun.fromMs, untilMs: begun.fromMs + Math.max(1, Math.round(performance.now() - begun.startedMs)), ...difference(whole, begun.whole),
      memoryBytes: this.memoryBytes, cpuSeconds: usedSeconds() - begun.cpuSeconds, cores: availableParallelism(), lost: 0, deployments,
    };
  }

  private counts(): Pick<Beginning, 'whole' | 'places'> {
    const { tallies, counters } = this.sources;
    const places = new Map<string, PlaceCounts>();
    for (const [key, { model, deployment, errors }] of counters.placedRefusals) places.set(key, { model, deployment, requests: 0, rows: 0, errors: Object.fromEntries(errors) });
    const whole: Counts = { requests: 0, rows: 0, errors: Object.fromEntries(counters.refusals) };
    for (const { model, deployment, requests, rows } of tallies.all()) {
      const key = `${model}/${deployment}`;
      let place = places.get(key);
      if (!place) places.set(key, (place = { model, deployment, requests: 0, rows: 0, errors: {} }));
      for (const counts of [place, whole]) {
        counts.requests += requests;
        counts.rows += rows;
      }
    }
    return { whole, places };
  }
}

function usedSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function difference(now: Counts, before: Counts): Counts {
  const errors = Object.entries(now.errors).map(([type, count]) => [type, count - (before.errors[type] ?? 0)] as const).filter(([, count]) => count > 0);
  return { requests: now.requests - before.requests, rows: now.rows - before.rows, errors: Object.fromEntries(errors) };
}

function differ(now: Counts, before: Counts = NO_COUNTS): boolean {
  const { requests, errors } = difference(now, before);
  return requests > 0 || Object.keys(errors).length > 0;
}

const countedOf = ({ requests, errors }: GatewaySample): number => Object.values(errors).reduce((sum, count) => sum + count, requests);
