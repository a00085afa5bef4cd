import type { HarmAlarm, HarmStanding } from '../contracts/window-assessment.js';
import { GainSequence, type GainSums } from '../rollout/gain-sequence.js';
import type { BlocksLimit, LossLimit } from './baseline-limit.js';
import { addBets, changeStart, type ChangeEvidence, evidenceOf, startEvidence } from './change-evidence.js';
import { blockBets, rateCount, rowBets } from './loss-bets.js';

/**
 * An alarm that fires only on harm: on a mean loss in production above that of the baseline by more than a tolerance. After
 * Podkopaev & Ramdas, "Tracking the risk of a deployed model and detecting harmful distribution shifts" (ICLR 2022).
 *
 * With u = limit.upper + tolerance, it fires at the end of the first batch where one of these is so:
 * - `runningMean`: the lower confidence sequence of the mean loss since the start (rollout/gain-sequence.ts) exceeds u.
 *   This is their test. It finds harm from the start soonest, but late harm slowly, since it is averaged over all that was;
 * - `change`: the evidence of a change at any time (change-evidence.ts) reaches 1/deltas.change.
 *
 * Controlled: the chance of a false alarm in each year of event time (from `yearFromMs` on) is at most source + running +
 * change. By `source` the baseline's true mean lies above limit.upper. If not, and each row's loss has a conditional mean of at
 * most u given all before, then `runningMean` fires with at most `running` ever, and `change` with at most `change` a year.
 * With dependence `rows` none of it is asymptotic, but a day whose rows share bad luck breaks that condition. There take
 * `blocks`: a block is one observation, and the same is asked of its mean. `runningMean` is asymptotic then, and `change`
 * rests on the variance of blocks being no greater than on the baseline. What rows share over more than a block, such as a
 * bad season that the baseline has not seen, does raise an alarm.
 */
export interface HarmPlan {
  readonly limit: LossLimit;
  /** The greatest loss of a row that is counted; losses lie in [0, bound]. */
  readonly bound: number;
  /** The rise of the mean loss that is no harm, in the loss's unit. Where it and limit.upper reach the bound, nothing can fire. */
  readonly tolerance: number;
  readonly deltas: HarmDeltas;
}

export interface HarmDeltas {
  /** The chance that `limit.upper` was given. */
  readonly source: number;
  readonly running: number;
  /** Of each year. */
  readonly change: number;
}

/** Rows of a stretch of event time; with `blocks` one block, or a part of it. Stretches follow each other, gaps are allowed. */
export interface LossBatch {
  readonly fromMs: number;
  readonly untilMs: number;
  /** With `blocks`: where its block ends; the end of the batch where nothing is said. What comes before that belongs to the same block. */
  readonly blockUntilMs?: number;
  /** By event time. NaN: no label yet. Above the bound, also infinite: the bound. */
  readonly losses: Float64Array;
}

/** The block that goes on in the next batch. It counts once, when it is over. */
interface OpenBlock {
  readonly fromMs: number;
  readonly blockUntilMs: number;
  /** As `running` of the state, with the block's rows. */
  readonly running: GainSums;
  /** Of the losses as they are counted. */
  readonly sum: number;
}

/** JSON of one size, whatever the number of rows. */
export interface HarmState {
  readonly plan: HarmPlan;
  readonly untilMs: number;
  readonly missing: number;
  /** Of each row's loss less the limit; null without any row. */
  readonly running: GainSums | null;
  readonly change: ChangeEvidence;
  /** The first one. The state may be continued after it. */
  readonly alarm: HarmAlarm | null;
  /** With `blocks`: the one that goes on, whose rows count in nothing else yet; states of before lack it. */
  readonly open?: OpenBlock | null;
}

/** Rows at which the running bound is nearly narrowest; within a factor of hundreds it hardly matters. */
const TUNED_FOR = 5_000;
const FEWEST_BLOCKS = 7;

/** Divides a sequence's yearly allowance: half to the baseline's bound, which is paid for by rows, a quarter to each detector. */
export const splitHarmDelta = (yearly: number): HarmDeltas => ({ source: yearly / 2, running: yearly / 4, change: yearly / 4 });

/**
 * @param yearFromMs where years of event time are counted from: `yearFromMs` of the budget that the allowance is of
 * @throws RangeError where the plan makes no sense
 */
export function startHarm(plan: HarmPlan, yearFromMs: number): HarmState {
  const { limit, bound, tolerance, deltas } = plan;
  if (!(bound > 0 && bound < Infinity)) throw new RangeError(`the bound ${bound} must be greater than 0`);
  if (!(tolerance >= 0 && tolerance < Infinity)) throw new RangeError(`the tolerance ${tolerance} must be at least 0`);
  if (!(limit.upper > 0)) throw new RangeError(`the limit ${limit.upper} must be greater than 0`);
  for (const delta of [deltas.running, deltas.change]) if (!(delta > 0 && delta < 0.5)) throw new RangeError(`the delta ${delta} must lie between 0 and 0.5`);
  return { plan, untilMs: yearFromMs, missing: 0, running: null, change: startEvidence(rateCount(limit.dependence), yearFromMs), alarm: null };
}

/**
 * Adds the next batch. A batch without a label changes nothing but the count of missing ones.
 * @throws RangeError where it begins before the last one ended, or a loss is below 0
 */
