import { PerennialError } from '../contracts/failures.js';
import { distributionBound } from './distribution-bound.js';
import { shareInterval, type ShareInterval } from './share-sequence.js';

/** What may be compared before labels come. Each figure has its own confidence sequence at 1 − alpha; together they err more often. */
export interface UnlabelledPlan {
  /** Two outputs agree when both are at or above it, or both below; null: when they differ by at most `tolerance`. */
  readonly threshold: number | null;
  readonly tolerance: number;
  /** Milliseconds; an answer that takes longer is slow. */
  readonly slowAfterMs: number;
  readonly alpha: number;
  /** Rows from which the bound on the distributions holds, and for which the shares are tuned. */
  readonly minimumSamples: number;
}

/** Rows that both versions answered, labelled or not. */
export interface UnlabelledBlock {
  readonly champion: Float32Array | Float64Array;
  readonly challenger: Float32Array | Float64Array;
  /** Milliseconds; NaN where it was not measured. */
  readonly championLatencyMs: Float32Array | Float64Array;
  readonly challengerLatencyMs: Float32Array | Float64Array;
}

export interface UnlabelledState {
  readonly plan: UnlabelledPlan;
  readonly rows: number;
  readonly agreed: number;
  readonly champion: SideCounts;
  readonly challenger: SideCounts;
  /** Rising; at most 129 outputs of the first block, where the distributions are compared. Null: no rows yet. */
  readonly edges: readonly number[] | null;
}

interface SideCounts {
  readonly timed: number;
  readonly slow: number;
  /** Outputs that are no number; they lie beyond every edge. */
  readonly invalid: number;
  /** Rows below and then rows at or below each edge, edge after edge. */
  readonly upTo: readonly number[];
}

export interface UnlabelledJudgement {
  readonly rows: number;
  /** Share of rows on which both decide the same. */
  readonly agreement: ShareInterval;
  readonly slow: { readonly champion: ShareInterval & { timed: number }; readonly challenger: ShareInterval & { timed: number } };
  readonly invalid: { readonly champion: number; readonly challenger: number };
  /** Kolmogorov–Smirnov distance of the outputs' distributions; null without rows. */
  readonly outputs: { readonly distance: number; readonly low: number; readonly high: number } | null;
}

const EDGES = 129;

export function startUnlabelled(plan: UnlabelledPlan): UnlabelledState {
  const none: SideCounts = { timed: 0, slow: 0, invalid: 0, upTo: [] };
  return { plan, rows: 0, agreed: 0, champion: none, challenger: none, edges: null };
}

/** @throws PerennialError `InvalidRequest` for arrays of unequal length */
export function addUnlabelled(state: UnlabelledState, block: UnlabelledBlock): UnlabelledState {
  const { champion, challenger, championLatencyMs, challengerLatencyMs } = block;
  const rows = champion.length;
  if ([challenger, championLatencyMs, challengerLatencyMs].some(({ length }) => length !== rows)) {
    throw new PerennialError('InvalidRequest', `A block needs two outputs and two latencies (or NaN) for each row; it has ${rows}, ${challenger.length}, ${championLatencyMs.length} and ${challengerLatencyMs.length}`);
  }
  if (rows === 0) return state;
  const edges = state.edges ?? edgesOf(champion, challenger);
  let agreed = state.agreed;
  for (let row = 0; row < rows; row++) if (agree(state.plan, champion[row]!, challenger[row]!)) agreed += 1;
  const add = (side: SideCounts, outputs: UnlabelledBlock['champion'], latencies: UnlabelledBlock['champion']): SideCounts =>
    addSide(side, outputs, latencies, edges, state.plan.slowAfterMs);
  return {
    plan: state.plan, rows: state.rows + rows, agreed, edges,
    champion: add(state.champion, champion, championLatencyMs), challenger: add(state.challenger, challenger, challengerLatencyMs),
  };
}

