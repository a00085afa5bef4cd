import type { AutomaticTrigger } from '../contracts/retraining-decisions.js';
import { durationMs, isoTime } from '../contracts/time.js';
import { HIGHER_IS_BETTER, type MetricName } from '../contracts/verdict.js';
import type { HarmStanding } from '../contracts/window-assessment.js';
import type { WindowAssessmentReport } from '../contracts/window-assessment-report.js';
import { studentQuantile } from '../evaluation/distributions.js';
import type { ExpectedGain } from '../evaluation/expected-gain.js';
import type { RetrainingCost } from '../evaluation/retraining-value.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { baselineLossMean, type ChampionFigures, windowLossDeviation } from './champion-figures.js';
import type { HarmfulChange, RetrainingFacts, SeenTrigger } from './retraining-facts.js';
import type { UpstreamFault } from '../contracts/window-drift.js';
import { harmHint, type HarmHint } from './trial-hint.js';
import type { EventStretch } from './window-grid.js';

/** A window whose labels were counted. */
export interface LabelledWindow extends EventStretch {
  readonly rows: number;
  readonly labelled: number;
  readonly meanLoss: number | null;
}

/** A metric before labels, beside that of the baseline. */
export interface EstimatedQuality {
  readonly metric: MetricName;
  readonly estimated: number;
  readonly baseline: number;
  /** Beyond what the baseline's own days reached. */
  readonly alert: boolean;
}

/** A harmful change that a retrain was started for, as it was then. */
export interface AnsweredChange extends HarmfulChange {
  /** Event time of the data that the retrain looked at. */
  readonly atMs: number;
  /** Labelled rows since the change that it could learn from. */
  readonly learnedRows: number;
}

/** Null where a retrain was started for another reason. */
export const answeredChange = ({ atMs, data, change }: Pick<RetrainingFacts, 'atMs' | 'data'> & { readonly change?: HarmfulChange | null }): AnsweredChange | null =>
  change ? { ...change, atMs, learnedRows: data.sinceChange ?? 0 } : null;

/** The version whose windows are looked at, as it came into service. */
export interface ServedVersion {
  readonly number: number;
  /** Event time of the data that it was made with. */
  readonly asOfMs: number;
  /** Labelled rows that it was trained on. */
  readonly trainedRows: number;
  /** On the rows that judged it; null where there are none yet. */
  readonly figures: Pick<ChampionFigures, 'losses' | 'plan'> | null;
}

/** What is on the record when a decision over retraining is due. */
export interface MonitoringEvidence {
  /** Event time that has come: labels before it less their horizon are complete. */
  readonly atMs: number;
  readonly window: EventStretch;
  readonly faults: readonly UpstreamFault[];
  /** Features of the window that are found to drift. */
  readonly drifted: readonly string[];
  readonly estimate: EstimatedQuality | null;
  readonly harm: HarmStanding | null;
  readonly baselineMeanLoss: number | null;
  /** Those that the version in service answered, in their order. */
  readonly labelled: readonly LabelledWindow[];
  /** Whichever version answered. */
  readonly counted: readonly LabelledWindow[];
  /** What the last retrain that was decided here was started for. */
  readonly answered: AnsweredChange | null;
  /** Null where no version is known. */
  readonly served: ServedVersion | null;
  /** Event time of the data that the last retrain looked at; null before the first. */
  readonly lastRetrainMs: number | null;
  readonly active: number | null;
  /** Of the calendar month of `atMs`. */
  readonly usedRetrains: number;
  readonly usedTrainingHours: number;
  readonly expectedHours: number;
}

type Asks = Pick<ModelSpec, 'retraining' | 'training' | 'evaluation' | 'data'>;

/** What a decision rests on ({@link decideRetraining}), from what is on the record and what the spec asks for. */
export function retrainingFacts(evidence: MonitoringEvidence, spec: Asks): RetrainingFacts {
  const { atMs, window, faults, harm, active, served, lastRetrainMs } = evidence;
  const { retraining } = spec;
  const { change, minimumRows } = changeAndRows(evidence, spec);
  return {
    atMs, window: { fromMs: window.fromMs, untilMs: window.untilMs }, request: null, faults, harm, change, active,
    triggers: seenTriggers(evidence, spec, change).filter(({ trigger }) => retraining.triggers.some((listed) => listed === trigger)),
    data: {
      trainingRows: (served?.trainedRows ?? 0) + labelledSince(evidence.labelled, lastRetrainMs), minimumRows: spec.training.minimumRows,
      sinceChange: change && rowsToLearnFrom(evidence, change.sinceMs, spec), minimumSinceChange: minimumRows,
    },
    gain: change && gainOverBaseline({ labelled: evidence.labelled, baselineMeanLoss: change.baselineMeanLoss }, change.sinceMs), cost: costOf(retraining),
    cooldown: { lastEndedMs: lastRetrainMs, lengthMs: durationMs(retraining.cooldown) as number },
    budget: {
      retrains: evidence.usedRetrains, maximumRetrains: retraining.budget.retrains, trainingHours: evidence.usedTrainingHours,
      maximumTrainingHours: retraining.budget.trainingHours ?? null, expectedHours: evidence.expectedHours,
    },
  };
}

