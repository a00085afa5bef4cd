import { Injectable } from '@nestjs/common';
import { windowAlarm, windowAlarmKey } from '../src/alarms/window-alarm.js';
import { type DueAssessment, windowName } from '../src/contracts/window-assessment.js';
import type { JudgingLook } from '../src/contracts/window-summary.js';
import { type LookResult, lookAtWindow } from '../src/drift/window-look.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { WindowsRepository } from '../src/registry/windows.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { HarmMemories } from './harm-memories.js';
import { checkOf, type LookOutcome, recordedLook } from './window-looks.js';
import { type WindowSource, WindowSources } from './window-sources.js';

/** Looks at windows of event time: at their inputs when they have closed, at their loss when their labels should be there. */
@Injectable()
export class WindowsActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly windows: WindowsRepository,
    private readonly alarms: AlarmsRepository,
    private readonly sources: WindowSources,
    private readonly harm: HarmMemories,
    private readonly settings: ActivitySettings,
  ) {}

  /** Holds a window against the limits of the spec, and raises an alarm where one is broken. The alarm ends when a later window passes the same look. What a look has found already stands. */
  async checkWindow(window: DueAssessment, look: JudgingLook): Promise<LookOutcome> {
    return heartbeating(async (signal) => {
      const known = await this.windows.find(window.model, window.deployment, look, new Date(window.fromMs));
      if (known) return recordedLook(known);
      const [spec, { files, labelRevision }] = [await this.models.spec(window.model, window.specDigest), await this.sources.of(window)];
      const found = await this.look(spec, window, look, { files, signal });
      const { id, raised } = await this.alarm(window, look, found);
      const { verdict, rows, checks, findings } = found.verdict;
      await this.windows.add({ ...checkOf(window, look, labelRevision), verdict, rows, checks, findings, summary: found.summary, alarmId: id });
      return { verdict, rows, found: findings.length, raised };
    });
  }

  /** Labels judge no window that is in quarantine. */
  private async look(spec: ModelSpec, window: DueAssessment, look: JudgingLook, source: Pick<WindowSource, 'files'> & { readonly signal: AbortSignal }): Promise<LookResult> {
    const found = await lookAtWindow(spec, look, { ...window, ...source, scratch: this.settings.workDir });
    return look === 'inputs' || !(await this.harm.isLeftOut(window)) ? found : { ...found, verdict: { ...found.verdict, verdict: 'inconclusive', checks: 0, findings: [] } };
  }

  /** An alarm that is open already tells of this window too. */
  private async alarm(due: DueAssessment, look: JudgingLook, { verdict }: LookResult): Promise<{ id: string | null; raised: boolean }> {
    const window = { model: due.model, deployment: due.deployment, name: windowName(due), occasion: look, synthetic: false };
    if (verdict.verdict === 'fail') return this.alarms.raise(windowAlarm(window, verdict), new Date(), origin());
    if (verdict.verdict === 'pass') await this.alarms.endOpen(windowAlarmKey(window), `The window ${window.name} is within the limits again`, new Date(), origin());
    return { id: null, raised: false };
  }
}
