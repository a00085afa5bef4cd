import type { FeatureDrift } from '../contracts/feature-drift.js';
import { ThreadChannel } from '../evaluation/thread-channel.js';
import type { ComparedFeature, ComparisonOrder, DriftMessage, DriftOrder, DriftQuestion, ProfiledNumber, ProfileOrder } from './drift-order.js';

interface Endable {
  /** Ends the measurement; its reason is thrown. */
  readonly signal?: AbortSignal;
}

export interface DriftMeasurement extends Omit<ComparisonOrder, 'kind' | 'heldRows'>, Partial<Pick<ComparisonOrder, 'heldRows'>>, Endable {}

export interface DriftProfiling extends Omit<ProfileOrder, 'kind'>, Endable {}

/** Both sides together: five numbers of them can be held by each thread. Of more rows it would hold fewer at once, and to fetch a few columns takes nearly as long as to fetch many. */
const HELD_ROWS = 4_000_000;
const DEFAULT_THREADS = 2;

/**
 * Compares columns of Parquet files, those of a window with those of its baseline, feature by feature, in threads of this
 * process with a DuckDB each. The threads start with the first measurement and stay until the process ends: what they have
 * compiled is worth more than a small window takes.
 */
export class DriftMeter {
  private channels: readonly ThreadChannel<DriftMessage>[] = [];
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly threads = DEFAULT_THREADS) {}

  /**
   * One measurement at a time; others wait their turn.
   * @returns in the order of `features` @throws PerennialError `DataNotFound`, `DataUnreadable`; DuckDB's error for a column that is not there
   */
  measure({ signal, ...measurement }: DriftMeasurement): Promise<FeatureDrift[]> {
    return this.inTurn({ kind: 'comparison', heldRows: HELD_ROWS, ...measurement }, signal, (answer) => (answer.kind === 'measured' ? answer.features : []));
  }

  /** As {@link measure}: counts numbers of one side. */
  profile({ signal, ...profiling }: DriftProfiling): Promise<ProfiledNumber[]> {
    return this.inTurn({ kind: 'profile', ...profiling }, signal, (answer) => (answer.kind === 'profiled' ? answer.numbers : []));
  }

  private inTurn<T extends { readonly name: string }>(order: DriftOrder, signal: AbortSignal | undefined, read: (answer: DriftMessage) => readonly T[]): Promise<T[]> {
    const turn = this.last.then(() => this.carryOut(order, signal, read));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async carryOut<T extends { readonly name: string }>(order: DriftOrder, signal: AbortSignal | undefined, read: (answer: DriftMessage) => readonly T[]): Promise<T[]> {
    signal?.throwIfAborted();
    const waiting = partsOf(order.features, this.threads);
    const channels = this.started().slice(0, waiting.length);
    const stop = (): void => channels.forEach((channel) => post(channel, { kind: 'stop' }));
    signal?.addEventListener('abort', stop, { once: true });
    for (const channel of channels) channel.holdProcess(true);
    try {
      const found = await Promise.allSettled(channels.map((channel) => carryOutIn(channel, order, waiting)));
      signal?.throwIfAborted();
      const byName = new Map(found.flatMap((one) => valueOf(one)).flatMap(read).map((feature) => [feature.name, feature]));
      return order.features.map(({ name }) => byName.get(name)!);
    } finally {
      signal?.removeEventListener('abort', stop);
      for (const channel of channels) channel.holdProcess(false);
    }
  }

  /** Threads that died are replaced by new ones. */
  private started(): readonly ThreadChannel<DriftMessage>[] {
    if (this.channels.length === 0 || this.channels.some(({ dead }) => dead)) {
      this.channels = Array.from({ length: this.threads }, () => new ThreadChannel<DriftMessage>(new URL('./drift-measuring-thread', import.meta.url), null));
    }
    return this.channels;
  }
}

const post = (channel: ThreadChannel<DriftMessage>, question: DriftQuestion): void => channel.post(question, []);

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

async function carryOutIn(channel: ThreadChannel<DriftMessage>, order: DriftOrder, waiting: (readonly number[])[]): Promise<DriftMessage[]> {
  const found: DriftMessage[] = [];
  post(channel, { kind: 'order', order });
  try {
    for (let features = waiting.shift(); features; features = waiting.shift()) {
      post(channel, { kind: 'measure', features });
      found.push(await channel.next());
    }
    return found;
  } finally {
    waiting.length = 0;
    post(channel, { kind: 'done' });
    await closed(channel);
  }
}

/** The places of numbers in a part for each thread, since a fetch costs as much as the values it brings of a column; categories one by one, so that the threads end together. */
function partsOf(features: readonly ComparedFeature[], threads: number): (readonly number[])[] {
  const placesOf = (wanted: ComparedFeature['type']): number[] => features.flatMap(({ type }, place) => (type === wanted ? [place] : []));
  const numbers = placesOf('number');
  const parts = Array.from({ length: threads }, (_, part) => numbers.filter((_number, index) => index % threads === part));
  return [...parts.filter((part) => part.length > 0), ...placesOf('category').map((place) => [place])];
}

async function closed(channel: ThreadChannel<DriftMessage>): Promise<void> {
  while (!channel.dead && (await channel.next()).kind !== 'closed');
}
