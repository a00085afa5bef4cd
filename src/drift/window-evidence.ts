import type { HarmStanding } from '../contracts/window-assessment.js';
import type { WindowAssessmentReport } from '../contracts/window-assessment-report.js';
import type { WindowDriftReport } from '../contracts/window-drift.js';
import { calendarMonth } from './counterfactual-triggers.js';
import { estimatedQuality, type LabelledWindow, type MonitoringEvidence } from './retraining-evidence.js';
import type { EventStretch } from './window-grid.js';

/** Windows before one that a decision after it looks at, its own length each. */
export const PAST_WINDOWS = 100;

/** A window whose labels were counted, and where the evidence of harm stood after it. */
export interface CountedWindow extends LabelledWindow {
  /** That answered most of its rows; null in quarantine. */
  readonly version: number | null;
  readonly harm: HarmStanding | null;
}

/** What is known of a window after one of its assessments. */
export interface AssessedWindow {
  /** Event time that has come. */
  readonly atMs: number;
  readonly window: EventStretch;
  /** It was assessed for it had closed: faults and the estimate before labels are told then, and not again when its labels are there. */
  readonly closed: boolean;
  /** Null where there was nothing to measure, or nothing to measure it against. */
  readonly report: Pick<WindowAssessmentReport, 'estimate' | 'baseline'> | null;
  readonly drift: Pick<WindowDriftReport, 'drifted' | 'faults'> | null;
}

export interface WindowEvidence extends Pick<MonitoringEvidence, 'atMs' | 'window' | 'faults' | 'drifted' | 'estimate' | 'harm' | 'baselineMeanLoss' | 'labelled' | 'counted'> {
  /** Whose figures they are; null where no version is known. */
  readonly version: number | null;
}

/** What a decision over retraining takes from windows. @param past those whose labels were counted, in their order */
export function windowEvidence({ atMs, window, closed, report, drift }: AssessedWindow, past: readonly CountedWindow[]): WindowEvidence {
  // A window in quarantine says nothing of the version that answered in it.
  const newest = past.findLast((counted) => counted.version !== null);
  const version = newest?.version ?? report?.baseline?.version ?? null;
  return {
    atMs, window, version, faults: closed ? (drift?.faults ?? []) : [], drifted: drift?.drifted ?? [], estimate: closed ? estimatedQuality(report) : null,
    harm: newest?.harm ?? null, baselineMeanLoss: report?.baseline?.meanLoss ?? null, labelled: past.filter((counted) => counted.version === version),
    counted: past.filter((counted) => counted.version !== null),
  };
}

/** A retrain of the past. */
export interface PastRetrain {
  /** Event time of the data that it looked at. */
  readonly eventMs: number;
  /** That its training took. */
  readonly hours: number;
}

/** What a decision over retraining at `atMs` takes from the retrains before it, whatever they came to. @param retrains the newest first */
export function retrainEvidence(retrains: readonly PastRetrain[], atMs: number): Pick<MonitoringEvidence, 'lastRetrainMs' | 'usedRetrains' | 'usedTrainingHours' | 'expectedHours'> {
  const month = retrains.filter(({ eventMs }) => calendarMonth(eventMs) === calendarMonth(atMs));
  const [last] = retrains;
  return {
    lastRetrainMs: last?.eventMs ?? null, usedRetrains: month.length, usedTrainingHours: month.reduce((sum, { hours }) => sum + hours, 0), expectedHours: last?.hours ?? 0,
  };
}
