import type { Estimate, MetricName } from './verdict.js';
import { isoTime } from './time.js';
import type { OperationChecks } from './window-operations.js';
import type { WindowFinding, WindowVerdict } from './window-summary.js';

/**
 * Why a window is assessed. `closed`: event time has passed its end; `matured`: the horizon of its labels has passed too; `amended`: rows or labels came
 * late or were corrected, or those of a window before it, on which its evidence of harm rests; `backfilled`: a person asked for it anew, in the
 * Temporal UI.
 */
export const ASSESSMENT_OCCASIONS = ['closed', 'matured', 'amended', 'backfilled'] as const;
export type AssessmentOccasion = (typeof ASSESSMENT_OCCASIONS)[number];

/** What names a window everywhere; event time in milliseconds since 1970, `untilMs` does not belong to it. */
export interface WindowId {
  readonly model: string;
  readonly deployment: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** As operators read it: beginning and end. */
export const windowName = ({ fromMs, untilMs }: Pick<WindowId, 'fromMs' | 'untilMs'>): string => `${isoTime(fromMs)}/${isoTime(untilMs)}`;

/** An assessment whose time has come. */
export interface DueAssessment extends WindowId {
  readonly occasion: AssessmentOccasion;
  /** Of the window, from 1. */
  readonly revision: number;
  readonly specDigest: string;
  /** The risk tier of the spec. */
  readonly tier: string;
  /** When it was found to be due. */
  readonly completeness: WindowCompleteness;
}

/** Whether what gateways answered in a window was on the record when it was assessed. */
export interface WindowCompleteness {
  /** Nothing was missing, but for what gateways shed. */
  readonly complete: boolean;
  /** Gateways that may have answered in it. */
  readonly gateways: number;
  /** Those that may have held observations of it, by name. */
  readonly behind: readonly string[];
  /** Segments of it that had come and could not be read as rows yet. */
  readonly unconverted: number;
}

/** What an assessment comes to, for operators and for the workflow that asked for it. */
export interface AssessmentSummary {
  readonly verdict: WindowVerdict['verdict'];
  readonly rows: number;
  readonly findings: readonly WindowFinding[];
  readonly headline: AssessmentHeadline;
  /** Whether an alarm was raised. */
  readonly raised: boolean;
}

/** The figures of an assessment that lists and operators show; all of them are in its report. Null: not measured on this occasion, or not defined. */
export interface AssessmentHeadline {
  /** The version that answered most rows; the figures are of its rows. */
  readonly version: number | null;
  readonly labelled: number;
  /** The first metric of the task (`auc`, `rmse`), measured, on the baseline, and estimated before labels. */
  readonly metric: MetricName | null;
  readonly measured: Estimate | null;
  /** What it may come to by chance, were all as on the baseline. */
  readonly threshold: number | null;
  readonly baseline: Estimate | null;
  readonly estimated: Estimate | null;
  /** Of the loss of `rollout.comparison`. */
  readonly meanLoss: number | null;
  readonly harm: HarmStanding | null;
  /** Features that are found to drift, when the window has closed. */
  readonly drifted: readonly string[] | null;
  /** Whether all that gateways answered in it was on the record. */
  readonly complete: boolean;
  /** How it was served, beside its limits; null where nothing could be measured. Assessments of before have none. */
  readonly operations?: OperationChecks | null;
}

/** Harm that was found; event times in milliseconds since 1970. */
export interface HarmAlarm {
  /** The end of the block at which it was. */
  readonly atMs: number;
  readonly by: 'runningMean' | 'change';
  /** The beginning of the block from which on losses speak most for harm. */
  readonly sinceMs: number;
}

/** How far the evidence of harm in a version's losses is (drift/harm-sequence.ts). */
export interface HarmStanding {
  /** Rows with a label, and rows without, since the sequence began. */
  readonly rows: number;
  readonly missing: number;
  /** Of the losses of those with a label; null without any. */
  readonly mean: number | null;
  /** The lower confidence sequence of that mean; null while it is not defined (no rows, few blocks). */
  readonly lower: number | null;
  /** What `lower` must exceed. */
  readonly limit: number;
  /** Of a change at some time, and the value that it must reach. */
  readonly evidence: number;
  readonly threshold: number;
  /** The first one. */
  readonly alarm: HarmAlarm | null;
}
