import { Injectable } from '@nestjs/common';
import { canonicalJson } from '../src/contracts/canonical.js';
import type { BackfillRun } from '../src/contracts/motion.js';
import type { SourceTurn } from '../src/contracts/observed-source.js';
import type { StoredFailure } from '../src/contracts/retrains.js';
import type { AssessmentSummary, DueAssessment, WindowId } from '../src/contracts/window-assessment.js';
import type { WindowAssessmentReport } from '../src/contracts/window-assessment-report.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import type { WindowAssessment } from '../src/registry/entities/window-assessment.entity.js';
import { LabelsRepository } from '../src/registry/labels.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { DueWindows } from './due-windows.js';
import { ObservedFiles } from './observed-files.js';
import { StoreProvider } from './store-provider.js';
import { type Telling, WindowAlarms } from './window-alarms.js';
import { type MeasuredWindow, WindowMeasurements } from './window-measurements.js';

/** Windows that are due, what each comes to, and who has to know. */
@Injectable()
export class MonitoringActivities {
  constructor(
    private readonly due: DueWindows,
    private readonly assessments: AssessmentsRepository,
    private readonly alarms: WindowAlarms,
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
    const { alarmId, raised } = await this.alarms.tell(window, measured, telling());
    const assessment = await this.assessmentOf(window, measured, { labelRevision, filesDigest, alarmId, assessedAt });
    await this.assessments.add(assessment);
    await this.alarms.endUnreadable(window, telling());
    return { ...summaryOf(assessment), raised };
  }

  /** A person is told that a window cannot be assessed, once until it can. @returns whether now */
  async tellUnreadable(window: WindowId, failure: StoredFailure): Promise<boolean> {
    return this.alarms.tellUnreadable(window, failure, telling());
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

const telling = (): Telling => ({ at: new Date(), by: origin() });

/** What a row and a workflow's history hold; all of them are with the looks. */
const KEPT_FINDINGS = 20;

const summaryOf = ({ verdict, rows, findings, headline }: WindowAssessment): Omit<AssessmentSummary, 'raised'> => ({ verdict, rows, findings, headline });
