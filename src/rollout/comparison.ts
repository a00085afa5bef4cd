/**
 * The paired comparison of challenger and champion on labelled rows, valid at any time.
 *
 * **What is estimated.** The gain of a row is the champion's loss less the challenger's, on the same row. The estimand is the
 * average conditional gain over the rows that came, (1/n) Σ E[d_i | the rows before and both outputs on row i] (Choe &
 * Ramdas, "Comparing sequential forecasters", arXiv 2110.00115). It makes no assumption that rows are alike or
 * independent: it speaks of what happened, and moves as the world does. Rows are taken in order of event time; looking
 * after every block, stopping at will and going on again keep the error rate alpha.
 *
 * **What it does not promise.** That the challenger stays better tomorrow. That it is better on rows whose label is missing:
 * if labels go missing because of what they would have said, the rows left are not a fair sample, which is why their share is
 * told beside each outcome. Rows of one day share their fate; part of the gain of those days is then luck of the days, which
 * the average conditional gain counts as real. With `dependence: 'blocks'` (the default) both intervals are at least as wide
 * as the blocks' own scatter says, which holds for many blocks, not for a few; with `rows` neither is. The asymptotic form is
 * right in the limit only, from `minimumSamples` on. A label that comes before its horizon is not waited for with the others, so it must not enter: a
 * block is added when the horizon of its last row has passed, and all of its pairs at once.
 */
import type { ComparisonPlan } from './comparison-plan.js';
import { planDigest } from './comparison-plan.js';
import { PerennialError } from '../contracts/failures.js';
import { GainSequence, type GainSums, type Interval } from './gain-sequence.js';
import { rowGain, type RowGain } from './row-gain.js';

/** Pairs of a closed block, by event time and then prediction id. */
export interface PairBlock {
  /** Event time, milliseconds since 1970: [fromMs, untilMs). Blocks come in order and do not overlap. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Outputs: the probability of the positive class, or the prediction. */
  readonly champion: Float32Array | Float64Array;
  readonly challenger: Float32Array | Float64Array;
  /** 0 or 1, or the number that was predicted; NaN: missing. */
  readonly label: Float32Array | Float64Array;
}

/** Carried from block to block: JSON-serialisable and of one size, however many rows it has seen. */
export interface ComparisonState {
  readonly plan: ComparisonPlan;
  readonly planDigest: string;
  readonly blocks: number;
  /** Where the last block ended; null before the first. */
  readonly untilMs: number | null;
  readonly rows: number;
  /** Rows without a label; they enter no figure but this one. */
  readonly missing: number;
  /** Labelled rows on which an output was no number, or no probability where one is due: the loss is the bound. */
  readonly invalid: { readonly champion: number; readonly challenger: number };
  readonly championLoss: number;
  readonly challengerLoss: number;
  readonly gains: GainSums;
  readonly running: Interval | null;
}

export type ComparisonOutcome = 'better' | 'not-worse' | 'worse' | 'inconclusive';

export interface Judgement {
  readonly planDigest: string;
  readonly blocks: number;
  readonly untilMs: number | null;
  readonly rows: number;
  /** Pairs with a label. */
  readonly n: number;
  readonly missing: number;
  /** Of all rows, 0 to 1; null without rows. */
  readonly missingShare: number | null;
  readonly invalid: { readonly champion: number; readonly challenger: number };
  /** Mean losses over the labelled pairs, in the metric's unit; null without any. */
  readonly championLoss: number | null;
  readonly challengerLoss: number | null;
  /** Mean gain and its confidence sequence at 1 − alpha; bounds are null while the method does not count yet. */
  readonly gain: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** All intervals so far, intersected: narrower, and right only if the gain stands still. No outcome rests on it. */
  readonly running: Interval | null;
  /** Null: it may go on. */
  readonly outcome: ComparisonOutcome | null;
  readonly explanation: string;
}

export function startComparison(plan: ComparisonPlan): ComparisonState {
  return {
    plan, planDigest: planDigest(plan), blocks: 0, untilMs: null, rows: 0, missing: 0, invalid: { champion: 0, challenger: 0 },
    championLoss: 0, challengerLoss: 0, gains: new GainSequence(plan).sums(), running: null,
  };
}

/**
 * The state after one more block; the given state is left as it was.
 * @throws PerennialError `InvalidRequest` for a block that is not the next one, arrays of unequal length, or a label that
 *   the metric cannot judge
 */
export function addBlock(state: ComparisonState, block: PairBlock): ComparisonState {
  requireNext(state, block);
  const { metric, bound } = state.plan;
  const sequence = new GainSequence(state.plan, state.gains);
  const row: RowGain = { gain: 0, low: 0, high: 0, championLoss: 0, challengerLoss: 0 };
  const added = { missing: 0, champion: 0, challenger: 0, championLoss: 0, challengerLoss: 0 };
  for (let index = 0; index < block.label.length; index++) {
    const label = block.label[index]!;
    if (Number.isNaN(label)) {
      added.missing += 1;
      continue;
    }
    requireLabel(state.plan, label, index);
    const [champion, challenger] = [block.champion[index]!, block.challenger[index]!];
    rowGain(metric, bound, champion, challenger, label, row);
    sequence.add(row.gain, row.low, row.high);
    added.championLoss += row.championLoss;
    added.challengerLoss += row.challengerLoss;
    if (!isAnswer(state.plan, champion)) added.champion += 1;
    if (!isAnswer(state.plan, challenger)) added.challenger += 1;
  }
  sequence.closeBlock();
  return {
    ...state,
    blocks: state.blocks + 1,
    untilMs: block.untilMs,
    rows: state.rows + block.label.length,
    missing: state.missing + added.missing,
    invalid: { champion: state.invalid.champion + added.champion, challenger: state.invalid.challenger + added.challenger },
    championLoss: state.championLoss + added.championLoss,
    challengerLoss: state.challengerLoss + added.challengerLoss,
    gains: sequence.sums(),
    running: intersect(state.running, sequence.interval()),
  };
}

