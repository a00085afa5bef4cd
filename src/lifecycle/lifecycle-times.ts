/** When things happened that a portfolio is measured by; milliseconds since 1970. */
export interface LifecycleMoments {
  /** When the first spec of a model was applied and its first champion came. */
  readonly productions: readonly { readonly appliedMs: number; readonly servedMs: number }[];
  /** Of an alarm of a window: where the harm began, or else the window ended; when the alarm was raised; and when the champion changed after it, null where it did not before the alarm ended. */
  readonly alarms: readonly { readonly beganMs: number | null; readonly raisedMs: number; readonly restoredMs: number | null }[];
}

/** A median with how many it is of; null of none. */
export interface MedianTime {
  readonly medianMs: number | null;
  readonly of: number;
}

export interface LifecycleTimes {
  readonly toProduction: MedianTime;
  readonly toDetect: MedianTime;
  readonly toRestore: MedianTime;
}

/**
 * How long it takes until a model serves, until what is wrong is noticed, and until another version answers then. An alarm without a beginning (a window of a past
 * that was replayed) counts for no detection, one after which the champion stayed for no restoration.
 */
export function lifecycleTimes({ productions, alarms }: LifecycleMoments): LifecycleTimes {
  return {
    toProduction: median(productions.map(({ appliedMs, servedMs }) => servedMs - appliedMs)),
    toDetect: median(alarms.flatMap(({ beganMs, raisedMs }) => (beganMs === null || raisedMs < beganMs ? [] : [raisedMs - beganMs]))),
    toRestore: median(alarms.flatMap(({ raisedMs, restoredMs }) => (restoredMs === null ? [] : [restoredMs - raisedMs]))),
  };
}

/** The mean of the two in the middle where their number is even. */
function median(values: readonly number[]): MedianTime {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return { medianMs: null, of: 0 };
  return { medianMs: sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2, of: sorted.length };
}
