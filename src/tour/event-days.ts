export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const WEEK_MS = 7 * DAY_MS;

/** A day and hour of event time, as in `2013-06-25 05h`. */
export const eventHour = (ms: number): string => `${new Date(ms).toISOString().slice(0, 13).replace('T', ' ')}h`;
export const eventDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
