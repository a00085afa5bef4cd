import { Injectable } from '@nestjs/common';
import { estimatedHarmAlarmKey, harmAlarmKey, windowAlarmSubject } from '../src/alarms/monitoring-alarms.js';
import type { WindowId } from '../src/contracts/window-assessment.js';
import { deploymentShare } from '../src/drift/harm-budgets.js';
import type { HarmMemory } from '../src/drift/harm-course.js';
import type { CountedWindow } from '../src/drift/window-evidence.js';
import { type AlarmStory, AlarmsRepository } from '../src/registry/alarms.repository.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import { SYSTEM_ACTOR } from '../src/registry/audit-ledger.js';
import type { WindowAssessment } from '../src/registry/entities/window-assessment.entity.js';
import { RetrainingDecisionsRepository } from '../src/registry/retraining-decisions.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';

/** Where the evidence of harm stood before a window. */
export interface HarmBefore {
  /** The assessment that the evidence goes on from; null for the first. */
  readonly after: { readonly fromMs: number; readonly revision: number } | null;
  /** Null while no sequence has begun. */
  readonly memory: HarmMemory | null;
  /** A person had ended its alarm when the window was first looked at; of estimated errors: it has ended. */
  readonly resolved: boolean;
  /** An alarm tells of the harm that it found, or a person has ended one that did. */
  readonly told: boolean;
}

const NOTHING: HarmBefore = { after: null, memory: null, resolved: false, told: false };

export interface MeasuredHarm {
  readonly before: HarmBefore;
  /** As before where the window adds nothing: no rows, or a baseline that says too little. */
  readonly memory: HarmMemory | null;
}

/**
 * Whether harm that a window's evidence has found was told: an alarm is open, tells of the window itself, or told of it before.
 * @param newest of the alarms of the evidence's sequence
 */
export const isTold = (window: WindowId, { before, memory }: MeasuredHarm, newest: AlarmStory | null): boolean =>
  newest !== null && (newest.end === null || newest.alarm.subject === windowAlarmSubject(window) || (before.told && before.memory?.sequence.id === memory?.sequence.id));

/** The evidence of harm from window to window, as the record has it. */
@Injectable()
export class HarmMemories {
  constructor(
    private readonly assessments: AssessmentsRepository,
    private readonly decisions: RetrainingDecisionsRepository,
    private readonly alarms: AlarmsRepository,
    private readonly routing: RoutingRepository,
  ) {}

  /**
   * What a person has ended counts from the first look after it, also where labels that came later change the windows before or that one: each look
   * at a window comes to the same.
   * @param window `cameBy`: when it is looked at
   */
  async before({ model, deployment, fromMs, cameBy }: WindowId & { readonly cameBy: Date }): Promise<HarmBefore> {
    const one = await this.assessments.labelledBefore(model, deployment, new Date(fromMs));
    if (!one) return NOTHING;
    const memory = (one.harm?.memory ?? null) as HarmMemory | null;
    const stories = memory ? await this.stories({ model, deployment }, memory) : [];
    const lookedAt = (await this.assessments.firstLabelled(model, deployment, new Date(fromMs)))?.assessedAt ?? cameBy;
    return { after: { fromMs: one.fromEvent.getTime(), revision: one.revision }, memory, resolved: stories.some(({ end }) => end !== null && end.endedAt <= lookedAt), told: stories.length > 0 };
  }

  /** The alarms of a sequence that tell of the harm that it found where it did, in time or later, but for those that no person ended: they went with the version that was followed then. */
  private async stories(of: Pick<WindowId, 'model' | 'deployment'>, { sequence, state: { alarm } }: HarmMemory): Promise<AlarmStory[]> {
    const found = alarm && (await this.assessments.labelledBefore(of.model, of.deployment, new Date(alarm.atMs)));
    const first = found && (await this.assessments.firstLabelled(of.model, of.deployment, found.fromEvent));
    if (!first) return [];
    const name = windowAlarmSubject({ fromMs: first.fromEvent.getTime(), untilMs: first.untilEvent.getTime() });
    const stories = await this.alarms.under(harmAlarmKey(of, sequence.id));
    return stories.filter(({ alarm: { subject }, end }) => end === null || (end.endedBy !== SYSTEM_ACTOR && (subject === name || end.endedAt > first.assessedAt)));
  }

  /** Windows whose labels were counted, from a time on, in their order. An alarm that a person has ended since asks for nothing any more: the evidence begins anew with the next window that is counted. */
  async counted(model: string, deployment: string, fromEvent: Date): Promise<CountedWindow[]> {
    const all = await this.assessments.labelled(model, deployment, fromEvent);
    const newest = all.findLast(({ headline }) => headline.version !== null);
    const over = newest !== undefined && (await this.isEnded(newest));
    return all.map((one) => (one === newest && over ? withoutAlarm(countedWindow(one)) : countedWindow(one)));
  }

  private async isEnded({ model, deployment, harm }: WindowAssessment): Promise<boolean> {
    const memory = (harm?.memory ?? null) as HarmMemory | null;
    const told = memory && (await this.alarms.newest(harmAlarmKey({ model, deployment }, memory.sequence.id)));
    return told?.end != null && told.end.endedBy !== SYSTEM_ACTOR;
  }

  /** Of estimated errors: after the last window that closed and is not in quarantine. */
  async estimatedBefore({ model, deployment, fromMs }: WindowId): Promise<HarmBefore> {
    const one = await this.assessments.closedBefore(model, deployment, new Date(fromMs));
    if (!one) return NOTHING;
    const memory = (one.estimatedHarm?.memory ?? null) as HarmMemory | null;
    const told = memory && (await this.alarms.newest(estimatedHarmAlarmKey({ model, deployment }, memory.sequence.id)));
    return { after: { fromMs: one.fromEvent.getTime(), revision: one.revision }, memory, resolved: told?.end != null, told: told !== null };
  }

  /** Of its model's yearly false alarms of harm. @throws PerennialError `NotFound` */
  async shareOf({ model, deployment }: Pick<WindowId, 'model' | 'deployment'>): Promise<number> {
    return deploymentShare(await this.routing.placeOf(model, deployment));
  }

  /** Whether any of the window is in quarantine: it adds no evidence. Where `monitoring.window` was changed, what closed and what matures are cut differently. */
  async isLeftOut({ model, deployment, fromMs, untilMs }: WindowId): Promise<boolean> {
    return (await this.decisions.quarantined(model, deployment)).some((one) => one.fromMs < untilMs && fromMs < one.untilMs);
  }
}

const countedWindow = ({ fromEvent, untilEvent, rows, headline: { labelled, meanLoss, version, harm } }: WindowAssessment): CountedWindow =>
  ({ fromMs: fromEvent.getTime(), untilMs: untilEvent.getTime(), rows, labelled, meanLoss, version, harm });

const withoutAlarm = (window: CountedWindow): CountedWindow => ({ ...window, harm: window.harm && { ...window.harm, alarm: null } });