export function addBatch(state: HarmState, batch: LossBatch): HarmState {
  const { fromMs, untilMs, losses } = batch;
  if (!(fromMs >= state.untilMs && untilMs > fromMs)) throw new RangeError(`a batch from ${fromMs} to ${untilMs} does not follow ${state.untilMs}`);
  const { plan } = state;
  const known = labelled(losses, plan.bound);
  if (plan.limit.dependence === 'blocks') return addToBlock(state, batch, known);
  const next = counted(state, batch, known);
  if (known.length === 0) return next;
  const sequence = sequenceOf(plan, state.running);
  addRows(plan, sequence, known);
  sequence.closeBlock();
  return withAlarm({ ...next, running: sequence.sums(), change: addBets(state.change, fromMs, untilMs, rowBets(known, limitOf(plan))) });
}

/** A block that an earlier batch began goes on; it is one observation, however many windows it is cut into. */
function addToBlock(state: HarmState, batch: LossBatch, known: Float64Array): HarmState {
  const before = state.open && batch.fromMs >= state.open.blockUntilMs ? closeBlock(state, state.open) : state;
  const open = known.length > 0 ? grown(before, batch, known) : (before.open ?? null);
  const next = { ...counted(before, batch, known), open };
  return open && batch.untilMs >= open.blockUntilMs ? closeBlock(next, open) : next;
}

function grown({ plan, running, open }: HarmState, { fromMs, untilMs, blockUntilMs = untilMs }: LossBatch, known: Float64Array): OpenBlock {
  const sequence = sequenceOf(plan, open?.running ?? running);
  addRows(plan, sequence, known);
  return { fromMs: open?.fromMs ?? fromMs, blockUntilMs, running: sequence.sumsWithinBlock(), sum: known.reduce((sum, loss) => sum + loss, open?.sum ?? 0) };
}

const counted = (state: HarmState, { untilMs, losses }: LossBatch, known: Float64Array): HarmState => ({ ...state, untilMs, missing: state.missing + losses.length - known.length });

function closeBlock(state: HarmState, { fromMs, running: within, sum }: OpenBlock): HarmState {
  const { plan, untilMs } = state;
  const rows = within.open![0];
  const sequence = sequenceOf(plan, within);
  sequence.closeBlock();
  const change = addBets(state.change, fromMs, untilMs, blockBets(sum / rows, rows, limitOf(plan), plan.limit as BlocksLimit));
  return withAlarm({ ...state, running: sequence.sums(), change, open: null });
}

const withAlarm = (state: HarmState): HarmState => ({ ...state, alarm: state.alarm ?? alarmOf(state) });

/**
 * The state after all batches, in order of event time. Labels that come late change a batch of the past: what follows must be
 * computed again, from the state before that batch or from the start, and is then the same as if they had come in time.
 * Only a final batch counts once: each look at one whose labels still come in is another chance of a false alarm.
 */
export const harmOver = (plan: HarmPlan, yearFromMs: number, batches: readonly LossBatch[]): HarmState => batches.reduce(addBatch, startHarm(plan, yearFromMs));

export function harmFigures(state: HarmState): HarmStanding {
  const { plan, running, missing, change, alarm } = state;
  return {
    rows: running?.n ?? 0, missing, mean: running && Math.max(0, limitOf(plan) + running.mean), lower: lowerOf(plan, running), limit: limitOf(plan),
    evidence: evidenceOf(change), threshold: 1 / plan.deltas.change, alarm,
  };
}

const limitOf = ({ limit, tolerance }: HarmPlan): number => limit.upper + tolerance;

function alarmOf({ plan, untilMs, running, change }: HarmState): HarmAlarm | null {
  const changed = evidenceOf(change) >= 1 / plan.deltas.change;
  if (!changed && !(running && sequenceOf(plan, running).isBetter())) return null;
  return { atMs: untilMs, by: changed ? 'change' : 'runningMean', sinceMs: changeStart(change) };
}

function labelled(losses: Float64Array, bound: number): Float64Array {
  const known = losses.filter((loss) => !Number.isNaN(loss));
  for (let row = 0; row < known.length; row++) {
    if (known[row]! < 0) throw new RangeError(`a loss of ${known[row]!} is below 0`);
    known[row] = Math.min(known[row]!, bound);
  }
  return known;
}

/** What is summed up is the excess over the limit: whether its mean lies above 0 is told quicker than where its bound is. */
function addRows(plan: HarmPlan, sequence: GainSequence, losses: Float64Array): void {
  const limit = limitOf(plan);
  for (const loss of losses) sequence.add(loss - limit, -limit, plan.bound - limit);
}

function lowerOf(plan: HarmPlan, running: GainSums | null): number | null {
  const interval = running && sequenceOf(plan, running).interval();
  return interval && Math.max(0, limitOf(plan) + interval.low);
}

/** A gain sequence is two-sided: with twice the delta each of its sides has delta. */
const sequenceOf = ({ limit, deltas }: HarmPlan, sums: GainSums | null): GainSequence => new GainSequence({
  method: 'empirical-bernstein', alpha: 2 * deltas.running, minimumSamples: 1, dependence: limit.dependence, minimumBlocks: FEWEST_BLOCKS,
  // A baseline without any spread still leaves the width of its bound.
  tunedFor: TUNED_FOR, assumedDeviation: Math.max(limit.deviation, limit.upper - limit.mean),
}, sums ?? undefined);
