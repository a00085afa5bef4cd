import { Injectable } from '@nestjs/common';
import { estimatedHarmAlarm, estimatedHarmAlarmKey, fairnessAlarm, fairnessAlarmKey, harmAlarm, harmAlarmKey, READABLE_AGAIN, unreadableAlarm, unreadableAlarmKey } from '../src/alarms/monitoring-alarms.js';
import type { StoredFailure } from '../src/contracts/retrains.js';
import { type DueAssessment, type WindowId, windowName } from '../src/contracts/window-assessment.js';
import type { HarmMemory } from '../src/drift/harm-course.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { AssessmentsRepository, LABELLED_OCCASIONS } from '../src/registry/assessments.repository.js';
import type { Origin } from '../src/registry/audit-ledger.js';
import { isTold } from './harm-memories.js';
import type { MeasuredWindow } from './window-measurements.js';

/** When people are told, and on whose behalf. */
export interface Telling {
  readonly at: Date;
  readonly by: Origin;
}

/** What people are told of windows that are assessed. */
@Injectable()
export class WindowAlarms {
  constructor(
    private readonly assessments: AssessmentsRepository,
    private readonly alarms: AlarmsRepository,
  ) {}

  /** @returns the alarm of harm that is open, and whether any was raised now */
  async tell(window: DueAssessment, measured: MeasuredWindow, telling: Telling): Promise<{ alarmId: string | null; raised: boolean }> {
    const { alarmId, raised } = await this.tellHarm(window, measured, telling);
    const [unfair, estimated] = [await this.tellUnfair(window, measured, telling), await this.tellEstimated(window, measured, telling)];
    return { alarmId, raised: raised || unfair || estimated };
  }

  /**
   * Harm is told when labels are first counted: each further look at a window would be another chance of a false alarm. An alarm whose evidence is
   * followed no more ends.
   */
  async tellHarm(window: DueAssessment, { harm, report }: Pick<MeasuredWindow, 'harm' | 'report'>, telling: Telling): Promise<{ alarmId: string | null; raised: boolean }> {
    if (!harm?.memory || !report?.harm || !report.baseline) return { alarmId: null, raised: false };
    const { before, memory } = harm;
    // A look at the past that a person asks for stands beside the evidence that is followed.
    if (LABELLED_OCCASIONS.includes(window.occasion)) await this.endUnfollowed(window, before.memory, memory, telling);
    const { standing } = report.harm;
    const key = harmAlarmKey(window, memory.sequence.id);
    const told = await this.alarms.newest(key);
    if (standing.alarm === null || window.occasion !== 'matured' || isTold(window, harm, told)) return { alarmId: told && !told.end ? told.alarm.id : null, raised: false };
    const { metric, meanLoss: baselineMean } = report.baseline;
    const { id, raised } = await this.alarms.raise(harmAlarm(window, { ...memory.sequence, metric, baselineMean, standing }), telling.at, telling.by);
    return { alarmId: id, raised };
  }

  /** A person is told that a window cannot be assessed, once until it can. @returns whether now */
  async tellUnreadable(window: WindowId, failure: Pick<StoredFailure, 'type' | 'message'>, { at, by }: Telling): Promise<boolean> {
    return (await this.alarms.raise(unreadableAlarm(window, failure), at, by)).raised;
  }

  /** Ends what {@link tellUnreadable} told. */
  async endUnreadable(window: WindowId, { at, by }: Telling): Promise<void> {
    await this.alarms.endOpen(unreadableAlarmKey(window), READABLE_AGAIN, at, by);
  }

  private async endUnfollowed(window: DueAssessment, before: HarmMemory | null, memory: HarmMemory, { at, by }: Telling): Promise<void> {
    if (before && before.sequence.id !== memory.sequence.id) await this.alarms.endOpen(harmAlarmKey(window, before.sequence.id), whyBegun(before, memory), at, by);
    const earlier = window.occasion === 'matured' ? null : await this.memoryOf(window);
    if (earlier && earlier.sequence.id !== memory.sequence.id) await this.alarms.endOpen(harmAlarmKey(window, earlier.sequence.id), 'Labels that came later have taken its evidence back', at, by);
  }

  /** The evidence of harm after the window's newest look with labels. */
  private async memoryOf({ model, deployment, fromMs }: WindowId): Promise<HarmMemory | null> {
    const looks = await this.assessments.revisions(model, deployment, new Date(fromMs));
    return (looks.findLast(({ occasion, harm }) => LABELLED_OCCASIONS.includes(occasion) && harm?.memory)?.harm?.memory ?? null) as HarmMemory | null;
  }

  /** Harm by estimated errors is told once for a sequence, also where it was found while it was only observed. @returns whether now */
  private async tellEstimated(window: DueAssessment, { estimatedHarm, report }: MeasuredWindow, { at, by }: Telling): Promise<boolean> {
    const evidence = report?.estimatedHarm?.evidence;
    if (!estimatedHarm?.memory || !evidence) return false;
    const { before: { memory: before }, memory, tells } = estimatedHarm;
    const { sequence } = memory;
    if (before && before.sequence.id !== sequence.id) await this.alarms.endOpen(estimatedHarmAlarmKey(window, before.sequence.id), whyBegun(before, memory), at, by);
    if (!tells || evidence.standing.alarm === null || (await this.alarms.newest(estimatedHarmAlarmKey(window, sequence.id)))) return false;
    return (await this.alarms.raise(estimatedHarmAlarm(window, { ...sequence, standing: evidence.standing }), at, by)).raised;
  }

  /** @returns whether an alarm was raised; one that is open already tells of this window too, and ends with a window that keeps the limits. Each further look at a window would be another chance of a false alarm */
  private async tellUnfair(window: DueAssessment, { findings, report }: MeasuredWindow, { at, by }: Telling): Promise<boolean> {
    if (window.occasion !== 'closed' && window.occasion !== 'matured') return false;
    const broken = findings.filter(({ check, alarms }) => check === 'fairness' && alarms);
    if (broken.length > 0) return (await this.alarms.raise(fairnessAlarm(window, broken), at, by)).raised;
    const kept = report?.fairness?.checks ?? [];
    if (kept.length > 0 && kept.every(({ verdict }) => verdict === 'pass')) await this.alarms.endOpen(fairnessAlarmKey(window), `The window ${windowName(window)} keeps the limits of fairness`, at, by);
    return false;
  }
}

/** Why evidence has begun anew. */
const whyBegun = ({ sequence: before }: HarmMemory, { sequence }: HarmMemory): string =>
  before.version === sequence.version ? 'Its evidence has begun anew, under other terms' : `Version ${sequence.version} is followed now`;
