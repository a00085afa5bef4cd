import type { WindowCompleteness } from '../contracts/window-assessment.js';
import type { TimeRange } from './observation-rows.js';

/** What is known of a gateway by its lease; wall time, milliseconds since 1970. */
export interface GatewayStanding {
  readonly gateway: string;
  readonly renewedAtMs: number;
  /** It closed and said so; others are running, were killed, or cannot reach the record. */
  readonly ended: boolean;
  /** What it received before is on the record; null where it cannot tell. */
  readonly keptUntilMs: number | null;
}

/** A gateway that fell silent answers on perhaps; after so long without a word nobody waits for it. */
export const SILENT_MS = 86_400_000;

/**
 * Whether all that gateways answered in a window is on the record, as rows that can be read; what they shed is not (the observation log's alarm
 * tells of that).
 * @param received the wall time in which the window's predictions were received
 * @param unconverted segments on the record that may hold rows of the window and are not made into files yet
 */
export function completenessOf(gateways: readonly GatewayStanding[], received: TimeRange, unconverted: number): WindowCompleteness {
  const involved = gateways.filter((one) => mayHaveAnswered(one, received));
  const behind = involved.filter((one) => mayHold(one, received)).map(({ gateway }) => gateway);
  return { complete: behind.length === 0 && unconverted === 0, gateways: involved.length, behind, unconverted };
}

/** One that ended leaves what it could not send, until it starts again. */
const mayHaveAnswered = ({ ended, renewedAtMs }: GatewayStanding, { fromMs }: TimeRange): boolean => renewedAtMs >= (ended ? fromMs : fromMs - SILENT_MS);

const mayHold = ({ ended, renewedAtMs, keptUntilMs }: GatewayStanding, { untilMs }: TimeRange): boolean =>
  keptUntilMs === null || keptUntilMs < (ended ? Math.min(untilMs, renewedAtMs) : untilMs);
