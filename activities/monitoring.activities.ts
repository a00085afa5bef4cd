import { Injectable } from '@nestjs/common';
import { estimatedHarmAlarm, estimatedHarmAlarmKey, fairnessAlarm, fairnessAlarmKey, harmAlarm, harmAlarmKey, unreadableAlarm, unreadableAlarmKey } from '../src/alarms/monitoring-alarms.js';
import { canonicalJson } from '../src/contracts/canonical.js';
import type { BackfillRun } from '../src/contracts/motion.js';
import type { SourceTurn } from '../src/contracts/observed-source.js';
import type { StoredFailure } from '../src/contracts/retrains.js';
import { type AssessmentSummary, type DueAssessment, type WindowId, windowName } from '../src/contracts/window-assessment.js';
import type { WindowAssessmentReport } from '../src/contracts/window-assessment-report.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import type { WindowAssessment } from '../src/registry/entities/window-assessment.entity.js';
import { LabelsRepository } from '../src/registry/labels.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { DueWindows } from './due-windows.js';
import { isTold } from './harm-memories.js';
import { ObservedFiles } from './observed-files.js';
import { StoreProvider } from './store-provider.js';
import { type MeasuredWindow, WindowMeasurements } from './window-measurements.js';

/** Windows that are due, what each comes to, and who has to know. */
@Injectable()
export class MonitoringActivities {
  constructor(
    private readonly due: DueWindows,
    private readonly assessments: AssessmentsRepository,
    private readonly alarms: AlarmsRepository,
    private readonly labels: LabelsRepository,
    private readonly files: ObservedFiles,
    private readonly measurements: WindowMeasurements,
    private readonly stores: StoreProvider,
  ) {}

  /**
   * The window of a deployment that waits longest to be assessed; null where none does.
   * @param sourceRead whether this run has read the deployment's source, which comes before
   */
  async nextWindow(model: string, deployment: string, sourceRead = false): Promise<DueAssessment | SourceTurn | null> {
    return !sourceRead && (await this.due.isObservedFromSource(model, deployment)) ? { readSource: true } : this.due.next(model, deployment);
  }

  /** Of a run that a person asked for, for a time of the past (Backfill in the Temporal UI): its next window; null where it has none any more. */
  nextBackfilledWindow(model: string, deployment: string, run: BackfillRun): Promise<DueAssessment | null> {
    return this.due.nextBackfilled(model, deployment, run);
  }

  /**
   * Measures the window's outputs, the estimate of its quality, and when its labels are due its quality and the evidence of harm, and puts
   * what it comes to on the record. An assessment that is there already stands.
   */
  async assessWindow(window: DueAssessment): Promise<AssessmentSummary> {
    const { model, deployment, fromMs, revision } = window;
    const known = await this.assessments.find(model, deployment, new Date(fromMs), revision);
    // What an earlier attempt raised may not be delivered.
    if (known) return { ...summaryOf(known), raised: true };
    const assessedAt = await heartbeating(() => this.files.drawLine(model, deployment));
    const labelRevision = await this.labels.revision(model, deployment);
    const counted = { ...window, cameBy: assessedAt };
    const [measured, filesDigest] = [await heartbeating((signal) => this.measurements.measure(counted, labelRevision, signal)), await this.files.freeze(counted, labelRevision)];
    const [{ alarmId, raised }, unfair, estimated] = [await this.tell(window, measured), await this.tellUnfair(window, measured), await this.tellEstimated(window, measured)];
    const assessment = await this.assessmentOf(window, measured, { labelRevision, filesDigest, alarmId, assessedAt });
    await this.assessments.add(assessment);
    await this.endAlarm(unreadableAlarmKey(window), 'Windows can be assessed again');
    return { ...summaryOf(assessment), raised: raised || unfair || estimated };
  }

  /** A person is told that a window cannot be assessed, once until it can. @returns whether now */
  async tellUnreadable(window: WindowId, failure: StoredFailure): Promise<boolean> {
    return (await this.alarms.raise(unreadableAlarm(window, failure), new Date(), origin())).raised;
  }

