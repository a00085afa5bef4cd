import { LEFT_OUT, NO_ROWS, type ReplayPlan, type ReplayRows } from '../contracts/replays.js';
import { firstAtLeast } from '../contracts/time.js';
import { heldOutTest } from '../data/held-out-blocks.js';
import type { ReplayBlock } from '../registry/entities/replay.entity.js';
import { addReplayBlock, isLabelled, judgeReplay, type ReplayState } from './replay-comparison.js';

/** Event time, milliseconds since 1970: [fromMs, untilMs). */
interface TimeRange {
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface BlockPlace extends TimeRange {
  /** From 1. */
  readonly number: number;
}

/** What was logged in a stretch of whole blocks; each list is ordered by event time, in milliseconds since 1970. */
export interface LoggedRows {
  readonly eventTimeMs: Float64Array;
  /** The output of the champion of then, and which version that was. */
  readonly champion: Float32Array;
  readonly championVersion: Float64Array;
  /** NaN: none known. */
  readonly label: Float64Array;
  readonly championLatencyMs: Float32Array;
  /** Predictions that cannot be scored, and why: a place in {@link LEFT_OUT}. */
  readonly left: { readonly eventTimeMs: Float64Array; readonly standing: Float64Array };
}

/** The blocks of a stretch, in their order. */
export function blocksOf({ fromMs, comparison: { blockMs } }: ReplayPlan, stretch: TimeRange & { readonly firstBlock: number }): BlockPlace[] {
  const blocks: BlockPlace[] = [];
  for (let number = stretch.firstBlock; fromMs + (number - 1) * blockMs < stretch.untilMs; number += 1) {
    blocks.push({ number, fromMs: fromMs + (number - 1) * blockMs, untilMs: Math.min(stretch.untilMs, fromMs + number * blockMs) });
  }
  return blocks;
}

/**
 * What the record keeps of a block, and the comparison with it.
 * @param outputs of the version, one for each row that can be scored; NaN: it gave no number
 * @returns null where nothing was observed
 */
export function replayedBlock(plan: ReplayPlan, before: ReplayState, place: BlockPlace, rows: LoggedRows, outputs: Float32Array): Omit<ReplayBlock, 'model' | 'replay' | 'recordedAt'> | null {
  const scored = within(rows.eventTimeMs, place);
  const pairs = scored.filter((row) => !Number.isNaN(outputs[row]!));
  const counted = countRows(plan, place, rows, scored, pairs);
  if (counted.observed === 0) return null;
  const label = Float64Array.from(pairs, (row) => rows.label[row]!);
  const state = addReplayBlock(plan, before, {
    ...place, label, champion: Float32Array.from(pairs, (row) => rows.champion[row]!), challenger: Float32Array.from(pairs, (row) => outputs[row]!),
    // How long the version would have taken to answer is not known.
    championLatencyMs: Float32Array.from(pairs, (row) => rows.championLatencyMs[row]!), challengerLatencyMs: new Float32Array(pairs.length).fill(NaN),
  });
  const standing = judgeReplay(state);
  const labelled = isLabelled(plan, place);
  const missing = label.reduce((count, value) => (Number.isNaN(value) ? count + 1 : count), 0);
  return {
    number: place.number, fromEvent: new Date(place.fromMs), untilEvent: new Date(place.untilMs), rows: counted, champions: countChampions(rows, pairs),
    samples: labelled ? pairs.length - missing : 0, missingLabels: labelled ? missing : 0,
    standing: { labelled: labelled ? { ...standing.labelled } : null, unlabelled: { ...standing.unlabelled } },
    state: state as unknown as ReplayBlock['state'],
  };
}

function countRows(plan: ReplayPlan, place: BlockPlace, rows: LoggedRows, scored: Int32Array, pairs: Int32Array): ReplayRows {
  const wasSeen = seenBy(plan);
  const left = within(rows.left.eventTimeMs, place);
  const counts: Record<keyof ReplayRows, number> = { ...NO_ROWS, observed: scored.length + left.length, pairs: pairs.length, failed: scored.length - pairs.length };
  for (const row of left) counts[LEFT_OUT[rows.left.standing[row]!]!] += 1;
  for (const row of pairs) if (wasSeen(rows.eventTimeMs[row]!)) counts.seenInTraining += 1;
  return counts;
}

/** Whether a row of an event time was among those that the version learnt from. */
function seenBy({ trainingWindow, heldOut }: ReplayPlan): (ms: number) => boolean {
  const [start, end] = [Date.parse(trainingWindow.start), Date.parse(trainingWindow.end)];
  const [from, isHeldOut] = heldOut ? [Date.parse(heldOut.from), heldOutTest(heldOut)] : [end, () => false];
  return (ms) => ms >= start && ms < end && !(ms >= from && isHeldOut(ms));
}

function countChampions(rows: LoggedRows, pairs: Int32Array): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of pairs) counts[rows.championVersion[row]!] = (counts[rows.championVersion[row]!] ?? 0) + 1;
  return counts;
}

/** The places of the rows of a block; the times rise. */
function within(eventTimeMs: Float64Array, { fromMs, untilMs }: TimeRange): Int32Array {
  const from = firstAtLeast(eventTimeMs, fromMs);
  const until = firstAtLeast(eventTimeMs, untilMs);
  return Int32Array.from({ length: until - from }, (_, index) => from + index);
}
