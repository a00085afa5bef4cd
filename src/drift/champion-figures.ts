import type { HeldOut } from '../contracts/artifacts.js';
import { canonicalJson, sha256 } from '../contracts/canonical.js';
import type { Measurement } from '../contracts/evaluations.js';
import type { JudgedRows } from '../evaluation/judged-rows.js';
import { meanEstimate, measure } from '../evaluation/metrics.js';
import { rowLoss } from '../evaluation/row-loss.js';
import type { FeatureLosses } from './baseline-losses.js';
import { type BlockSums, limitOfBlocks, limitOfRows, type LossLimit, type LossSample, sumBlocks } from './baseline-limit.js';
import { type ConfidenceBasedFit, fitConfidenceBased } from './confidence-based-estimate.js';
import type { MonitoringPlan } from './monitoring-plan.js';
import type { LossMean } from './trial-hint.js';
import type { EventStretch } from './window-grid.js';

/** What the windows of a version are held against, from the rows on which it was judged before it came into service; JSON. */
export interface ChampionFigures {
  readonly version: number;
  readonly snapshot: string;
  /** Of the rows, ISO 8601. */
  readonly from: string;
  readonly until: string;
  /** The blocks of that time that the rows are of; left out where they are of all. */
  readonly heldOut?: HeldOut;
  readonly rows: number;
  readonly plan: MonitoringPlan;
  readonly measurement: Measurement;
  /** Null where losses have no bound. */
  readonly losses: BaselineLosses | null;
  /** The same losses by what went in, feature by feature in the order of the spec; null also where they were not asked for. */
  readonly featureLosses: readonly FeatureLosses[] | null;
  /** Of a classifier. */
  readonly confidence: ConfidenceBasedFit | null;
  readonly positiveShare: number | null;
  /** Half of its interval at the spec's alpha, by blocks of event time; null also where it is 0 or 1 and shows no spread. */
  readonly positiveReach: number | null;
  /** Of the outputs: little-endian float32 in the order of the rows, an artifact. */
  readonly outputsDigest: string;
}

export interface BaselineLosses {
  readonly sample: LossSample;
  /** Rows and summed losses of each block of event time that has rows. */
  readonly blocks: { readonly rows: readonly number[]; readonly sums: readonly number[] };
}

/** Rises when figures hold more than before, so that those of a version are made anew. */
const FORMAT = 3;

/** By what the figures of a version are known: what they were made by. */
export const championFiguresDigest = (plan: MonitoringPlan): string => sha256(canonicalJson({ ...plan, format: FORMAT }));

export type ScoredBaseline = JudgedRows & { readonly predictions: Float32Array; readonly labels: Float64Array; readonly eventTimesMs: Float64Array };

/** @param rows that the version was judged on, with labels; at least one */
export function championFigures(
  rows: ScoredBaseline, plan: MonitoringPlan, options: { readonly alpha: number; readonly featureLosses?: readonly FeatureLosses[] | null },
): Pick<ChampionFigures, 'rows' | 'plan' | 'measurement' | 'losses' | 'featureLosses' | 'confidence' | 'positiveShare' | 'positiveReach'> {
  const { predictions, labels, eventTimesMs, task } = rows;
  const classifies = task === 'binary-classification';
  const days = Float64Array.from(eventTimesMs, (time) => Math.floor(time / plan.blockMs));
  return {
    rows: labels.length, plan, measurement: measure(rows, { alpha: options.alpha, threshold: plan.threshold }), losses: lossesOf(rows, days, plan),
    featureLosses: options.featureLosses ?? null,
    confidence: classifies ? fitConfidenceBased({ probabilities: predictions, labels, chunks: days }, plan.threshold) : null,
    positiveShare: classifies ? shareAtLeast(predictions, plan.threshold) : null, positiveReach: classifies ? positiveReach(rows, plan, options.alpha) : null,
  };
}

