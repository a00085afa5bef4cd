import { Injectable } from '@nestjs/common';
import type { WindowId } from '../src/contracts/window-assessment.js';
import type { WindowAssessmentReport } from '../src/contracts/window-assessment-report.js';
import type { WindowDriftReport } from '../src/contracts/window-drift.js';
import type { ChampionFigures } from '../src/drift/champion-figures.js';
import type { RetrainingDecision } from '../src/drift/retraining-decision.js';
import { type AnsweredChange, answeredChange } from '../src/drift/retraining-evidence.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import type { WindowCheck } from '../src/registry/entities/window-check.entity.js';
import type { WindowAssessment } from '../src/registry/entities/window-assessment.entity.js';
import { RetrainingDecisionsRepository } from '../src/registry/retraining-decisions.repository.js';
import { WindowsRepository } from '../src/registry/windows.repository.js';
import { StoreProvider } from './store-provider.js';

/** What was measured of windows, read again from the store. */
@Injectable()
export class MonitoringReports {
  constructor(
    private readonly assessments: AssessmentsRepository,
    private readonly windows: WindowsRepository,
    private readonly decisions: RetrainingDecisionsRepository,
    private readonly stores: StoreProvider,
  ) {}

  async assessed({ reportDigest }: Pick<WindowAssessment, 'reportDigest'>): Promise<WindowAssessmentReport | null> {
    return reportDigest === null ? null : this.read<WindowAssessmentReport>(reportDigest);
  }

  /** What the look at a window's inputs found; null before it. */
  async inputs({ model, deployment, fromMs }: WindowId): Promise<WindowCheck | null> {
    return this.windows.find(model, deployment, 'inputs', new Date(fromMs));
  }

  /** Null where the window was not held against a baseline. */
  async drift({ model, deployment, fromMs }: WindowId): Promise<WindowDriftReport | null> {
    const drift = await this.windows.findDrift(model, deployment, new Date(fromMs));
    return drift && (await this.read<WindowDriftReport>(drift.reportDigest));
  }

  /** Of the last windows up to one, that included, that are not in quarantine: how features move by themselves. The oldest first. */
  async drifts({ model, deployment, fromMs }: WindowId, most: number): Promise<WindowDriftReport[]> {
    const drifts = await this.windows.driftsUpTo(model, deployment, new Date(fromMs), most);
    return Promise.all(drifts.reverse().map(({ reportDigest }) => this.read<WindowDriftReport>(reportDigest)));
  }

  /** What the windows of a version are held against; null where nothing was yet. */
  async baseline(model: string, version: number): Promise<ChampionFigures | null> {
    const known = await this.assessments.newestBaseline(model, version);
    return known && (await this.read<ChampionFigures>(known.figuresDigest));
  }

  /** What the last retrain of a deployment that was decided here was started for; null where no harm was. */
  async answeredChange(model: string, deployment: string): Promise<AnsweredChange | null> {
    const decided = await this.decisions.lastRetrain(model, deployment);
    return decided && answeredChange((await this.read<RetrainingDecision>(decided.decisionDigest)).facts);
  }

  private async read<T>(digest: string): Promise<T> {
    return JSON.parse((await this.stores.store.readBytes(digest)).toString('utf8')) as T;
  }
}