/**
 * Agreement and slow answers: share-sequence.ts. Outputs: both empirical distributions lie within the time-uniform bound of
 * distribution-bound.ts at alpha/2, so that their distance lies within twice that; between two edges it is bounded by what
 * lies there. The bound takes rows for independent draws, of which each version's outputs have one distribution: where the
 * traffic shifts, both shift, and the distance is that of the mixtures.
 */
export function judgeUnlabelled({ plan, rows, agreed, champion, challenger, edges }: UnlabelledState): UnlabelledJudgement {
  const share = (trials: number, successes: number): ShareInterval => shareInterval({ trials, successes }, plan.alpha, plan.minimumSamples);
  return {
    rows,
    agreement: share(rows, agreed),
    slow: {
      champion: { ...share(champion.timed, champion.slow), timed: champion.timed },
      challenger: { ...share(challenger.timed, challenger.slow), timed: challenger.timed },
    },
    invalid: { champion: champion.invalid, challenger: challenger.invalid },
    outputs: edges && distanceOf(champion.upTo, challenger.upTo, rows, 2 * distributionBound(rows, plan.minimumSamples, plan.alpha / 2)),
  };
}

function distanceOf(a: readonly number[], b: readonly number[], rows: number, reach: number): { distance: number; low: number; high: number } {
  let least = 0;
  let most = 0;
  for (let at = 0; at < a.length; at++) least = Math.max(least, Math.abs(a[at]! - b[at]!));
  // Between an edge and the next, each distribution rises from the one count to the other at places that are not known.
  for (let at = 0; at <= a.length; at += 2) {
    const [aFrom, bFrom] = at === 0 ? [0, 0] : [a[at - 1]!, b[at - 1]!];
    const [aTo, bTo] = at === a.length ? [rows, rows] : [a[at]!, b[at]!];
    most = Math.max(most, aTo - bFrom, bTo - aFrom);
  }
  return { distance: least / rows, low: Math.max(0, least / rows - reach), high: Math.min(1, Math.max(least, most) / rows + reach) };
}

const agree = ({ threshold, tolerance }: UnlabelledPlan, champion: number, challenger: number): boolean =>
  threshold === null ? Math.abs(champion - challenger) <= tolerance : isNumber(champion, challenger) && champion >= threshold === challenger >= threshold;

const isNumber = (champion: number, challenger: number): boolean => !Number.isNaN(champion) && !Number.isNaN(challenger);

/** Quantiles of both versions' outputs together. Any edges will do: the bound holds at all x at once. */
function edgesOf(champion: UnlabelledBlock['champion'], challenger: UnlabelledBlock['champion']): number[] {
  const both = Float64Array.from([...champion, ...challenger].filter((output) => !Number.isNaN(output))).sort();
  if (both.length === 0) return [0];
  const chosen = Array.from({ length: EDGES }, (_, index) => both[Math.round((index * (both.length - 1)) / (EDGES - 1))]!);
  return [...new Set(chosen)].filter(Number.isFinite);
}

function addSide(side: SideCounts, outputs: UnlabelledBlock['champion'], latencies: UnlabelledBlock['champion'], edges: readonly number[], slowAfterMs: number): SideCounts {
  const cells = new Float64Array(2 * edges.length + 1);
  let [timed, slow, invalid] = [side.timed, side.slow, side.invalid];
  for (let row = 0; row < outputs.length; row++) {
    const output = outputs[row]!;
    if (Number.isNaN(output)) invalid += 1;
    cells[cellOf(edges, output)]! += 1;
    if (!Number.isNaN(latencies[row]!)) timed += 1;
    if (latencies[row]! > slowAfterMs) slow += 1;
  }
  let total = 0;
  return { timed, slow, invalid, upTo: Array.from(cells.subarray(0, -1), (count, at) => (side.upTo[at] ?? 0) + (total += count)) };
}

/** 2 j for what lies between edge j − 1 and edge j, 2 j + 1 for what lies on edge j; NaN lies beyond them all. */
function cellOf(edges: readonly number[], output: number): number {
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! >= output) high = middle;
    else low = middle + 1;
  }
  return edges[low] === output ? 2 * low + 1 : 2 * low;
}
