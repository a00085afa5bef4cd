import type { HeldOut } from './artifacts.js';
import type { Measurement } from './evaluations.js';
import type { DriftThreshold, FeatureDrift } from './feature-drift.js';
import type { Estimate, MetricName, SliceMetrics, Verdict } from './verdict.js';
import type { AssessmentOccasion, WindowCompleteness, HarmStanding } from './window-assessment.js';
import type { GatewayFigures, OperationChecks } from './window-operations.js';
import type { WindowVerdict } from './window-summary.js';

/** Every figure of one assessment, an artifact. */
export interface WindowAssessmentReport {
  readonly model: string;
  readonly deployment: string;
  /** Event time, ISO 8601; `until` does not belong to it. */
  readonly from: string;
  readonly until: string;
  readonly occasion: AssessmentOccasion;
  readonly revision: number;
  readonly completeness: WindowCompleteness;
  /** Of the versions that answered, the one with the most rows first. */
  readonly versions: readonly { readonly version: number; readonly rows: number }[];
  readonly baseline: ReportBaseline | null;
  readonly outputs: OutputFigures | null;
  /** Before labels: by the model's own confidence, or for a regression by what is predicted of its errors. */
  readonly estimate: EstimateFigures | null;
  /** Why there is no estimate; null where there is one. Reports of before lack it. */
  readonly withoutEstimate?: string | null;
  /** Null before labels are due. */
  readonly quality: QualityFigures | null;
  readonly harm: HarmFiguresOfWindow | null;
  /** Of a window that closes: harm by estimated errors. Null on other occasions and where the spec leaves it out; reports of before lack it. */
  readonly estimatedHarm?: EstimatedHarmFigures | null;
  /** Null before labels are due, where no row has a label, an output and inputs, and where losses have no bound. */
  readonly attribution: AttributionFigures | null;
  /** Of rates that rest on labels nothing before those are due. Null where the spec names no protected column, or none of them was kept. */
  readonly fairness: FairnessFigures | null;
  readonly operations: OperationFigures | null;
  /** Null before labels are due, and where the spec names no outcome; absent in reports of before it was measured. */
  readonly outcome?: OutcomeFigures | null;
}

/** What the window is held against: the rows on which its version was judged before it came into service. */
export interface ReportBaseline {
  readonly version: number;
  readonly snapshot: string;
  readonly rows: number;
  readonly from: string;
  readonly until: string;
  /** The blocks of that time that the rows are of; left out where they are of all. */
  readonly heldOut?: HeldOut;
  readonly measurement: Measurement;
  /** The loss that `meanLoss` is of: `rollout.comparison.metric`. */
  readonly metric: string;
  /** Null where losses have no bound. */
  readonly meanLoss: number | null;
}

export interface OutputFigures {
  readonly rows: number;
  /** Rows that a guard rail left without an answer. */
  readonly withoutOutput: number;
  /** The outputs beside those on the baseline, as an input is compared. */
  readonly drift: FeatureDrift;
  /** Classification: the share of rows at or above the spec's threshold, and the same on the baseline. */
  readonly positiveShare: { readonly window: number; readonly baseline: number } | null;
  /** Beside those of `drift`; absent in reports of before they were made. */
  readonly thresholds?: OutputThresholds;
}

/** What shares of the window may come to by chance, were all as on the baseline (drift/drift-thresholds.ts). Null where the share is not defined. */
export interface OutputThresholds {
  readonly positiveShare: ShareThreshold | null;
  /** Of `withoutOutput` among all rows: no guard rail works on the baseline, where every row has an output. */
  readonly withoutOutput: DriftThreshold | null;
}

/** An observation: a share below `low` or above `high` is further from the baseline's than chance explains. */
export interface ShareThreshold {
  readonly low: number;
  readonly high: number;
  readonly verdict: WindowVerdict['verdict'];
}

export interface EstimateFigures {
  readonly method: 'cbpe' | 'dle';
  readonly rows: number;
  readonly metrics: Readonly<Record<string, EstimatedMetric | null>>;
}

export interface EstimatedMetric {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Beyond what the baseline's own days reached: mean ± 3 standard deviations of them. */
  readonly alert: boolean;
  /** Once labels are there. */
  readonly realised: { readonly value: number; readonly difference: number; readonly withinBand: boolean | null } | null;
}

