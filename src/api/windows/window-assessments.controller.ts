import { Controller, Get, Header, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { FolderStore } from '../../artifacts/folder-store.js';
import { PerennialError } from '../../contracts/failures.js';
import { maskedAssessment } from '../../contracts/masked-reports.js';
import type { Sensitivity } from '../../contracts/masking.js';
import type { WindowAssessmentReport } from '../../contracts/window-assessment-report.js';
import { AssessmentsRepository } from '../../registry/assessments.repository.js';
import type { WindowAssessment } from '../../registry/entities/window-assessment.entity.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { RetrainingDecisionsRepository } from '../../registry/retraining-decisions.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { TemporalLinks } from '../documentation/answer-fields.js';
import { Answer, CommonProblems, Operation, Page, Problems } from '../documentation/answers.js';
import { modelPath } from '../requests/fields.js';
import type { AssessedWindow, DecisionFacts } from './assessment-page/assessment-facts.js';
import { assessmentPage } from './assessment-page/assessment-page.js';
import { DriftReports } from './drift-reports.js';
import {
  assessmentQuery, type AssessmentQuery, assessmentsQuery, type AssessmentsQuery, decisionsQuery, type DecisionsQuery, retrainingDecisionAnswer, type RetrainingDecisionAnswer,
  type RetrainingDecisionDetail, retrainingDecisionDetailSchema, retrainingDecisionListSchema, windowAssessmentAnswer, type WindowAssessmentAnswer, windowAssessmentListSchema,
  type WindowAssessmentReportAnswer, windowAssessmentReportSchema,
} from './window-assessments.dto.js';
import { windowDriftPath, type WindowDriftPath } from './window-drift.dto.js';

/** Windows on a page, the shown one and those before it. */
const PAGE_WINDOWS = 40;

/** What windows come to, and what was decided over retraining after them. */
@ApiTags('Windows')
@CommonProblems()
@Controller('v1/models/:model')
export class WindowAssessmentsController {
  constructor(
    private readonly assessments: AssessmentsRepository,
    private readonly decisions: RetrainingDecisionsRepository,
    private readonly models: ModelsRepository,
    private readonly drifts: DriftReports,
    private readonly store: FolderStore,
    private readonly temporal: TemporalLinks,
  ) {}

  @Get('windows/assessments')
  @Permit('model.read')
  @Operation('What windows come to', 'The last windows first: verdict, quality beside the baseline, the estimate before labels, the evidence of harm.')
  @Answer(200, 'The assessments', windowAssessmentListSchema)
  @Problems('ModelNotFound')
  async listAssessments(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: assessmentsQuery }) { limit, deployment, revisions }: AssessmentsQuery): Promise<{ items: WindowAssessmentAnswer[] }> {
    await this.models.get(model);
    const found = await this.assessments.list(model, limit, { deployment, latest: revisions === 'latest' });
    return { items: found.map((one) => windowAssessmentAnswer(one, this.temporal)) };
  }

  @Get('windows/:from/assessment')
  @Permit('model.read')
  @Operation('Every figure of one window', 'docs/MONITORING.md says what each means.')
  @Answer(200, 'The figures', windowAssessmentReportSchema)
  @Problems('ModelNotFound', 'NotFound')
  async readAssessment(@Param({ schema: windowDriftPath }) { model, from }: WindowDriftPath, @Query({ schema: assessmentQuery }) { deployment, revision }: AssessmentQuery): Promise<WindowAssessmentReportAnswer> {
    await this.models.get(model);
    const assessment = await this.assessments.get(model, deployment, new Date(from), revision);
    const { reportDigest } = assessment;
    if (reportDigest === null) throw new PerennialError('NotFound', `The window of ${model}/${deployment} that begins at ${from} has no figures: nothing could be measured in it`, { from });
    return maskedAssessment(await this.read<WindowAssessmentReport>(reportDigest), (await this.sensitivities([assessment]))[0] as Sensitivity) as WindowAssessmentReportAnswer;
  }

  @Get('windows/:from/assessment.html')
  @Permit('model.read')
  @Header('content-type', 'text/html; charset=utf-8')
  @Operation('The same as a page', 'One file that needs nothing else: the figures, those of the windows before, the evidence of harm, the inputs beside the baseline, and the decision over retraining.')
  @Page('The page')
  @Problems('ModelNotFound', 'NotFound')
  async showAssessment(@Param({ schema: windowDriftPath }) { model, from }: WindowDriftPath, @Query({ schema: assessmentQuery }) { deployment, revision }: AssessmentQuery): Promise<string> {
    await this.models.get(model);
    const assessment = await this.assessments.get(model, deployment, new Date(from), revision);
    const [windows, revisions, decision, drift] = await Promise.all([
      this.windowsUpTo(assessment), this.assessments.revisions(model, deployment, assessment.fromEvent), this.decisionAfter(assessment), this.drifts.find(model, deployment, assessment.fromEvent),
    ]);
    const report = windows.find((one) => one.assessment === assessment)?.report ?? null;
    return assessmentPage({ assessment, report, drift, revisions, windows, decision, temporalUrl: this.temporal.of(assessment.workflowId) });
  }

  @Get('retraining-decisions')
  @Permit('model.read')
  @Operation('What was decided over retraining', 'After each assessment of a window, the last first; also to wait, and what simpler policies would have done.')
  @Answer(200, 'The decisions', retrainingDecisionListSchema)
  @Problems('ModelNotFound')
  async listDecisions(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: decisionsQuery }) { limit, deployment }: DecisionsQuery): Promise<{ items: RetrainingDecisionAnswer[] }> {
    await this.models.get(model);
    return { items: (await this.decisions.list(model, limit, deployment)).map(retrainingDecisionAnswer) };
  }

  @Get('windows/:from/decision')
  @Permit('model.read')
  @Operation('A decision with all that it rests on', 'The facts, the verdict of each rule in its order, and what was weighed.')
  @Answer(200, 'The decision', retrainingDecisionDetailSchema)
  @Problems('ModelNotFound', 'NotFound')
  async readDecision(@Param({ schema: windowDriftPath }) { model, from }: WindowDriftPath, @Query({ schema: assessmentQuery }) { deployment, revision }: AssessmentQuery): Promise<RetrainingDecisionDetail> {
    await this.models.get(model);
    const decided = await this.decisions.ofWindow(model, deployment, new Date(from), revision);
    return this.read<RetrainingDecisionDetail>(decided.decisionDigest);
  }

  /** In the order of event time: the newest figures of the windows before, and the asked revision of the window itself. */
  private async windowsUpTo(assessment: WindowAssessment): Promise<AssessedWindow[]> {
    const { model, deployment, fromEvent } = assessment;
    const newest = await this.assessments.list(model, PAGE_WINDOWS, { deployment, latest: true, upTo: fromEvent });
    const shown = newest.map((one) => (one.fromEvent.getTime() === fromEvent.getTime() ? assessment : one));
    const inOrder = shown.toSorted((one, other) => one.fromEvent.getTime() - other.fromEvent.getTime());
    const sensitivities = await this.sensitivities(inOrder);
    return Promise.all(inOrder.map(async (one, index) => {
      const report = await this.readKept<WindowAssessmentReport>(one.reportDigest);
      return { assessment: one, report: report && maskedAssessment(report, sensitivities[index] as Sensitivity) };
    }));
  }

  /** Of assessments of one model, by what each was made under. */
  private async sensitivities(assessments: readonly WindowAssessment[]): Promise<Sensitivity[]> {
    const [first] = assessments;
    return first ? this.models.sensitivities(first.model, assessments.map(({ specDigest, headline }) => ({ specs: [specDigest], versions: [headline.version] }))) : [];
  }

  private async decisionAfter({ model, deployment, fromEvent, revision }: WindowAssessment): Promise<DecisionFacts | null> {
    const record = await this.decisions.find(model, deployment, fromEvent, revision);
    return record && { record, detail: await this.readKept<RetrainingDecisionDetail>(record.decisionDigest) };
  }

  /** Null where there is none, or the store has lost it: a page shows what is left. */
  private async readKept<T>(digest: string | null): Promise<T | null> {
    if (digest === null) return null;
    return this.read<T>(digest).catch((error: unknown) => {
      if (error instanceof PerennialError && error.type === 'ArtifactMissing') return null;
      throw error;
    });
  }

  private async read<T>(digest: string): Promise<T> {
    return JSON.parse((await this.store.readBytes(digest)).toString('utf8')) as T;
  }
}
