import { Injectable } from '@nestjs/common';
import { windowAlarm, windowAlarmKey } from '../src/alarms/window-alarm.js';
import { PerennialError } from '../src/contracts/failures.js';
import { isoTime } from '../src/contracts/time.js';
import type { JudgingLook } from '../src/contracts/window-summary.js';
import type { WindowCheck } from '../src/registry/entities/window-check.entity.js';
import type { EventStretch } from '../src/drift/window-grid.js';
import { type LookResult, lookAtWindow } from '../src/drift/window-look.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { LabelsRepository } from '../src/registry/labels.repository.js';
import { WindowsRepository } from '../src/registry/windows.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { DriftBaselines } from './drift-baselines.js';
import { type DueLook, DueWindows, type Place } from './due-windows.js';
import { ObservedFiles } from './observed-files.js';

export interface WindowReport {
  /** Looks that were taken, and how many of them found a limit broken. */
  readonly checked: number;
  readonly failed: number;
  /** Alarms that were raised. */
  readonly raised: number;
  /** Windows that could not be looked at; they are tried again by the next call. */
  readonly unreadable: readonly { readonly window: string; readonly type: string; readonly message: string }[];
  /** Whether windows were left for the next call. */
  readonly more: boolean;
}

/** How long one call goes on, in milliseconds; each deployment has its turn. */
const MAX_MS = 20_000;
/** What a workflow's history can hold. */
const MAX_UNREADABLE = 20;
const MAX_MESSAGE = 300;

/** Windows of event time, each looked at and compared with the champion's baseline when it has closed, and looked at again when its labels should be there. */
@Injectable()
export class WindowsActivities {
  constructor(
    private readonly due: DueWindows,
    private readonly windows: WindowsRepository,
    private readonly labels: LabelsRepository,
    private readonly alarms: AlarmsRepository,
    private readonly files: ObservedFiles,
    private readonly settings: ActivitySettings,
    private readonly baselines: DriftBaselines,
  ) {}

  /**
   * Looks at the windows that are due, the oldest of each deployment first, each once, and raises an alarm where a limit of the spec is broken. The alarm
   * ends when a later window passes the same look.
   */
  async checkWindows(): Promise<WindowReport> {
    return heartbeating(async (signal, beat) => {
      const report = { checked: 0, failed: 0, raised: 0, unreadable: [] as WindowReport['unreadable'][number][] };
      const until = Date.now() + MAX_MS;
      let waiting = await this.due.places();
      while (waiting.length > 0 && Date.now() < until) {
        const again: Place[] = [];
        for (const place of waiting) {
          const due = await this.due.next(place);
          if (due && (await this.tryLook(due, report, signal))) again.push(place);
          beat({ checked: report.checked });
        }
        waiting = again;
      }
      return { ...report, unreadable: report.unreadable.slice(0, MAX_UNREADABLE), more: waiting.length > 0 };
    });
  }

  /** @returns false where the window cannot be looked at: what is wrong with one deployment must not hold up the others */
  private async tryLook(due: DueLook, report: { checked: number; failed: number; raised: number; unreadable: WindowReport['unreadable'][number][] }, signal: AbortSignal): Promise<boolean> {
    try {
      const { failed, raised } = await this.look(due, signal);
      report.checked += 1;
      report.failed += failed ? 1 : 0;
      report.raised += raised ? 1 : 0;
      return true;
    } catch (error) {
      if (!(error instanceof PerennialError) || signal.aborted) throw error;
      report.unreadable.push({ window: `${due.model}/${due.deployment} ${nameOf(due)}`, type: error.type, message: error.message.slice(0, MAX_MESSAGE) });
      return false;
    }
  }

  private async look(due: DueLook, signal: AbortSignal): Promise<{ failed: boolean; raised: boolean }> {
    const { model, deployment, look, fromMs, untilMs } = due;
    const labelRevision = await this.labels.revision(model, deployment);
    const files = await this.files.windowPaths({ model, deployment, fromMs, untilMs }, labelRevision);
    if (look === 'drift') {
      await this.compare(due, files, labelRevision, signal);
      return { failed: false, raised: false };
    }
    const found = await lookAtWindow(due.spec, look, { fromMs, untilMs, files, scratch: this.settings.workDir, signal });
    const { id, raised } = await this.alarm({ ...due, look }, found);
    const { verdict, rows, checks, findings } = found.verdict;
    await this.windows.add({ ...checkOf(due, labelRevision), verdict, rows, checks, findings, summary: found.summary, alarmId: id });
    return { failed: verdict === 'fail', raised };
  }

  /** Holds the window's inputs against the baseline of the champion of now. Without a champion, or where no input was kept, the look is inconclusive. */
  private async compare(due: DueLook, files: ObservedFilesOfWindow, labelRevision: number, signal: AbortSignal): Promise<void> {
    const compared = await this.baselines.compare({ ...due, files, falseDiscoveries: due.spec.monitoring.falseDiscoveries, signal });
    const rows = compared?.report.rows ?? 0;
    const check: WindowCheck = {
      ...checkOf(due, labelRevision), verdict: rows === 0 ? 'inconclusive' : 'pass', rows, checks: compared?.report.features.length ?? 0, findings: [],
      summary: { rows, inputRows: rows, features: [], loss: null }, alarmId: null,
    };
    if (!compared) {
      await this.windows.add(check);
      return;
    }
    const { report: { baseline, drifted }, digest, search } = compared;
    const { model, deployment, fromEvent, untilEvent, checkedAt } = check;
    await this.windows.addDrift(check, {
      model, deployment, look: 'drift', fromEvent, untilEvent, championVersion: baseline.version, baselineDigest: baseline.snapshot, reportDigest: digest, rows, drifted: [...drifted], search,
      measuredAt: checkedAt,
    });
  }

  /** An alarm that is open already tells of this window too. */
  private async alarm(due: DueLook & { readonly look: JudgingLook }, { verdict }: LookResult): Promise<{ id: string | null; raised: boolean }> {
    const window = { model: due.model, deployment: due.deployment, name: nameOf(due), occasion: due.look, synthetic: false };
    if (verdict.verdict === 'fail') return this.alarms.raise(windowAlarm(window, verdict), new Date(), origin());
    const open = verdict.verdict === 'pass' ? await this.alarms.findOpen(windowAlarmKey(window)) : null;
    if (open) await this.alarms.end(open.id, `The window ${window.name} is within the limits again`, new Date(), origin());
    return { id: null, raised: false };
  }
}

type ObservedFilesOfWindow = Awaited<ReturnType<ObservedFiles['windowPaths']>>;

const checkOf = ({ model, deployment, look, fromMs, untilMs, specDigest }: DueLook, labelRevision: number): Pick<WindowCheck, 'model' | 'deployment' | 'look' | 'fromEvent' | 'untilEvent' | 'specDigest' | 'labelRevision' | 'checkedAt'> =>
  ({ model, deployment, look, fromEvent: new Date(fromMs), untilEvent: new Date(untilMs), specDigest, labelRevision, checkedAt: new Date() });

const nameOf = ({ fromMs, untilMs }: EventStretch): string => `${isoTime(fromMs)}/${isoTime(untilMs)}`;