export interface QualityFigures {
  readonly labelRevision: number;
  /** With a label and an output, and the others. */
  readonly labelled: number;
  readonly unlabelled: number;
  readonly measurement: Measurement;
  /** By metric: what it may come to by chance, were all as on the baseline (drift/metric-thresholds.ts). */
  readonly thresholds: Readonly<Partial<Record<MetricName, MetricThreshold>>>;
  /** Regression: the mean of output less label; null for classes and without rows. */
  readonly bias: Estimate | null;
  readonly slices: readonly SliceMetrics[];
  readonly meanLoss: number | null;
}

/** An observation, metric by metric; harm is judged by the losses of all windows. */
export interface MetricThreshold {
  /** A worse value is worse than chance explains. */
  readonly limit: number;
  /** Inconclusive: the metric is not defined on the window. */
  readonly verdict: WindowVerdict['verdict'];
}

/** How outputs go with the business outcome that comes with labels (drift/outcome-figures.ts), on the rows that have both. Figures that are not defined are null. */
export interface OutcomeFigures {
  /** As the spec names it. */
  readonly name: string;
  readonly unit: string | null;
  readonly rows: number;
  readonly mean: Estimate | null;
  /** Of output and outcome, and of their ranks. */
  readonly pearson: Estimate | null;
  readonly spearman: Estimate | null;
  /** An observation of `spearman`: fail where it is surely below the limit, which is null where the spec names none. */
  readonly threshold: { readonly limit: number | null; readonly verdict: WindowVerdict['verdict'] };
  /** Classification: the mean outcome of rows that were decided positive and negative, and the difference of both. */
  readonly decisions: { readonly positive: DecidedOutcomes; readonly negative: DecidedOutcomes; readonly difference: Estimate | null } | null;
}

export interface DecidedOutcomes {
  readonly rows: number;
  readonly mean: number | null;
}

export interface HarmFiguresOfWindow {
  /** Why the sequence began in this window; null where it goes on from an earlier one. */
  readonly began: 'first' | 'version' | 'plan' | 'resolved' | null;
  /** Of false alarms of harm in a year of event time that this sequence may raise, in expectation. */
  readonly allowance: number;
  readonly standing: HarmStanding;
  /** Block by block: what the confidence sequence is drawn from. */
  readonly course: readonly HarmPoint[];
}

/** The loss of a row is 1 where its estimated error exceeds the threshold, else 0: means are shares of rows. */
export interface EstimatedHarmFigures {
  /** Null where there is no evidence, for which `because` says why. */
  readonly evidence: HarmFiguresOfWindow | null;
  /** How it was chosen on the baseline (drift/estimated-harm.ts); null with the evidence. */
  readonly threshold: { readonly errorLevel: number; readonly error: number; readonly estimate: number; readonly flagged: number; readonly precision: number; readonly recall: number } | null;
  readonly because: string | null;
}

export interface HarmPoint {
  readonly from: string;
  readonly rows: number;
  /** Of the block's losses; null where none has a label. */
  readonly mean: number | null;
  readonly lower: number | null;
  readonly evidence: number;
}

/** Which features the rise of the mean loss over the baseline's goes with (drift/loss-attribution.ts). Losses are those of {@link ReportBaseline.metric}. */
export interface AttributionFigures {
  /** Of the window, those with a label, an output and inputs; and those of the baseline. */
  readonly rows: number;
  readonly baselineRows: number;
  readonly meanLoss: number;
  readonly baselineMeanLoss: number;
  /** Of the mean loss, over the baseline's; negative where losses have fallen. */
  readonly rise: number;
  /** The chance that `explaining` names a feature though nothing differs (Holm's, over both tests of all features). */
  readonly alpha: number;
  /** Those of `features` that surely explain some of the rise; empty where it is even, and where there is none. */
  readonly explaining: readonly string[];
  /** Those whose inputs were kept: the ones that explain first, then by how surely the rise is uneven over their bins. */
  readonly features: readonly FeatureAttribution[];
}

