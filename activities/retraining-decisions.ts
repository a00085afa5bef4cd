import { Injectable } from '@nestjs/common';
import { durationMs } from '../src/contracts/time.js';
import type { DueAssessment } from '../src/contracts/window-assessment.js';
import type { WindowAssessmentReport } from '../src/contracts/window-assessment-report.js';
import type { WindowDriftReport } from '../src/contracts/window-drift.js';
import { windowLossDeviation } from '../src/drift/champion-figures.js';
import { calendarMonth, type CountedFacts, type CounterfactualState, CUSUM_DEFAULTS, startCounterfactuals, stepCounterfactuals } from '../src/drift/counterfactual-triggers.js';
import { decideRetraining, type RetrainingDecision } from '../src/drift/retraining-decision.js';
import { type MonitoringEvidence, retrainingFacts, type ServedVersion } from '../src/drift/retraining-evidence.js';
import { PAST_WINDOWS, type PastRetrain, retrainEvidence, windowEvidence } from '../src/drift/window-evidence.js';
import type { Retrain } from '../src/registry/entities/retrain.entity.js';
import type { CounterfactualRecord } from '../src/registry/entities/retraining-decision.entity.js';
import type { WindowAssessment } from '../src/registry/entities/window-assessment.entity.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RetrainingDecisionsRepository } from '../src/registry/retraining-decisions.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { TrainingRepository } from '../src/registry/training.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import { HarmMemories } from './harm-memories.js';
import { MonitoringReports } from './monitoring-reports.js';

export interface Weighed {
  readonly decision: RetrainingDecision;
  readonly counterfactual: CounterfactualRecord;
  /** The event time that a retrain is to look at. */
  readonly asOfMs: number;
}

/** Retrains of the past that a decision looks at. */
const PAST_RETRAINS = 100;

/** Weighs, after a window was assessed, whether the model is to be trained anew, from what is on the record alone. */
@Injectable()
export class RetrainingDecisions {
  constructor(
    private readonly reports: MonitoringReports,
    private readonly memories: HarmMemories,
    private readonly decisions: RetrainingDecisionsRepository,
    private readonly models: ModelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly training: TrainingRepository,
    private readonly versions: VersionsRepository,
  ) {}

  async weigh(window: DueAssessment, assessment: WindowAssessment): Promise<Weighed> {
    const spec = await this.models.spec(window.model, window.specDigest);
    const asOfMs = window.untilMs + (window.occasion === 'closed' ? 0 : (durationMs(spec.data.labelHorizon) as number));
    const [report, drift] = [await this.reports.assessed(assessment), await this.reports.drift(window)];
    const evidence = await this.evidence(window, { asOfMs, report, drift });
    return { decision: decideRetraining(retrainingFacts(evidence, spec)), counterfactual: await this.counterfactual(window, { evidence, report, drift }), asOfMs };
  }

  private async evidence(window: DueAssessment, { asOfMs, report, drift }: { asOfMs: number; report: WindowAssessmentReport | null; drift: WindowDriftReport | null }): Promise<MonitoringEvidence> {
    const { model, deployment, occasion } = window;
    const past = await this.memories.counted(model, deployment, new Date(window.fromMs - PAST_WINDOWS * (window.untilMs - window.fromMs)));
    const { version, ...seen } = windowEvidence({ atMs: asOfMs, window, closed: occasion === 'closed', report, drift }, past);
    const retrains = await this.retrains.list(model, PAST_RETRAINS);
    return {
      ...seen, answered: await this.reports.answeredChange(model, deployment), served: version === null ? null : await this.served(model, version), active: await this.retrains.underWay(model),
      ...retrainEvidence(await this.past(retrains, asOfMs), asOfMs),
    };
  }

  private async served(model: string, number: number): Promise<ServedVersion | null> {
    const version = await this.versions.find(model, number);
    if (!version) return null;
    const { asOf, train } = (await this.retrains.snapshot(version.snapshotDigest)).manifest;
    return { number, asOfMs: Date.parse(asOf), trainedRows: train.labelledRows, figures: await this.reports.baseline(model, number) };
  }

  /** Hours of those alone that count: of the month, and of the last one. */
  private past(retrains: readonly Retrain[], atMs: number): Promise<PastRetrain[]> {
    return Promise.all(retrains.map(async (retrain, place) => {
      const eventMs = eventTimeOf(retrain);
      return { eventMs, hours: place === 0 || calendarMonth(eventMs) === calendarMonth(atMs) ? await this.hoursOf(retrain) : 0 };
    }));
  }

  private async hoursOf({ model, number }: Retrain): Promise<number> {
    const run = await this.training.find({ model, number });
    return run ? ((run.finishedAt ?? new Date()).getTime() - run.startedAt.getTime()) / 3_600_000 : 0;
  }

  /** A step as a window closes, and one when its labels are first counted; a look at the past is none. */
  private async counterfactual(window: DueAssessment, { evidence, report, drift }: { evidence: MonitoringEvidence; report: WindowAssessmentReport | null; drift: WindowDriftReport | null }): Promise<CounterfactualRecord> {
    const before = ((await this.decisions.last(window.model, window.deployment))?.counterfactual.memory ?? null) as CounterfactualState | null;
    const state = before ?? startCounterfactuals(window.fromMs);
    const closed = window.occasion === 'closed' ? { untilMs: window.untilMs, features: drift?.features ?? [] } : null;
    const step = stepCounterfactuals(state, { closed, counted: window.occasion === 'matured' ? await this.countedFacts(window, evidence, report) : null });
    return { retrained: step.retrained, memory: step.state };
  }

  /** Null where there is nothing to hold a loss against. */
  private async countedFacts(window: DueAssessment, { baselineMeanLoss: mean }: MonitoringEvidence, report: WindowAssessmentReport | null): Promise<CountedFacts | null> {
    const figures = report?.baseline ? await this.reports.baseline(window.model, report.baseline.version) : null;
    const deviation = figures && windowLossDeviation(figures, window);
    if (!figures?.losses || !deviation || mean === null) return null;
    return { version: report!.baseline!.version, meanLoss: report?.quality?.meanLoss ?? null, plan: { mean, deviation, ...CUSUM_DEFAULTS } };
  }
}

/** The data that it looks at, or where that is the newest, when it was asked for. */
const eventTimeOf = ({ asOf, requestedAt }: Retrain): number => (asOf ?? requestedAt).getTime();
