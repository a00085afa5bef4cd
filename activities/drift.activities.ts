import { Injectable } from '@nestjs/common';
import { sensitivityOf } from '../src/contracts/masking.js';
import type { DueAssessment } from '../src/contracts/window-assessment.js';
import { EARLIER_WINDOWS } from '../src/drift/usual-changes.js';
import type { EventStretch } from '../src/drift/window-grid.js';
import type { PlannedParts } from '../src/drift/window-parts.js';
import type { WindowCheck } from '../src/registry/entities/window-check.entity.js';
import type { WindowDrift } from '../src/registry/entities/window-drift.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { WindowsRepository } from '../src/registry/windows.repository.js';
import { heartbeating } from './activity-context.js';
import { type ComparedReport, type ComparedWindow, type DriftBaseline, DriftBaselines } from './drift-baselines.js';
import { MonitoringReports } from './monitoring-reports.js';
import { checkOf, type LookOutcome, recordedLook } from './window-looks.js';
import { WindowSources } from './window-sources.js';

/** A plan whose parts have been profiled: digests, in the order of the parts. */
export interface ProfiledParts {
  readonly plan: string;
  readonly profiles: readonly string[];
}

/** Compares the inputs of windows with the baseline of their deployment's champion: an observation, which raises no alarm. */
@Injectable()
export class DriftActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly windows: WindowsRepository,
    private readonly sources: WindowSources,
    private readonly baselines: DriftBaselines,
    private readonly reports: MonitoringReports,
  ) {}

  /**
   * Holds the distributions of a window's inputs against the baseline of the champion of now. Without a champion, or where no input was kept, it is inconclusive.
   * A comparison that is there already stands.
   * @param way whether the caller can have a large window compared in parts; runs of versions before cannot
   * @returns what is to be done first where it is so large
   */
  async compareWindow(window: DueAssessment, way: 'whole' | 'in parts' = 'whole'): Promise<LookOutcome | PlannedParts> {
    return heartbeating(async (signal) => {
      const known = await this.recorded(window);
      if (known) return known;
      const baseline = await this.baselines.ofChampion(window);
      const planned = baseline && way === 'in parts' ? await this.plan(window, baseline, signal) : null;
      return planned ?? this.record(window, baseline && (await this.compareWhole(window, baseline, signal)));
    });
  }

  /** Profiles one part of a planned comparison, from 0; again with the same result. @returns the profile's digest */
  async profileWindowPart(plan: string, part: number): Promise<string> {
    return heartbeating((signal) => this.baselines.parts.profile(plan, part, signal));
  }

  /** Goes on where {@link compareWindow} left a large window, once its parts are profiled: beside the champion of that moment. */
  async compareParts(window: DueAssessment, parts: ProfiledParts): Promise<LookOutcome> {
    return heartbeating(async (signal) =>
      (await this.recorded(window)) ?? this.record(window, await this.baselines.compareParts(await this.compared(window, await this.sources.stretchBefore(window)), parts, signal)));
  }

  /** The search for drift has gone past the window then: it cannot be taken again. */
  private async recorded({ model, deployment, fromMs }: DueAssessment): Promise<LookOutcome | null> {
    const check = await this.windows.find(model, deployment, 'drift', new Date(fromMs));
    return check && { ...recordedLook(check), found: (await this.windows.findDrift(model, deployment, new Date(fromMs)))?.drifted.length ?? 0 };
  }

  /** Null where the window and the one before are small, by what the record has of their files. */
  private async plan(window: DueAssessment, baseline: DriftBaseline, signal: AbortSignal): Promise<PlannedParts | null> {
    const before = await this.sources.stretchBefore(window);
    return this.baselines.plan({ baseline, window: await this.sources.observed(window, window), before: before && (await this.sources.observed(window, before)) }, signal);
  }

  private async compareWhole(window: DueAssessment, baseline: DriftBaseline, signal: AbortSignal): Promise<ComparedReport | null> {
    const [{ files }, before] = [await this.sources.of(window), await this.sources.before(window)];
    return this.baselines.compare({ ...(await this.compared(window, before)), files, before, signal }, baseline);
  }

  private async compared(window: DueAssessment, before: EventStretch | null): Promise<ComparedWindow> {
    const spec = await this.models.spec(window.model, window.specDigest);
    const earlier = before ? await this.reports.drifts({ ...window, fromMs: before.fromMs }, EARLIER_WINDOWS) : [];
    return { ...window, earlier, sensitivity: sensitivityOf(spec), falseDiscoveries: spec.monitoring.falseDiscoveries, alpha: spec.evaluation.alpha };
  }

  private async record(window: DueAssessment, compared: ComparedReport | null): Promise<LookOutcome> {
    const [rows, checks] = [compared?.report.rows ?? 0, compared?.report.features.length ?? 0];
    const check: WindowCheck = {
      ...checkOf(window, 'drift', await this.sources.labelRevision(window)), verdict: rows === 0 ? 'inconclusive' : 'pass', rows, checks, findings: [],
      summary: { rows, inputRows: rows, features: [], loss: null }, alarmId: null,
    };
    if (compared) await this.windows.addDrift(check, driftOf(check, compared));
    else await this.windows.add(check);
    return { verdict: rows === 0 ? 'inconclusive' : 'pass', rows, found: compared?.report.drifted.length ?? 0, raised: false };
  }
}

const driftOf = ({ model, deployment, fromEvent, untilEvent, checkedAt, rows }: WindowCheck, { report: { baseline, drifted }, digest, search }: ComparedReport): WindowDrift => ({
  model, deployment, look: 'drift', fromEvent, untilEvent, championVersion: baseline.version, baselineDigest: baseline.snapshot, reportDigest: digest, rows, drifted: [...drifted], search, measuredAt: checkedAt,
});
