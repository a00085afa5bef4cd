import { Injectable } from '@nestjs/common';
import type { ReleaseId, ReleaseMeasurement, ReleasePlan } from '../src/contracts/releases.js';
import { firstEventTime } from '../src/observations/first-event.js';
import { STRAY_SHARE, STREAM_FILES, streamTime } from '../src/observations/stream-time.js';
import type { Release } from '../src/registry/entities/release.entity.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';
import { ReleasesRepository } from '../src/registry/releases.repository.js';
import { ServingRepository } from '../src/registry/serving.repository.js';
import { comparisonStanding, guardFigures, unlabelledFigures } from '../src/rollout/release-figures.js';
import { heartbeating } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { type Compared, ComparisonRuns } from './comparison-runs.js';
import { ObservedFiles } from './observed-files.js';

/** A fault is not seen before the look at it is over. */
const COMPARE_FOR_MS = 2_000;

/** One look at a release: how far event time has come, what was compared, and what the guards say. */
@Injectable()
export class ReleaseMeasurementActivities {
  constructor(
    private readonly releases: ReleasesRepository,
    private readonly observations: ObservationsRepository,
    private readonly serving: ServingRepository,
    private readonly comparisons: ComparisonRuns,
    private readonly files: ObservedFiles,
    private readonly settings: ActivitySettings,
  ) {}

  /** Fails where what was observed cannot be read; the release then waits and says so. */
  async measureRelease(id: ReleaseId): Promise<ReleaseMeasurement> {
    const release = await this.releases.get(id);
    const plan = JSON.parse((release.plan as Buffer).toString('utf8')) as ReleasePlan;
    const { model, deployment, version } = release;
    const now = Date.now();
    const streamTimeMs = streamTime(await this.observations.leadMs(model, deployment, { latest: STREAM_FILES, strayShare: STRAY_SHARE }), now);
    const firstEventMs = release.sinceEvent?.getTime() ?? (await this.firstEvent(model, deployment, release.since as Date));
    const compared = await this.compare(release, plan, firstEventMs, streamTimeMs);
    const tallies = (await this.serving.tallies(model, deployment)).filter((tally) => tally.version === version || tally.version === release.champion);
    const before = release.talliesBefore ?? [];
    const past = release.latest?.measurement;
    const stretch = past && past.transitions === release.transitions ? past.stretch : { number: 1, from: before };
    const guards = guardFigures({ plan, tallies, before, stretch, unlabelled: compared?.unlabelled ?? null });
    return {
      measuredAt: new Date(now).toISOString(), transitions: release.transitions, streamTimeMs, firstEventMs,
      comparison: compared && comparisonStanding(compared.planned.analysis, compared.planned.judgement),
      revised: compared?.revised ? comparisonStanding(compared.revised.analysis, compared.revised.judgement) : null,
      complete: compared?.complete ?? true, unlabelled: compared && unlabelledFigures(compared.unlabelled), tallies, ...guards,
    };
  }

  private async firstEvent(model: string, deployment: string, since: Date): Promise<number | null> {
    const files = await this.files.local(await this.observations.filesSince(model, deployment, since, STREAM_FILES));
    return heartbeating((signal) => firstEventTime({ files, sinceMs: since.getTime(), scratch: this.settings.workDir, signal }));
  }

  /** Null while nothing was observed. */
  private async compare(release: Release, plan: ReleasePlan, fromMs: number | null, streamTimeMs: number | null): Promise<Compared | null> {
    if (fromMs === null || streamTimeMs === null) return null;
    const phase = release.stage === 'watch' ? 'watch' : 'rollout';
    return heartbeating((signal) => this.comparisons.compare({ release, plan, phase, fromMs, streamTimeMs, untilMs: Date.now() + COMPARE_FOR_MS, signal }));
  }
}