  /** Harm is told when labels are first counted: each further look at a window would be another chance of a false alarm. */
  private async tell(window: DueAssessment, { harm, report }: MeasuredWindow): Promise<{ alarmId: string | null; raised: boolean }> {
    if (!harm?.memory || !report?.harm || !report.baseline) return { alarmId: null, raised: false };
    const { before: { memory: before }, memory } = harm;
    if (before && before.sequence.id !== memory.sequence.id) await this.endAlarm(harmAlarmKey(window, before.sequence.id), `Version ${memory.sequence.version} is followed now`);
    const { standing } = report.harm;
    const key = harmAlarmKey(window, memory.sequence.id);
    const told = await this.alarms.newest(key);
    if (standing.alarm === null || window.occasion !== 'matured' || isTold(window, harm, told)) return { alarmId: told && !told.end ? told.alarm.id : null, raised: false };
    const { metric, meanLoss: baselineMean } = report.baseline;
    const { id, raised } = await this.alarms.raise(harmAlarm(window, { ...memory.sequence, metric, baselineMean, standing }), new Date(), origin());
    return { alarmId: id, raised };
  }

  /** Harm by estimated errors is told once for a sequence, also where it was found while it was only observed. @returns whether now */
  private async tellEstimated(window: DueAssessment, { estimatedHarm, report }: MeasuredWindow): Promise<boolean> {
    const evidence = report?.estimatedHarm?.evidence;
    if (!estimatedHarm?.memory || !evidence) return false;
    const { before: { memory: before }, memory: { sequence }, tells } = estimatedHarm;
    if (before && before.sequence.id !== sequence.id) await this.endAlarm(estimatedHarmAlarmKey(window, before.sequence.id), `Version ${sequence.version} is followed now`);
    if (!tells || evidence.standing.alarm === null || (await this.alarms.newest(estimatedHarmAlarmKey(window, sequence.id)))) return false;
    return (await this.alarms.raise(estimatedHarmAlarm(window, { ...sequence, standing: evidence.standing }), new Date(), origin())).raised;
  }

  /** @returns whether an alarm was raised; one that is open already tells of this window too, and ends with a window that keeps the limits. Each further look at a window would be another chance of a false alarm */
  private async tellUnfair(window: DueAssessment, { findings, report }: MeasuredWindow): Promise<boolean> {
    if (window.occasion !== 'closed' && window.occasion !== 'matured') return false;
    const broken = findings.filter(({ check, alarms }) => check === 'fairness' && alarms);
    if (broken.length > 0) return (await this.alarms.raise(fairnessAlarm(window, broken), new Date(), origin())).raised;
    const kept = report?.fairness?.checks ?? [];
    if (kept.length > 0 && kept.every(({ verdict }) => verdict === 'pass')) await this.endAlarm(fairnessAlarmKey(window), `The window ${windowName(window)} keeps the limits of fairness`);
    return false;
  }

  private async endAlarm(key: string, reason: string): Promise<void> {
    await this.alarms.endOpen(key, reason, new Date(), origin());
  }

  private async assessmentOf(
    window: DueAssessment, measured: MeasuredWindow, { labelRevision, filesDigest, alarmId, assessedAt }: Pick<WindowAssessment, 'labelRevision' | 'filesDigest' | 'alarmId' | 'assessedAt'>,
  ): Promise<WindowAssessment> {
    const { model, deployment, fromMs, untilMs, revision, occasion, specDigest } = window;
    const { verdict, rows, findings, headline, report, harm, estimatedHarm } = measured;
    const reportDigest = report && (await this.putReport(report));
    return {
      model, deployment, fromEvent: new Date(fromMs), untilEvent: new Date(untilMs), revision, occasion, specDigest, labelRevision, filesDigest, rows, verdict, findings: findings.slice(0, KEPT_FINDINGS), headline,
      reportDigest, harm: harm && { after: harm.before.after, memory: harm.memory }, estimatedHarm: estimatedHarm && { after: estimatedHarm.before.after, memory: estimatedHarm.memory }, alarmId, workflowId: origin().workflowId ?? 'unknown', assessedAt,
    };
  }

  private async putReport(report: WindowAssessmentReport): Promise<string> {
    return (await this.stores.store.putBytes(canonicalJson(report))).digest;
  }
}

/** What a row and a workflow's history hold; all of them are with the looks. */
const KEPT_FINDINGS = 20;

const summaryOf = ({ verdict, rows, findings, headline }: WindowAssessment): Omit<AssessmentSummary, 'raised'> => ({ verdict, rows, findings, headline });
