/** A stretch of event time, milliseconds since 1970; `untilMs` does not belong to it. */
export interface EventStretch {
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * The window that holds a moment: windows of one length lie side by side, counted from 1970, so that those of a day are the days in UTC.
 * @param afterMs the end of the window before, where there is one. Windows never overlap, also where their length has changed: the first one of
 * a new length may be shorter.
 */
export function windowAt(momentMs: number, lengthMs: number, afterMs: number | null): EventStretch {
  const fromMs = Math.floor(momentMs / lengthMs) * lengthMs;
  return { fromMs: Math.max(fromMs, afterMs ?? fromMs), untilMs: fromMs + lengthMs };
}