/**
 * The change that the version in service suffers from, and the labelled rows since it that a retrain is to learn from: that of an alarm, or one that a
 * retrain was started for and has not made up for. A retrain soon after a change learns mostly from rows of before. The next one for the same change is
 * asked for once there are twice as many of after, so that there are few of them, and none once a whole training window was new and its version serves.
 */
function changeAndRows(evidence: MonitoringEvidence, spec: Asks): { readonly change: HarmfulChange | null; readonly minimumRows: number } {
  const { answered } = evidence;
  const change = alarmed(evidence) ?? (answered && !learntWhole(answered, spec) && isHarmed(evidence, answered) ? { sinceMs: answered.sinceMs, limit: answered.limit, baselineMeanLoss: answered.baselineMeanLoss } : null);
  const again = change && answered && change.sinceMs <= answered.atMs;
  return { change, minimumRows: Math.max(spec.retraining.minimumSinceChange, again ? 2 * answered.learnedRows : 0) };
}

const alarmed = ({ harm, baselineMeanLoss }: MonitoringEvidence): HarmfulChange | null => (harm?.alarm ? { sinceMs: harm.alarm.sinceMs, limit: harm.limit, baselineMeanLoss } : null);

/** Whether the version in service loses more than where harm began. Harm was proven by the alarm: that it is over has to be seen, and few rows would seldom prove that it is not. */
function isHarmed({ labelled }: MonitoringEvidence, { sinceMs, limit, baselineMeanLoss }: HarmfulChange): boolean {
  const gain = gainOverBaseline({ labelled, baselineMeanLoss }, sinceMs);
  return gain !== null && gain.estimate > limit - (baselineMeanLoss as number);
}

/** Whether the retrain learnt from nothing of before. */
function learntWhole({ atMs, sinceMs }: AnsweredChange, spec: Asks): boolean {
  const { window } = spec.training;
  return window !== 'all' && evaluationStartMs(atMs, spec) - (durationMs(window) as number) >= sinceMs;
}

/** What a retrain judges on begins here. */
const evaluationStartMs = (atMs: number, { data, evaluation }: Asks): number =>
  atMs - (durationMs(data.labelHorizon) as number) - (durationMs(evaluation.window) as number);

/** Labelled rows since the change that a retrain learns from: those before the rows that judge, and between them where only some blocks are held out. */
function rowsToLearnFrom({ atMs, counted }: MonitoringEvidence, sinceMs: number, spec: Asks): number {
  const before = labelledSince(counted, sinceMs, evaluationStartMs(atMs, spec));
  const all = labelledSince(counted, sinceMs, atMs - (durationMs(spec.data.labelHorizon) as number));
  return before + Math.floor((all - before) * (1 - 1 / spec.evaluation.holdOutEvery));
}

/** Of windows that begin from `sinceMs` on, or hold it, and end by `untilMs`. */
function labelledSince(labelled: readonly LabelledWindow[], sinceMs: number | null, untilMs = Infinity): number {
  return labelled.reduce((sum, window) => sum + (window.untilMs > (sinceMs ?? -Infinity) && window.untilMs <= untilMs ? window.labelled : 0), 0);
}

/** Whether listed in the spec or not, in the order of their strength. */
function seenTriggers(evidence: MonitoringEvidence, spec: Asks, change: HarmfulChange | null): SeenTrigger[] {
  const { harm, estimate, drifted, atMs, lastRetrainMs } = evidence;
  const { retraining } = spec;
  const seen: SeenTrigger[] = [];
  const add = (trigger: AutomaticTrigger, because: string): void => void seen.push({ trigger, because });
  if (harm?.alarm) add('performance', `The mean loss of ${harm.rows} labelled rows has surely risen above ${figure(harm.limit)}, most likely since ${isoTime(harm.alarm.sinceMs)}.`);
  else if (change) add('performance', `The last retrain has not made up for the change of ${isoTime(change.sinceMs)}: the mean loss is above ${figure(change.limit)} still, where harm began.`);
  if (drifted.length > 0 && estimate && isWorse(estimate)) {
    add('harmfulDrift', `${listed(drifted)} drifted, and ${estimate.metric} is estimated at ${figure(estimate.estimated)} before labels, ${figure(estimate.baseline)} on the baseline.`);
  }
  const trial = reasonForTrial(evidence, spec);
  if (trial !== null) add('trial', trial);
  const fresh = labelledSince(evidence.labelled, lastRetrainMs);
  if (fresh >= retraining.newLabelledRows) add('newLabelledRows', `${fresh} labelled rows have come since the last retrain; ${retraining.newLabelledRows} ask for one.`);
  if (lastRetrainMs !== null && atMs - lastRetrainMs >= (durationMs(retraining.every) as number)) add('schedule', `The last retrain looked at data until ${isoTime(lastRetrainMs)}; every ${retraining.every} asks for one.`);
  if (drifted.length > 0) add('dataDrift', `${listed(drifted)} drifted.`);
  return seen;
}