/** What may be said now. The outcomes are looked for in the order better, not worse, worse; see `outcomeOf`. */
export function judge(state: ComparisonState): Judgement {
  const { plan, rows, missing, gains: { n } } = state;
  const sequence = new GainSequence(plan, state.gains);
  const interval = clip(sequence.interval(), plan.bound);
  const outcome = outcomeOf(plan, n, interval);
  const figures = {
    planDigest: state.planDigest, blocks: state.blocks, untilMs: state.untilMs, rows, n, missing,
    missingShare: rows === 0 ? null : missing / rows,
    invalid: state.invalid,
    championLoss: n === 0 ? null : state.championLoss / n,
    challengerLoss: n === 0 ? null : state.challengerLoss / n,
    gain: sequence.estimate, low: interval?.low ?? null, high: interval?.high ?? null,
    running: clip(state.running, plan.bound), outcome,
  };
  return { ...figures, explanation: explain(plan, figures) };
}

/**
 * `better`: the interval lies above 0. `not-worse`: above −margin, so that what may be lost is less than matters; with
 * margin 0 there is no such outcome. `worse`: below 0. `inconclusive`: none of these at `maximumSamples`. None is given before
 * `minimumSamples`.
 */
function outcomeOf(plan: ComparisonPlan, n: number, interval: Interval | null): ComparisonOutcome | null {
  if (n < plan.minimumSamples) return null;
  if (interval && interval.low > 0) return 'better';
  if (interval && interval.low > -plan.margin) return 'not-worse';
  if (interval && interval.high < 0) return 'worse';
  return n >= plan.maximumSamples ? 'inconclusive' : null;
}

/** From the worst upwards; null (it may go on) stands between what stops and what promotes. */
const ORDER: readonly (ComparisonOutcome | null)[] = ['worse', 'inconclusive', null, 'not-worse', 'better'];

/**
 * The outcome when a comparison was made again, from all blocks, after labels came late or were corrected: the lesser of the
 * two. A revised analysis can so demote a challenger and never promote it, and however many there are, a false promotion
 * needs one by the first analysis, whose rate is bounded.
 */
export function combine(primary: ComparisonOutcome | null, revised: ComparisonOutcome | null): ComparisonOutcome | null {
  return ORDER.indexOf(revised) < ORDER.indexOf(primary) ? revised : primary;
}

function explain(plan: ComparisonPlan, { n, gain, low, high, missingShare, outcome, blocks }: Omit<Judgement, 'explanation'>): string {
  if (gain === null) return `no labelled pair yet in ${blocks} ${blocks === 1 ? 'block' : 'blocks'}`;
  const bounds = low === null || high === null ? 'no interval yet' : `${figure(low)} to ${figure(high)} at ${figure(100 * (1 - plan.alpha))} %`;
  const missing = missingShare ? `; ${figure(100 * missingShare)} % of rows have no label` : '';
  return `${NAMES[outcome ?? 'open']}: mean gain in ${plan.metric} ${figure(gain)} (${bounds}, margin ${figure(plan.margin)}) over ${n} pairs in ${blocks} ${blocks === 1 ? 'block' : 'blocks'}${missing}`;
}

const NAMES = { better: 'better', 'not-worse': 'not worse', worse: 'worse', inconclusive: 'inconclusive', open: 'undecided' } as const;

const figure = (value: number): string => String(Number(value.toPrecision(4)));

function intersect(before: Interval | null, now: Interval | null): Interval | null {
  if (before === null || now === null) return before ?? now;
  return { low: Math.max(before.low, now.low), high: Math.min(before.high, now.high) };
}

const clip = (interval: Interval | null, bound: number): Interval | null =>
  interval && { low: Math.max(-bound, interval.low), high: Math.min(bound, interval.high) };

const isAnswer = ({ metric }: ComparisonPlan, output: number): boolean =>
  metric === 'absoluteError' ? Number.isFinite(output) : output >= 0 && output <= 1;

function requireNext({ untilMs }: ComparisonState, block: PairBlock): void {
  const { fromMs, champion, challenger, label } = block;
  if (!(block.untilMs > fromMs)) throw invalid(`A block must end after it begins, not run from ${fromMs} to ${block.untilMs} ms`);
  if (untilMs !== null && fromMs < untilMs) {
    throw invalid(`The block from ${new Date(fromMs).toISOString()} begins before ${new Date(untilMs).toISOString()}, where the last one ended; add each block once, in order`);
  }
  if (champion.length !== label.length || challenger.length !== label.length) {
    throw invalid(`A block needs both outputs and a label (or NaN) for each row; it has ${champion.length}, ${challenger.length} and ${label.length}`);
  }
}

function requireLabel({ metric }: ComparisonPlan, label: number, row: number): void {
  const fits = metric === 'absoluteError' ? Number.isFinite(label) : label === 0 || label === 1;
  if (!fits) throw invalid(`Row ${row} of the block has the label ${label}; ${metric} needs ${metric === 'absoluteError' ? 'a finite number' : '0 or 1'}, or NaN where there is none`);
}

const invalid = (message: string): PerennialError => new PerennialError('InvalidRequest', message);
