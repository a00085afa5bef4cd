import { Injectable } from '@nestjs/common';
import { windowAlarm, windowAlarmKey } from '../src/alarms/window-alarm.js';
import { type DueAssessment, windowName } from '../src/contracts/window-assessment.js';
import type { JudgingLook, WindowLook, WindowVerdict } from '../src/contracts/window-summary.js';
import type { WindowCheck } from '../src/registry/entities/window-check.entity.js';
import { type LookResult, lookAtWindow } from '../src/drift/window-look.js';
import { EARLIER_WINDOWS } from '../src/drift/usual-changes.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { WindowsRepository } from '../src/registry/windows.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { type ComparedReport, DriftBaselines } from './drift-baselines.js';
import { MonitoringReports } from './monitoring-reports.js';
import { WindowSources } from './window-sources.js';

/** What one look at a window found. */
export interface LookOutcome {
  readonly verdict: WindowVerdict['verdict'];
  readonly rows: number;
  /** Limits that the window breaks; of `drift` the features that are found to drift. */
  readonly found: number;
  /** Whether an alarm was raised. */
  readonly raised: boolean;
}

/** Looks at windows of event time: at their inputs and their distributions when they have closed, at their loss when their labels should be there. */
@Injectable()
export class WindowsActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly windows: WindowsRepository,
    private readonly alarms: AlarmsRepository,
    private readonly sources: WindowSources,
    private readonly settings: ActivitySettings,
    private readonly baselines: DriftBaselines,
    private readonly reports: MonitoringReports,
  ) {}

  /** Holds a window against the limits of the spec, and raises an alarm where one is broken. The alarm ends when a later window passes the same look. */
  async checkWindow(window: DueAssessment, look: JudgingLook): Promise<LookOutcome> {
    return heartbeating(async (signal) => {
      const [spec, { files, labelRevision }] = [await this.models.spec(window.model, window.specDigest), await this.sources.of(window)];
      const found = await lookAtWindow(spec, look, { ...window, files, scratch: this.settings.workDir, signal });
      const { id, raised } = await this.alarm(window, look, found);
      const { verdict, rows, checks, findings } = found.verdict;
      await this.windows.add({ ...checkOf(window, look, labelRevision), verdict, rows, checks, findings, summary: found.summary, alarmId: id });
      return { verdict, rows, found: findings.length, raised };
    });
  }

  /**
   * Holds the distributions of a window's inputs against the baseline of the champion of now: an observation, which raises no alarm. Without a
   * champion, or where no input was kept, it is inconclusive.
   */
  async compareWindow(window: DueAssessment): Promise<LookOutcome> {
    return heartbeating(async (signal) => {
      const [spec, { files, labelRevision }] = [await this.models.spec(window.model, window.specDigest), await this.sources.of(window)];
      const before = await this.sources.before(window);
      const earlier = before ? await this.reports.drifts({ ...window, fromMs: before.fromMs }, EARLIER_WINDOWS) : [];
      const compared = await this.baselines.compare({ ...window, files, before, earlier, falseDiscoveries: spec.monitoring.falseDiscoveries, alpha: spec.evaluation.alpha, signal });
      const rows = compared?.report.rows ?? 0;
      const check: WindowCheck = {
        ...checkOf(window, 'drift', labelRevision), verdict: rows === 0 ? 'inconclusive' : 'pass', rows, checks: compared?.report.features.length ?? 0, findings: [],
        summary: { rows, inputRows: rows, features: [], loss: null }, alarmId: null,
      };
      await this.record(check, compared);
      return { verdict: rows === 0 ? 'inconclusive' : 'pass', rows, found: compared?.report.drifted.length ?? 0, raised: false };
    });
  }

  private async record(check: WindowCheck, compared: ComparedReport | null): Promise<void> {
    if (!compared) {
      await this.windows.add(check);
      return;
    }
    const { report: { baseline, drifted }, digest, search } = compared;
    const { model, deployment, fromEvent, untilEvent, checkedAt, rows } = check;
    await this.windows.addDrift(check, {
      model, deployment, look: 'drift', fromEvent, untilEvent, championVersion: baseline.version, baselineDigest: baseline.snapshot, reportDigest: digest, rows, drifted: [...drifted], search,
      measuredAt: checkedAt,
    });
  }

  /** An alarm that is open already tells of this window too. */
  private async alarm(due: DueAssessment, look: JudgingLook, { verdict }: LookResult): Promise<{ id: string | null; raised: boolean }> {
    const window = { model: due.model, deployment: due.deployment, name: windowName(due), occasion: look, synthetic: false };
    if (verdict.verdict === 'fail') return this.alarms.raise(windowAlarm(window, verdict), new Date(), origin());
    const open = verdict.verdict === 'pass' ? await this.alarms.findOpen(windowAlarmKey(window)) : null;
    if (open) await this.alarms.end(open.id, `The window ${window.name} is within the limits again`, new Date(), origin());
    return { id: null, raised: false };
  }
}

const checkOf = ({ model, deployment, fromMs, untilMs, specDigest }: DueAssessment, look: WindowLook, labelRevision: number): Pick<WindowCheck, 'model' | 'deployment' | 'look' | 'fromEvent' | 'untilEvent' | 'specDigest' | 'labelRevision' | 'checkedAt'> =>
  ({ model, deployment, look, fromEvent: new Date(fromMs), untilEvent: new Date(untilMs), specDigest, labelRevision, checkedAt: new Date() });
