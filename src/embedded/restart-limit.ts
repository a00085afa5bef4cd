const WINDOW_MS = 60_000;
const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;

/**
 * How long to wait before something that ended is started again: 0.2 s, doubled for each restart within the last minute,
 * at most 10 s.
 * @param restartsAtMs when it was started again before
 * @returns milliseconds; undefined when it was restarted `limit` times within the last minute and should be given up.
 */
export function restartDelayMs(restartsAtMs: readonly number[], nowMs: number, limit = 5): number | undefined {
  const recent = restartsAtMs.filter((at) => nowMs - at < WINDOW_MS).length;
  return recent >= limit ? undefined : Math.min(FIRST_DELAY_MS * 2 ** recent, LONGEST_DELAY_MS);
}
