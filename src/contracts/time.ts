/** A half-open interval of event time, `start` included and `end` not; ISO 8601 in UTC, with milliseconds. */
export interface EventWindow {
  readonly start: string;
  readonly end: string;
}

const DURATION = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

/**
 * Milliseconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds.
 * Months and years have no fixed length and are refused.
 * @returns undefined when the text is not such a duration.
 */
export function durationMs(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (!match || text === 'P' || text.endsWith('T')) return undefined;
  const [weeks, days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number, number, number, number, number,
  ];
  return weeks * WEEK_MS + days * DAY_MS + hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS;
}

/** ISO 8601 in UTC with milliseconds, the one form in which times are stored and hashed. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();

/** The place of the first time that is not before `ms`; as many as there are times where none is. @param times ascending, milliseconds since 1970 */
export function firstAtLeast(times: Float64Array, ms: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}