function positiveReach({ predictions, blocks }: ScoredBaseline, { threshold }: MonitoringPlan, alpha: number): number | null {
  const positives = meanEstimate(Float64Array.from(predictions, (output) => (output >= threshold ? 1 : 0)), blocks, alpha);
  if (!positives || positives.high === null || positives.value === 0 || positives.value === 1) return null;
  return positives.high - positives.value;
}

/** Of the outputs that are numbers. */
export function shareAtLeast(outputs: Float32Array, threshold: number): number {
  const [above, all] = outputs.reduce(([count, some], output) => [count + (output >= threshold ? 1 : 0), some + (Number.isNaN(output) ? 0 : 1)], [0, 0] as [number, number]);
  return above / all;
}

/** One for each row; NaN where there is no label or no output. @returns null where losses have no bound */
export function rowLosses({ metric, bound }: MonitoringPlan, outputs: Float32Array, labels: Float64Array): Float64Array | null {
  if (bound === null) return null;
  return labels.map((label, row) => (Number.isNaN(label) || Number.isNaN(outputs[row]!) ? NaN : rowLoss(metric, bound, outputs[row]!, label)));
}

function lossesOf({ predictions, labels }: ScoredBaseline, blocks: Float64Array, plan: MonitoringPlan): BaselineLosses | null {
  const losses = rowLosses(plan, predictions, labels);
  if (!losses) return null;
  const first = blocks.reduce((least, block) => Math.min(least, block), Infinity);
  const { rows, sums } = sumBlocks(losses, Int32Array.from(blocks, (block) => block - first), plan.bound as number);
  const filled = Array.from(rows.keys()).filter((block) => rows[block]! > 0);
  return { sample: sampleOf(losses), blocks: { rows: filled.map((block) => rows[block]!), sums: filled.map((block) => sums[block]!) } };
}

/** Of the losses that are known. */
export function sampleOf(losses: Float64Array): LossSample {
  const known = losses.filter((loss) => !Number.isNaN(loss));
  const mean = known.reduce((sum, loss) => sum + loss, 0) / known.length;
  const squares = known.reduce((sum, loss) => sum + (loss - mean) ** 2, 0);
  return { rows: known.length, mean, variance: known.length < 2 ? 0 : squares / (known.length - 1) };
}

/** An upper bound of the version's mean loss while all is well, wrong with at most the chance `delta`. @returns null where the baseline says too little */
export function lossLimit({ losses, plan }: Pick<ChampionFigures, 'losses' | 'plan'>, delta: number): LossLimit | null {
  if (!losses || plan.bound === null) return null;
  if (plan.dependence === 'rows') return limitOfRows(losses.sample, plan.bound, delta);
  const blocks: BlockSums = { rows: Float64Array.from(losses.blocks.rows), sums: Float64Array.from(losses.blocks.sums) };
  return limitOfBlocks(blocks, Math.sqrt(losses.sample.variance), delta);
}

/** The mean loss while all is well, with the variance of that mean by blocks. Null for fewer than two that differ. */
export function baselineLossMean({ losses }: Pick<ChampionFigures, 'losses'>): LossMean | null {
  const variance = losses && blockVariance(losses);
  return losses && variance ? { mean: losses.sample.mean, variance: variance / losses.blocks.rows.length } : null;
}

/** The standard deviation of the mean loss of a window of that length while all is well: that of the baseline's blocks over the root of how many a window has. Null for fewer than two. */
export function windowLossDeviation({ losses, plan }: Pick<ChampionFigures, 'losses' | 'plan'>, { fromMs, untilMs }: EventStretch): number | null {
  const variance = losses && blockVariance(losses);
  return variance ? Math.sqrt(variance / Math.max(1, (untilMs - fromMs) / plan.blockMs)) : null;
}

/** Of the blocks' mean losses; 0 where they do not differ, or there is one. */
const blockVariance = ({ blocks: { rows, sums } }: BaselineLosses): number => sampleOf(Float64Array.from(rows, (count, block) => sums[block]! / count)).variance;
