import { setTimeout as sleep } from 'node:timers/promises';
import type { LabelBatchAnswer } from '../api/labels/labels.dto.js';
import type { ApiClient } from '../cli/api-client.js';
import { PerennialError } from '../contracts/failures.js';
import { askGateway, type GatewayCaller } from './ask-gateway.js';
import { HOUR_MS } from './event-days.js';
import { type Flight, type FlightTraffic, REPORTED_WITHIN_MS } from './flight-traffic.js';

/** Event time that is played at once; the airlines report at its end. */
export const TICK_MS = 8 * HOUR_MS;
/** Wall time that a tick takes at least: a day in a second. */
const TICK_TAKES_MS = 333;
const AT_ONCE = 16;
const ASK_AGAIN_MS = 50;
const PATIENCE_MS = 60_000;

export interface ReplayPlaces extends GatewayCaller {
  readonly model: string;
  readonly traffic: FlightTraffic;
  /** A client whose commands carry the key. */
  readonly api: (key: string) => ApiClient;
}

/** What the gateway answered since the replay began. */
export interface ReplayFigures {
  readonly answers: number;
  /** By the version that answered. */
  readonly byVersion: ReadonlyMap<string, number>;
  readonly labels: number;
}

/**
 * Plays the flights of a stretch of event time through the gateway, one request a flight, and brings the labels late, as the airlines
 * would. Event time is compressed, but nothing is out of order: no tick begins before the labels of the tick before the last are ingested.
 */
export class FlightReplay {
  private answers = 0;
  private labels = 0;
  private readonly byVersion = new Map<string, number>();
  private readonly batches: LabelBatchAnswer[] = [];
  /** Flights that were asked about and may still be reported. */
  private aloft: Flight[] | undefined;

  /** @param beginMs the first traffic; nothing before it was asked, so nothing before it is labelled */
  constructor(private readonly places: ReplayPlaces, private readonly beginMs: number) {}

  figures(): ReplayFigures {
    return { answers: this.answers, byVersion: this.byVersion, labels: this.labels };
  }

  /** Plays [fromMs, fromMs + tick). @throws PerennialError `InferenceFailed` for an answer that is none */
  async tick(fromMs: number): Promise<void> {
    const untilMs = fromMs + TICK_MS;
    const takes = sleep(TICK_TAKES_MS);
    const before = this.aloft ?? (await this.places.traffic.between(Math.max(this.beginMs, fromMs - REPORTED_WITHIN_MS), fromMs));
    const departing = await this.places.traffic.between(fromMs, untilMs);
    await this.ask(departing);
    const flights = [...before, ...departing].filter(({ reportedMs }) => reportedMs >= fromMs);
    const reported = flights.filter(({ late, reportedMs }) => late !== null && reportedMs < untilMs);
    this.aloft = flights.filter(({ reportedMs }) => reportedMs >= untilMs);
    if (reported.length > 0) await this.report(fromMs, reported);
    if (this.batches.length > 1) await this.ingested(this.batches.shift() as LabelBatchAnswer);
    await takes;
  }

  private async ask(flights: readonly Flight[]): Promise<void> {
    let next = 0;
    const caller = async (): Promise<void> => {
      for (let flight = flights[next++]; flight; flight = flights[next++]) await this.predict(flight);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, caller));
  }

  private async predict({ id, entity, eventTimeMs, inputs }: Flight): Promise<void> {
    const body = JSON.stringify({ id, parameters: { prediction_id: id, entity_key: entity, event_time: eventTimeMs }, inputs });
    const response = await askGateway(this.places, this.places.model, 'infer', body);
    const answer = (await response.json()) as { error?: string; model_version: string };
    if (!response.ok) throw new PerennialError('InferenceFailed', `The gateway answered ${response.status} for flight ${id}: ${answer.error}`);
    this.answers += 1;
    this.byVersion.set(answer.model_version, (this.byVersion.get(answer.model_version) ?? 0) + 1);
  }

  /** The same batch under the same key, however often the tick is played. */
  private async report(fromMs: number, flights: readonly Flight[]): Promise<void> {
    const content = flights.map(({ id, late }) => `${JSON.stringify({ prediction_id: id, label: late })}\n`).join('');
    const { model } = this.places;
    this.batches.push(await this.places.api(`labels-${fromMs}-${fromMs + TICK_MS}`).command<LabelBatchAnswer>(`/v1/models/${model}/labels`, { mediaType: 'application/x-ndjson', content }));
    this.labels += flights.length;
  }

  private async ingested({ status }: LabelBatchAnswer): Promise<void> {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const { state, failure } = await this.places.api('read').get<LabelBatchAnswer>(status);
      if (state === 'ingested') return;
      if (state === 'failed') throw new PerennialError('Internal', `The labels of ${status} could not be read: ${JSON.stringify(failure)}`);
      if (Date.now() > until) throw new PerennialError('DependencyUnavailable', `The labels of ${status} are not ingested after ${PATIENCE_MS / 1_000} s: see the workflow ingestion/${this.places.model}`);
      await sleep(ASK_AGAIN_MS);
    }
  }
}
