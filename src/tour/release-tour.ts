import { setTimeout as sleep } from 'node:timers/promises';
import type { ChampionAnswer } from '../api/champion/champion.dto.js';
import type { ReleaseAnswer, ReleaseDetail } from '../api/releases/releases.dto.js';
import type { RetrainDetail, RetrainStarted } from '../api/retrains/retrains.dto.js';
import type { VersionDetail } from '../api/versions/versions.dto.js';
import { ApiClient, jsonBody } from '../cli/api-client.js';
import { PerennialError } from '../contracts/failures.js';
import { durationMs, isoTime } from '../contracts/time.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { parseSpec } from '../spec/parse-spec.js';
import { DAY_MS, WEEK_MS } from './event-days.js';
import { prepareExample } from './flight-data.js';
import { FlightReplay, type ReplayFigures, TICK_MS } from './flight-replay.js';
import type { TourPlaces } from './flight-tour.js';
import { FlightTraffic } from './flight-traffic.js';
import { type Leg, LEGS, LONGEST_LEG_MS, RELEASE_MODEL, requireExpected, specOfLeg } from './release-scenario.js';
import { readPosition, writePosition } from './replay-position.js';
import { prepareSwappedFlights } from './swapped-flights.js';

/** What the tour tells while it goes. */
export interface ReleaseTourWatcher {
  phase(line: string): void;
  training(leg: Leg, retrain: RetrainDetail): void;
  trained(leg: Leg, retrain: RetrainDetail): void;
  /** After each tick. `playedUntilMs`: event time. */
  playing(release: ReleaseDetail, playedUntilMs: number, figures: ReplayFigures): void;
  released(leg: Leg, release: ReleaseDetail, champion: ChampionAnswer): void;
}

export interface LegDone {
  readonly leg: Leg;
  readonly retrain: RetrainDetail;
  readonly version: VersionDetail;
  /** Null where the gate alone decided. */
  readonly release: ReleaseDetail | null;
}

export interface ReleaseTourOutcome {
  readonly legs: readonly LegDone[];
  readonly champion: ChampionAnswer;
  /** ISO 8601. */
  readonly weekZero: string;
  /** Answers and labels of this start; an earlier one's are not counted. */
  readonly answers: number;
  readonly labels: number;
}

const FOLLOW_EVERY_MS = 200;
/** How far the traffic may run ahead of the release's looks, in event time, and how long it waits for them at most. */
const AHEAD_MS = 1.5 * DAY_MS;
const PATIENCE_MS = 90_000;

/**
 * The release tour: three versions of one model meet the traffic of 2013, replayed in event time with labels that come late. It
 * asks by the HTTP API alone, and its commands carry keys that stay the same, so that a tour that was cut off goes on.
 * @throws PerennialError, ProblemError
 */
export async function releaseTour(places: TourPlaces, watcher: ReleaseTourWatcher): Promise<ReleaseTourOutcome> {
  const { weekZero } = await prepareExample(places.environment, (line) => watcher.phase(line));
  await prepareSwappedFlights(places.environment);
  const { spec, digest } = parseSpec(await specOfLeg('first'));
  const traffic = await FlightTraffic.open(places.environment, spec);
  try {
    const tour = new ReleaseTour(places, watcher, traffic, spec, Date.parse(weekZero), `releases-${digest.slice(7, 19)}`);
    const legs: LegDone[] = [];
    for (const leg of LEGS) legs.push(await tour.take(leg));
    await tour.apply('first', 'end');
    return { legs, weekZero, champion: await tour.champion(), ...tour.played };
  } finally {
    traffic.close();
  }
}

class ReleaseTour {
  readonly played = { answers: 0, labels: 0 };
  private readonly base = `/v1/models/${RELEASE_MODEL}`;

  constructor(
    private readonly places: TourPlaces,
    private readonly watcher: ReleaseTourWatcher,
    private readonly traffic: FlightTraffic,
    private readonly spec: ModelSpec,
    private readonly zeroMs: number,
    private readonly keys: string,
  ) {}

  async take(leg: Leg): Promise<LegDone> {
    this.watcher.phase(`\n${leg.title}`);
    await this.apply(leg.name, leg.name);
    const retrain = await this.retrain(leg);
    const version = await this.get<VersionDetail>(`${this.base}/versions/${retrain.version}`);
    this.watcher.trained(leg, retrain);
    if (leg.liveWeek === null) {
      requireExpected(leg, retrain.outcome, retrain.reason);
      return { leg, retrain, version, release: null };
    }
    const release = await this.release(leg.liveWeek, retrain);
    this.watcher.released(leg, release, await this.championAfter(release));
    requireExpected(leg, release.outcome, release.reason);
    return { leg, retrain, version, release };
  }

  async apply(leg: Leg['name'], key: string): Promise<void> {
    await this.api(`apply-${key}`).command('/v1/models', { mediaType: 'application/yaml', content: await specOfLeg(leg) });
  }

