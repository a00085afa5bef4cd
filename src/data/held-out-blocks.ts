import type { HeldOut } from '../contracts/artifacts.js';
import { durationMs } from '../contracts/time.js';

/** Blocks repeat in cycles of `every`, of which the last one is held out. */
interface Cycle {
  readonly lengthMs: number;
  /** From its beginning to that of the block held out. */
  readonly trainedMs: number;
}

function cycleOf({ every, block }: HeldOut): Cycle {
  // The spec's schema has let only durations through.
  const blockMs = durationMs(block) as number;
  return { lengthMs: every * blockMs, trainedMs: (every - 1) * blockMs };
}

/** How far a time is into its cycle; before 1970 too, where a remainder is negative. */
const placeIn = ({ lengthMs }: Cycle, ms: number): number => ((ms % lengthMs) + lengthMs) % lengthMs;

/** Whether an event time, in milliseconds since 1970, lies in a block that is held out. */
export function heldOutTest(heldOut: HeldOut): (ms: number) => boolean {
  const cycle = cycleOf(heldOut);
  return (ms) => placeIn(cycle, ms) >= cycle.trainedMs;
}

/** The same in SQL, to the microsecond. @param time an expression of a TIMESTAMP in UTC */
export function heldOutCondition(heldOut: HeldOut, time: string): string {
  const { lengthMs, trainedMs } = cycleOf(heldOut);
  const length = `${lengthMs}000::BIGINT`;
  return `(epoch_us(${time}) % ${length} + ${length}) % ${length} >= ${trainedMs}000::BIGINT`;
}

/**
 * Where, at the end of a window, the last stretch that trains ends, and the last one that judges: milliseconds since 1970.
 * @param endMs of the window, which is not shorter than a cycle
 */
export function lastEnds(heldOut: HeldOut, endMs: number): { readonly train: number; readonly evaluation: number } {
  const cycle = cycleOf(heldOut);
  const place = placeIn(cycle, endMs);
  if (place === 0) return { train: endMs - (cycle.lengthMs - cycle.trainedMs), evaluation: endMs };
  return place <= cycle.trainedMs ? { train: endMs, evaluation: endMs - place } : { train: endMs - (place - cycle.trainedMs), evaluation: endMs };
}