/**
 * Why a candidate is worth its training, whose gate then asks for a gain: the newest losses hint at harm, or the version answers a change that it learnt
 * in part only. The losses of such a version do not rise, for the rows that judged it were in part from before the change as well; its successors learn
 * from more of what came after, until a retrain learns from nothing that is older than its data. The first version answers nothing.
 * @returns null where neither is so
 */
function reasonForTrial({ atMs, served, labelled }: MonitoringEvidence, spec: Asks): string | null {
  const hint = hintOf(served, labelled, spec.retraining.hint);
  if (hint !== null) {
    const newest = hint.windows === 1 ? 'The mean loss of the newest window' : `The mean loss of the newest ${hint.windows} windows`;
    return `${newest} is ${figure(hint.mean)}, ${figure(hint.errors)} standard errors above that of the baseline; ${figure(spec.retraining.hint)} ask for a trial.`;
  }
  if (served === null || served.number === 1 || atMs - served.asOfMs > learntFromMs(spec)) return null;
  return `Version ${served.number} was made with data until ${isoTime(served.asOfMs)}; until ${isoTime(served.asOfMs + learntFromMs(spec))} a candidate learns from more of what came since.`;
}

/** Of windows that its labels have come for, against the rows that judged it; by blocks of event time, as those share their fate. */
function hintOf(served: ServedVersion | null, labelled: readonly LabelledWindow[], errors: number): HarmHint | null {
  const baseline = served?.figures && baselineLossMean(served.figures);
  if (!served?.figures || !baseline) return null;
  const windows = labelled.flatMap((window) => {
    const deviation = windowLossDeviation(served.figures!, window);
    return window.meanLoss === null || deviation === null ? [] : [{ rows: window.labelled, mean: window.meanLoss, variance: deviation ** 2 }];
  });
  return harmHint(baseline, windows, errors);
}

/** Event time that a retrain learns from and judges on; without a length of the training window, that which it judges on. */
const learntFromMs = ({ training: { window }, evaluation }: Asks): number =>
  (durationMs(evaluation.window) as number) + (window === 'all' ? 0 : (durationMs(window) as number));

/** The metric that tells most of harm among those that are beyond what the baseline's days reached; null where a window has no estimate. */
export function estimatedQuality(report: Pick<WindowAssessmentReport, 'estimate' | 'baseline'> | null): EstimatedQuality | null {
  const found = (['logLoss', 'brier', 'auc', 'rmse', 'mae'] as const satisfies readonly MetricName[]).flatMap((metric) => {
    const [estimated, baseline] = [report?.estimate?.metrics[metric], report?.baseline?.measurement.metrics[metric]];
    return estimated && baseline ? [{ metric, estimated: estimated.value, baseline: baseline.value, alert: estimated.alert }] : [];
  });
  return found.find(isWorse) ?? found[0] ?? null;
}

const isWorse = ({ metric, estimated, baseline, alert }: EstimatedQuality): boolean => alert && (HIGHER_IS_BETTER[metric] ? estimated < baseline : estimated > baseline);

/**
 * What a retrain is expected to save in each row: the loss above the baseline's since the change, as far as a retrain brings it back there. The mean
 * over windows m_w of n_w labelled rows is Σ n_w (m_w − b) ÷ Σ n_w, its interval at 90 % by Student's t over windows with the error of a ratio
 * estimator (Cochran 1977, chapter 6).
 * @returns null for fewer than two windows with labels
 */
export function gainOverBaseline({ labelled, baselineMeanLoss }: Pick<MonitoringEvidence, 'labelled' | 'baselineMeanLoss'>, sinceMs: number): ExpectedGain | null {
  const windows = labelled.filter(({ untilMs, labelled: rows, meanLoss }) => untilMs > sinceMs && rows > 0 && meanLoss !== null);
  if (baselineMeanLoss === null || windows.length < 2) return null;
  const total = windows.reduce((sum, window) => sum + window.labelled, 0);
  const estimate = windows.reduce((sum, window) => sum + window.labelled * ((window.meanLoss as number) - baselineMeanLoss), 0) / total;
  const squares = windows.reduce((sum, window) => sum + (window.labelled * ((window.meanLoss as number) - baselineMeanLoss - estimate)) ** 2, 0);
  const reach = (studentQuantile(0.95, windows.length - 1) * Math.sqrt((squares * windows.length) / (windows.length - 1))) / total;
  const days = windows.reduce((sum, { fromMs, untilMs }) => sum + (untilMs - fromMs), 0) / 86_400_000;
  return { estimate, low: estimate - reach, high: estimate + reach, rowsPerDay: windows.reduce((sum, { rows }) => sum + rows, 0) / days };
}

const costOf = ({ costs }: ModelSpec['retraining']): RetrainingCost | null =>
  costs ? { perLossUnit: costs.perLossUnit, training: costs.training, release: costs.release, horizonMs: durationMs(costs.horizon) as number } : null;

const figure = (value: number): string => String(Number(value.toPrecision(3)));
const SHOWN = 5;
const listed = (names: readonly string[]): string => `${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''}`;