/** `shift.value + change` is the rise. */
export interface FeatureAttribution {
  readonly name: string;
  readonly type: 'number' | 'category';
  /** Because inputs moved between bins; its interval allows for any loss that a bin without rows on one side could have there. */
  readonly shift: Estimate;
  /** Because losses changed within bins. */
  readonly change: number;
  /** What bins have of `change` beyond the even rise, those together that have more. */
  readonly concentrated: number;
  /** Whether losses rose by unlike amounts in the bins (Welch 1951); null where fewer than two bins can be compared. */
  readonly unevenness: {
    readonly statistic: number;
    readonly degreesOfFreedom: readonly [number, number];
    readonly pValue: number;
    readonly adjustedPValue: number;
  } | null;
  /** Whether `shift` is not 0; null where its interval is not known. */
  readonly shiftTest: { readonly pValue: number; readonly adjustedPValue: number } | null;
  readonly explains: readonly ('change' | 'shift')[];
  /** With rows on either side. */
  readonly binCount: number;
  /** Of those with rows in the window the three that have most of the rise beyond their share of it. */
  readonly bins: readonly AttributionBin[];
}

/** A bin of a feature. */
export interface AttributionBin {
  readonly kind: 'range' | 'category' | 'others' | 'missing';
  /** Of a range, which ends before `until`; null where it has no end on that side. */
  readonly from: number | null;
  readonly until: number | null;
  readonly category: string | null;
  readonly rows: number;
  readonly baselineRows: number;
  readonly share: number;
  readonly baselineShare: number;
  readonly meanLoss: number;
  /** Null without rows. */
  readonly baselineMeanLoss: number | null;
  /** Its parts of the feature's `shift` and `change`; those of all bins add up to the rise. */
  readonly shift: number;
  readonly change: number;
}

export interface FairnessFigures {
  /** One a protected column, then one a crossing. */
  readonly groupings: readonly FairnessGrouping[];
  /** Disparities against the limits of the spec. */
  readonly checks: readonly { readonly name: string; readonly verdict: Verdict; readonly explanation: string }[];
}

/** How decisions and their errors differ between groups (evaluation/fairness.ts). */
export interface FairnessGrouping {
  readonly columns: readonly string[];
  readonly rows: number;
  /** Of `rows`, those whose group is not known. */
  readonly unknownRows: number;
  readonly groups: readonly FairnessGroup[];
  /** By the disparity's name; null where it is not defined. */
  readonly disparities: Readonly<Record<string, FairnessDisparity | null>>;
  readonly undefinedBecause: Readonly<Record<string, string>>;
}

export interface FairnessGroup {
  /** Its value in each of the columns. */
  readonly group: readonly string[];
  readonly rows: number;
  readonly labelledRows: number;
  /** Compared with no other group. */
  readonly tooSmall: boolean;
  readonly selectionRate: Estimate | null;
  readonly adverseActionRate: Estimate | null;
  readonly truePositiveRate: Estimate | null;
  readonly falsePositiveRate: Estimate | null;
  readonly accuracy: Estimate | null;
}

export interface FairnessDisparity {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly rate: string;
  readonly highest: readonly string[];
  readonly lowest: readonly string[];
  readonly pairs: number;
}

/** How the window was served, by whichever versions: every answer counts, those to predictions that were asked for again too. */
export interface OperationFigures {
  /** Predictions that were asked for again under their id, beyond the first. */
  readonly repeated: number;
  /** Answers given while a gateway's knowledge of the routing was older than `serving.maxStale`. */
  readonly stale: number;
  /** Uses of guard rails by kind, such as `clamped`. */
  readonly guards: Readonly<Record<string, number>>;
  /** Of requests, whose rows share one, milliseconds; null without any. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly greatest: number } | null;
  /** Event time, ISO 8601, of the first and last row; wall time of the newest receipt. */
  readonly firstEvent: string | null;
  readonly lastEvent: string | null;
  readonly newestReceived: string | null;
  /** Wall time of the first and the last prediction's first receipt; null without any. Reports of before lack this and what follows, but for `errors`. */
  readonly received?: { readonly first: string; readonly last: string } | null;
  /** Requests with a latency, and those of them that took longer than the spec's `rollout.guards.slowAfterMs`. */
  readonly slow?: { readonly afterMs: number; readonly requests: number; readonly count: number };
  /** How long after its event a prediction was first received, milliseconds; below 0 where its time lies ahead of the clock. Null without any. */
  readonly arrivalLagMs?: { readonly p50: number; readonly p95: number; readonly greatest: number } | null;
  readonly gateways?: GatewayFigures;
  readonly checks?: OperationChecks;
  /**
   * Failed requests of the deployment by failure type, of all its versions and all starts of its gateways: since the gateways started, up to when
   * the window was assessed, and not of the window alone.
   */
  readonly errors: Readonly<Record<string, number>>;
}