  /** A rollback changes the champion by a workflow of its own, a moment after the release has ended. */
  private championAfter({ outcome, version }: ReleaseDetail): Promise<ChampionAnswer> {
    return this.followed<ChampionAnswer>(`${this.base}/champion`, (champion) => outcome !== 'rolled-back' || champion.version !== version, () => undefined);
  }

  champion(): Promise<ChampionAnswer> {
    return this.get(`${this.base}/champion`);
  }

  /** The leg's retrain: the one of an earlier tour, unless something went wrong with it. */
  private async retrain(leg: Leg): Promise<RetrainDetail> {
    const asOf = isoTime(this.zeroMs + leg.retrainWeek * WEEK_MS + (durationMs(this.spec.data.labelHorizon) as number));
    for (let attempt = 1; ; attempt += 1) {
      const body = jsonBody({ asOf, reason: `release tour: ${leg.title}` });
      const { number } = await this.api(`retrain-${leg.name}-${attempt}`).command<RetrainStarted>(`${this.base}/retrains`, body);
      const first = await this.get<RetrainDetail>(`${this.base}/retrains/${number}`);
      if (first.failure) continue;
      const ended = await this.followed<RetrainDetail>(`${this.base}/retrains/${number}`, ({ outcome }) => outcome !== null, (seen) => this.watcher.training(leg, seen));
      if (ended.failure) throw new PerennialError(ended.failure.type as 'Internal', `Retrain ${number} ${ended.outcome}: ${ended.failure.message}`);
      if (ended.version === null || (leg.liveWeek !== null && ended.outcome !== 'releasing')) requireExpected(leg, ended.outcome, ended.reason);
      return ended;
    }
  }

  private async release(liveWeek: number, retrain: RetrainDetail): Promise<ReleaseDetail> {
    const { items } = await this.get<{ items: ReleaseAnswer[] }>(`${this.base}/releases`);
    const found = items.find((item) => item.retrain === retrain.number);
    if (!found) throw new PerennialError('Internal', `Retrain ${retrain.number} says that it is being released, but no release is of it`);
    const path = `${this.base}/releases/${found.number}`;
    const begun = await this.followed<ReleaseDetail>(path, ({ outcome, latest }) => outcome !== null || Boolean(latest?.measurement), () => undefined);
    return begun.outcome === null ? this.play(path, begun, this.zeroMs + liveWeek * WEEK_MS) : begun;
  }

  /** Traffic, tick by tick, until the release has ended. */
  private async play(path: string, begun: ReleaseDetail, beginMs: number): Promise<ReleaseDetail> {
    const replay = new FlightReplay({ gatewayUrl: this.places.gatewayUrl, apiKey: this.places.apiKey, model: RELEASE_MODEL, traffic: this.traffic, api: (key) => this.api(key) }, beginMs);
    const id = `${this.keys}/${begun.number}/${begun.requestedAt}`;
    let release = begun;
    for (let fromMs = (await readPosition(id)) ?? beginMs; release.outcome === null && fromMs < beginMs + LONGEST_LEG_MS; fromMs += TICK_MS) {
      await replay.tick(fromMs);
      await writePosition(id, fromMs + TICK_MS);
      release = await this.followed<ReleaseDetail>(path, (seen) => seen.outcome !== null || hasSeen(seen, fromMs + TICK_MS - AHEAD_MS, beginMs), (seen) => this.watcher.playing(seen, fromMs + TICK_MS, replay.figures()));
    }
    this.played.answers += replay.figures().answers;
    this.played.labels += replay.figures().labels;
    return release;
  }

  private async followed<T>(path: string, until: (seen: T) => boolean, see: (seen: T) => void): Promise<T> {
    const patienceMs = Date.now() + PATIENCE_MS;
    for (;;) {
      const seen = await this.get<T>(path);
      see(seen);
      if (until(seen)) return seen;
      if (Date.now() > patienceMs) throw new PerennialError('DependencyUnavailable', `${path} has not moved for ${PATIENCE_MS / 1_000} s; its workflow in the Temporal UI says what it waits for`);
      await sleep(FOLLOW_EVERY_MS);
    }
  }

  private get<T>(path: string): Promise<T> {
    return this.api('read').get<T>(path);
  }

  private api(step: string): ApiClient {
    return new ApiClient({ url: this.places.apiUrl, key: this.places.apiKey }, `${this.keys}-${step}`);
  }
}

/** Whether a look of the release knew event time up to then. */
const hasSeen = ({ latest }: ReleaseDetail, untilMs: number, beginMs: number): boolean => {
  const streamTimeMs = latest?.measurement?.['streamTimeMs'];
  return untilMs <= beginMs || (typeof streamTimeMs === 'number' && streamTimeMs >= untilMs);
};
