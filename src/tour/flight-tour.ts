import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RetrainDetail, RetrainStarted } from '../api/retrains/retrains.dto.js';
import type { RollbackAnswer, RollbackStarted } from '../api/rollbacks/rollbacks.dto.js';
import type { VersionDetail } from '../api/versions/versions.dto.js';
import { ApiClient, jsonBody } from '../cli/api-client.js';
import type { Environment } from '../config/environment.js';
import { PerennialError } from '../contracts/failures.js';
import { durationMs, isoTime } from '../contracts/time.js';
import { parseSpec } from '../spec/parse-spec.js';
import { type Prediction, predictFlights } from './flight-predictions.js';
import { prepareExample } from './flight-data.js';

const MODEL = 'flight-delay';
const FOLLOW_EVERY_MS = 150;

/** The weeks at whose beginning a retrain is asked for: version 1 learns from weeks 0–7 and is judged on weeks 8–11. */
export const TOUR_WEEKS = [12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52] as const;

/** What the tour tells while it goes. */
export interface TourWatcher {
  phase(line: string): void;
  step(week: number, retrain: RetrainDetail): void;
  /** `answers` is null for a step that an earlier tour took. */
  stepDone(week: number, step: TourStep, answers: Prediction | null): void;
  rolledBack(rollback: RollbackAnswer, answers: { readonly before: Prediction; readonly after: Prediction } | null): void;
}

export interface TourStep {
  readonly retrain: RetrainDetail;
  /** Null where no version came of it. */
  readonly version: VersionDetail | null;
}

export interface TourOutcome {
  readonly steps: readonly TourStep[];
  readonly rollbacks: readonly RollbackAnswer[];
  readonly champion: { readonly version: number | null; readonly epoch: number };
  /** ISO 8601. */
  readonly weekZero: string;
  /** Seconds of the steps that earlier starts took; this one only tells of them. */
  readonly earlierS: number;
}

export interface TourPlaces {
  readonly environment: Environment;
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly gatewayUrl: string;
}

/**
 * The short tour: all flights out of New York in 2013, a retrain every four weeks, a rollback and the way forward again.
 * It asks by the API alone, as an ML engineer would. Its commands carry keys that stay the same, so that a tour that was
 * cut off goes on where it was, and one that is done is only told again.
 * @throws PerennialError, ProblemError
 */
export async function flightTour(places: TourPlaces, watcher: TourWatcher): Promise<TourOutcome> {
  const began = Date.now();
  const { weekZero } = await prepareExample(places.environment, (line) => watcher.phase(line));
  const source = await readFile(join('models', MODEL, 'model.yaml'), 'utf8');
  const { spec, digest } = parseSpec(source);
  const tour = new Tour(places, watcher, `tour-${digest.slice(7, 19)}`, began);
  await tour.register(source);
  const horizonMs = durationMs(spec.data.labelHorizon) as number;
  const steps: TourStep[] = [];
  for (const week of TOUR_WEEKS) steps.push(await tour.retrain(week, isoTime(Date.parse(weekZero) + week * WEEK_MS + horizonMs)));
  const rollbacks = await tour.thereAndBack(steps);
  const champion = await tour.api('champion').get<{ version: number | null; epoch: number }>(`/v1/models/${MODEL}/champion`);
  const earlierS = [...steps.map(({ retrain }) => retrain), ...rollbacks].filter((done) => tour.isOld(done)).reduce((sum, done) => sum + secondsOf(done), 0);
  return { steps, rollbacks, weekZero, earlierS, champion: { version: champion.version, epoch: champion.epoch } };
}

interface Done {
  readonly requestedAt: string;
  readonly finishedAt: string | null;
}

const secondsOf = ({ requestedAt, finishedAt }: Done): number => (finishedAt === null ? 0 : (Date.parse(finishedAt) - Date.parse(requestedAt)) / 1_000);

const WEEK_MS = 7 * 24 * 60 * 60 * 1_000;

class Tour {
  constructor(
    private readonly places: TourPlaces,
    private readonly watcher: TourWatcher,
    private readonly keys: string,
    private readonly beganMs: number,
  ) {}

  isOld(done: { readonly finishedAt: string | null }): boolean {
    return done.finishedAt !== null && Date.parse(done.finishedAt) < this.beganMs;
  }

  api(step: string): ApiClient {
    return new ApiClient({ url: this.places.apiUrl, key: this.places.apiKey }, `${this.keys}-${step}`);
  }

  async register(source: string): Promise<void> {
    this.watcher.phase(`Registering models/${MODEL}/model.yaml`);
    await this.api('apply').command('/v1/models', { mediaType: 'application/yaml', content: source });
  }

  async retrain(week: number, asOf: string): Promise<TourStep> {
    const number = await this.requestRetrain(week, asOf);
    const api = this.api('read');
    const retrain = await this.follow<RetrainDetail>(`/v1/models/${MODEL}/retrains/${number}`, (seen) => this.watcher.step(week, seen));
    const version = retrain.version === null ? null : await api.get<VersionDetail>(`/v1/models/${MODEL}/versions/${retrain.version}`);
    if (retrain.failure) throw new PerennialError(retrain.failure.type as 'Internal', `Retrain ${number} ${retrain.outcome}: ${retrain.failure.message}`);
    this.watcher.stepDone(week, { retrain, version }, this.isOld(retrain) ? null : await this.predict());
    return { retrain, version };
  }

  /** The retrain of a week: the one of an earlier tour, unless something went wrong with it. */
  private async requestRetrain(week: number, asOf: string): Promise<number> {
    for (let attempt = 1; ; attempt += 1) {
      const api = this.api(attempt === 1 ? `week-${week}` : `week-${week}-${attempt}`);
      const body = jsonBody({ asOf, reason: `flight tour: week ${week}` });
      const { number } = await api.command<RetrainStarted>(`/v1/models/${MODEL}/retrains`, body);
      const { failure } = await api.get<RetrainDetail>(`/v1/models/${MODEL}/retrains/${number}`);
      if (!failure) return number;
    }
  }

  /** Back to the champion before, and forward again. */
  async thereAndBack(steps: readonly TourStep[]): Promise<RollbackAnswer[]> {
    const promoted = steps.filter(({ retrain }) => retrain.outcome === 'promoted').map(({ retrain }) => retrain.version as number);
    const [newest, before] = [promoted.at(-1), promoted.at(-2)];
    if (newest === undefined || before === undefined) return [];
    this.watcher.phase(`Rolling back from version ${newest} to version ${before}, and forward again`);
    return [await this.rollBack('back', before), await this.rollBack('forward', newest)];
  }

  private async rollBack(name: string, toVersion: number): Promise<RollbackAnswer> {
    const before = await this.predict();
    const body = jsonBody({ toVersion, reason: `flight tour: ${name}` });
    const { status } = await this.api(`rollback-${name}`).command<RollbackStarted>(`/v1/models/${MODEL}/rollbacks`, body);
    const rollback = await this.follow<RollbackAnswer>(status, () => undefined);
    this.watcher.rolledBack(rollback, this.isOld(rollback) ? null : { before, after: await this.predict() });
    return rollback;
  }

  private predict(): Promise<Prediction> {
    return predictFlights(this.places, this.places.environment, MODEL);
  }

  private async follow<T extends { outcome: unknown }>(path: string, see: (seen: T) => void): Promise<T> {
    const api = this.api('follow');
    for (;;) {
      const seen = await api.get<T>(path);
      see(seen);
      if (seen.outcome !== null) return seen;
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_EVERY_MS));
    }
  }
}
