import { canonicalJson } from '../contracts/canonical.js';
import { isoTime } from '../contracts/time.js';
import type { HarmStanding } from '../contracts/window-assessment.js';
import type { HarmFiguresOfWindow, HarmPoint } from '../contracts/window-assessment-report.js';
import type { WindowVerdict } from '../contracts/window-summary.js';
import { changeBudget, endSequence, type HarmBudget, startBudget, startSequence } from './alarm-budget.js';
import type { LossLimit } from './baseline-limit.js';
import { type ChampionFigures, lossLimit } from './champion-figures.js';
import { addBatch, harmFigures, type HarmState, type LossBatch, splitHarmDelta, startHarm } from './harm-sequence.js';
import type { EventStretch } from './window-grid.js';

/** Where the evidence of harm in a deployment stands after a window; JSON of one size. */
export interface HarmMemory {
  readonly budget: HarmBudget;
  /** Of false alarms in a year, in expectation, that this sequence may raise. */
  readonly allowance: number;
  readonly sequence: HarmSequence;
  readonly state: HarmState;
}

export interface HarmSequence {
  /** Such as `v3@2013-04-01T00:00:00.000Z`: the version, and the window in which it began. */
  readonly id: string;
  readonly version: number;
  /** How losses are counted, and what of their rise is no harm. */
  readonly terms: string;
}

export interface HarmTerms {
  /** Of `monitoring.falseAlarms` and `monitoring.tolerance` of the spec in force. */
  readonly falseAlarms: number;
  readonly tolerance: number;
  /** Of `falseAlarms`, the deployment's (harm-budgets.ts). It is spent when a sequence starts; one that runs goes on under what it was given. */
  readonly share: number;
}

/** What losses are held against. */
export type HarmFigures = Pick<ChampionFigures, 'version' | 'snapshot' | 'plan' | 'losses'>;

export interface HarmWindow extends EventStretch {
  readonly figures: HarmFigures;
  /** An upper bound of the mean loss while all is well, wrong with at most the chance `delta`; by default that of the figures. */
  readonly limitAt?: (delta: number) => LossLimit | null;
  readonly terms: HarmTerms;
  /** Losses of the version's rows by event time, NaN where a label is missing; one for each time. */
  readonly losses: Float64Array;
  readonly eventTimesMs: Float64Array;
  /** The alarm of the sequence so far was ended by a person: what was harm then is looked for anew. */
  readonly resolved: boolean;
}

export interface HarmCourse extends HarmFiguresOfWindow {
  readonly memory: HarmMemory;
}

/**
 * Goes on with the evidence of harm (harm-sequence.ts) by one window. A version has a sequence of its own against its own baseline, with an
 * allowance from the deployment's yearly budget (alarm-budget.ts); a new one begins with another version, with other terms, and after a
 * person has resolved its alarm. What the year has spent stays spent, also where the budget changes.
 * @param before after the window before; null for the first
 * @returns null where the baseline has too few rows or blocks to bound the version's loss
 */
export function followHarm(before: HarmMemory | null, window: HarmWindow): HarmCourse | null {
  const began = beginningOf(before, window);
  const started = began === null ? before : start(before, window);
  if (!started) return null;
  const course: HarmPoint[] = [];
  let { state } = started;
  for (const batch of batchesOf(window)) {
    state = addBatch(state, batch);
    course.push(pointOf(state, batch));
  }
  return { began, allowance: started.allowance, standing: harmFigures(state), course, memory: { ...started, state } };
}

/** Whether losses speak for harm now; an alarm may have come before. */
export const isHarmful = ({ evidence, threshold, lower, limit }: HarmStanding): boolean => evidence >= threshold || (lower !== null && lower > limit);

/** A window whose losses lie above where harm begins is no pass, also while the evidence is not enough. */
export function harmVerdict(course: Pick<HarmCourse, 'standing'> | null, meanLoss: number | null): WindowVerdict['verdict'] {
  if (!course || meanLoss === null) return 'inconclusive';
  if (isHarmful(course.standing)) return 'fail';
  return meanLoss <= course.standing.limit ? 'pass' : 'inconclusive';
}

function beginningOf(before: HarmMemory | null, { figures, terms, resolved }: HarmWindow): HarmFiguresOfWindow['began'] {
  if (!before) return 'first';
  if (before.sequence.version !== figures.version) return 'version';
  if (before.sequence.terms !== termsOf(figures, terms)) return 'plan';
  return resolved ? 'resolved' : null;
}

function start(before: HarmMemory | null, { figures, terms, fromMs, limitAt = (delta) => lossLimit(figures, delta) }: HarmWindow): HarmMemory | null {
  const yearly = terms.falseAlarms * terms.share;
  const kept = before ? changeBudget(endSequence(before.budget, before.sequence.id, fromMs), yearly) : startBudget(yearly, fromMs);
  const id = `v${figures.version}@${isoTime(fromMs)}`;
  const { budget, allowance } = startSequence(kept, id, fromMs);
  const deltas = splitHarmDelta(allowance);
  const limit = limitAt(deltas.source);
  if (!limit || figures.plan.bound === null) return null;
  const state = startHarm({ limit, bound: figures.plan.bound, tolerance: terms.tolerance * limit.mean, deltas }, budget.yearFromMs);
  return { budget, allowance, sequence: { id, version: figures.version, terms: termsOf(figures, terms) }, state };
}

/** Without the share: in evidence of before deployments shared a budget there is none. */
const termsOf = ({ plan, snapshot }: HarmFigures, { tolerance, falseAlarms }: HarmTerms): string => canonicalJson({ plan, snapshot, tolerance, falseAlarms });

/** Block by block, as far as the window holds them; those without rows are left out. */
function* batchesOf({ figures: { plan }, losses, eventTimesMs, fromMs, untilMs }: HarmWindow): Generator<LossBatch> {
  const { blockMs } = plan;
  for (let start = 0; start < losses.length;) {
    const block = Math.floor(eventTimesMs[start]! / blockMs);
    let end = start + 1;
    while (end < losses.length && Math.floor(eventTimesMs[end]! / blockMs) === block) end += 1;
    const blockUntilMs = (block + 1) * blockMs;
    yield { fromMs: Math.max(fromMs, block * blockMs), untilMs: Math.min(untilMs, blockUntilMs), blockUntilMs, losses: losses.subarray(start, end) };
    start = end;
  }
}

function pointOf(state: HarmState, { fromMs, losses }: LossBatch): HarmPoint {
  const known = losses.filter((loss) => !Number.isNaN(loss));
  const { lower, evidence } = harmFigures(state);
  return { from: isoTime(fromMs), rows: known.length, mean: known.length === 0 ? null : known.reduce((sum, loss) => sum + loss, 0) / known.length, lower, evidence };
}
