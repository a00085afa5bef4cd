import type { WindowAssessmentReport } from '../../../contracts/window-assessment-report.js';
import type { WindowDriftReport } from '../../../contracts/window-drift.js';
import type { RetrainingDecisionRecord } from '../../../registry/entities/retraining-decision.entity.js';
import type { WindowAssessment } from '../../../registry/entities/window-assessment.entity.js';
import type { RetrainingDecisionDetail } from '../window-assessments.dto.js';

/** What the memory of harm holds is the drift room's own. */
export type ShownAssessment = Omit<WindowAssessment, 'harm' | 'estimatedHarm'>;

/** All that the page of a window shows. */
export interface AssessmentFacts {
  /** The assessment that the page is of. */
  readonly assessment: ShownAssessment;
  /** Null where nothing could be measured, or where the store has lost it. */
  readonly report: WindowAssessmentReport | null;
  /** Its inputs beside the baseline, as {@link WindowDriftReport} is shown; null where they were not compared. */
  readonly drift: WindowDriftReport | null;
  /** Of this window, in their order; the shown one too. */
  readonly revisions: readonly Pick<WindowAssessment, 'revision' | 'occasion' | 'verdict' | 'assessedAt'>[];
  /** In the order of event time; the shown one last. */
  readonly windows: readonly AssessedWindow[];
  /** Null where nothing was decided after this assessment. */
  readonly decision: DecisionFacts | null;
  /** In the Temporal UI. */
  readonly temporalUrl: string;
}

export interface AssessedWindow {
  readonly assessment: ShownAssessment;
  readonly report: WindowAssessmentReport | null;
}

export interface DecisionFacts {
  readonly record: Readonly<RetrainingDecisionRecord>;
  /** Null where the store has lost it. */
  readonly detail: RetrainingDecisionDetail | null;
}
