import { setTimeout as sleep } from 'node:timers/promises';
import type { RetrainDetail, RetrainStarted } from '../api/retrains/retrains.dto.js';
import type { RetrainingDecisionAnswer, WindowAssessmentAnswer } from '../api/windows/window-assessments.dto.js';
import { ApiClient, jsonBody } from '../cli/api-client.js';
import { PerennialError } from '../contracts/failures.js';
import { durationMs, isoTime } from '../contracts/time.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { DAY_MS } from './event-days.js';
import type { TourPlaces } from './flight-tour.js';
import type { Stretch } from './monitor-scenario.js';
import type { RowTraffic } from './row-traffic.js';

/** A window whose labels were counted, with what was decided after it. */
export interface WatchedWindow {
  readonly window: WindowAssessmentAnswer;
  /** What it came to when it closed. */
  readonly closed: WindowAssessmentAnswer;
  /** The decisions after it, when it closed and when its labels were there. */
  readonly decisions: readonly RetrainingDecisionAnswer[];
  /** The retrain that was started after it, ended. */
  readonly retrain: RetrainDetail | null;
}

const FOLLOW_EVERY_MS = 300;
const PATIENCE_MS = 120_000;
/** How far into the next window the traffic has to come, beyond the horizon of labels, before a window is looked for: one row in twenty of the last files moves no time. */
const MARGIN = { leastMs: 2 * DAY_MS, share: 0.6 } as const;

/** One model under watch: its first version, then its traffic window by window, each assessed before the next one ends. */
export class MonitoredCourse {
  private readonly base: string;

  /** @param keys commands carry keys that begin so, and stay the same when a tour that was cut off goes on */
  constructor(
    private readonly places: TourPlaces,
    private readonly spec: ModelSpec,
    private readonly traffic: RowTraffic,
    private readonly keys: string,
  ) {
    this.base = `/v1/models/${spec.model}`;
  }

  /** Registers the model and trains its first version on what is known at `atMs`. @throws PerennialError `Internal` where its gate does not pass it */
  async begin(source: string, atMs: number): Promise<RetrainDetail> {
    await this.api('apply').command('/v1/models', { mediaType: 'application/yaml', content: source });
    const asOf = isoTime(atMs + (durationMs(this.spec.data.labelHorizon) as number));
    const { number } = await this.api('first').command<RetrainStarted>(`${this.base}/retrains`, jsonBody({ asOf, reason: 'monitoring tour: the first version' }));
    const first = await this.ended(number);
    if (first.outcome !== 'promoted') throw new PerennialError('Internal', `The first version of ${this.spec.model} ended as ${first.outcome ?? 'nothing'}: ${first.reason ?? 'no reason given'}`);
    return first;
  }

  /** Plays the windows in their order; the last one only begins. @yields each window but the last, once it is assessed */
  async *play(windows: readonly Stretch[]): AsyncGenerator<WatchedWindow> {
    const known = new Map((await this.assessments(500)).filter(({ occasion }) => occasion === 'matured').map((window) => [Date.parse(window.from), window]));
    for (const [index, { fromMs, untilMs }] of windows.entries()) {
      const before = windows[index - 1];
      const matureMs = fromMs + (durationMs(this.spec.data.labelHorizon) as number) + Math.max(MARGIN.leastMs, MARGIN.share * (untilMs - fromMs));
      const played = known.has(fromMs);
      if (!played) await this.traffic.ask({ fromMs, untilMs: Math.min(untilMs, matureMs) });
      if (before) yield await this.watched(before);
      if (played || index === windows.length - 1) continue;
      await this.traffic.ask({ fromMs: Math.min(untilMs, matureMs), untilMs });
      await this.api(`labels-${fromMs}`).command(`${this.base}/labels`, { mediaType: 'text/csv', content: await this.traffic.labels({ fromMs, untilMs }) });
    }
  }

  private async watched({ fromMs }: Stretch): Promise<WatchedWindow> {
    const from = isoTime(fromMs);
    const { matured, closed, decisions } = await this.followed(`the window of ${this.spec.model} from ${from} to be assessed`, async () => {
      const found = (await this.assessments(20)).filter((one) => one.from === from);
      const made = (await this.get<{ items: RetrainingDecisionAnswer[] }>(`${this.base}/retraining-decisions?limit=20`)).items.filter((one) => one.from === from);
      const [last, first] = [found.find(({ occasion }) => occasion === 'matured'), found.find(({ occasion }) => occasion === 'closed')];
      return last && first && made.some(({ revision }) => revision === last.revision) ? { matured: last, closed: first, decisions: made } : undefined;
    });
    const command = decisions.find(({ outcome }) => outcome === 'retrain')?.command ?? null;
    return { window: matured, closed, decisions, retrain: command === null ? null : await this.retrainOf(command) };
  }

  /** The command is accepted with the decision, and carried out a moment later. */
  private async retrainOf(command: string): Promise<RetrainDetail> {
    const number = await this.followed(`the retrain of ${this.spec.model} to begin`, async () => {
      const { items } = await this.get<{ items: { number: number }[] }>(`${this.base}/retrains?limit=20`);
      const details = await Promise.all(items.map((one) => this.get<RetrainDetail>(`${this.base}/retrains/${one.number}`)));
      return details.find(({ commandId }) => commandId === command)?.number;
    });
    return this.ended(number);
  }

  private ended(number: number): Promise<RetrainDetail> {
    return this.followed(`retrain ${number} of ${this.spec.model} to end`, async () => {
      const retrain = await this.get<RetrainDetail>(`${this.base}/retrains/${number}`);
      return retrain.outcome === null ? undefined : retrain;
    });
  }

  private async assessments(limit: number): Promise<readonly WindowAssessmentAnswer[]> {
    return (await this.get<{ items: WindowAssessmentAnswer[] }>(`${this.base}/windows/assessments?limit=${limit}&revisions=all`)).items;
  }

  private async followed<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = await ask();
      if (found !== undefined) return found;
      if (Date.now() > until) throw new PerennialError('DependencyUnavailable', `Waited ${PATIENCE_MS / 1_000} s for ${what}; the Temporal UI says what it waits for`);
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
