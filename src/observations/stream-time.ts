/** Rows that one row in twenty, or fewer, differ from the others move no time: a caller's clock may be wrong. */
export const STRAY_SHARE = 0.05;

/** Files of a deployment, the last ones received, by whose rows its stream time goes: so few that the newest one, of a size with the others, is never taken for stray. */
export const STREAM_FILES = 10;

/**
 * How far a deployment's event time has come, in milliseconds since 1970. In production that is the clock; while recorded
 * traffic is replayed faster it follows the replay. A prediction that claims to come from the future does not carry it past the
 * clock, and a few that are asked live during a replay do not end the replay.
 * @param leadMs event time − received at, as {@link reachedLead} has it over the deployment's latest files; null where there are none
 * @returns null where nothing was observed
 */
export const streamTime = (leadMs: number | null, nowMs: number): number | null => (leadMs === null ? null : nowMs + Math.min(0, leadMs));

/** Whether every label of the event time before `untilMs` has had its horizon: the maturity watermark has passed. */
export const isMature = (untilMs: number, labelHorizonMs: number, streamTimeMs: number | null): boolean =>
  streamTimeMs !== null && streamTimeMs >= untilMs + labelHorizonMs;

/**
 * The lead (event time − received at, in milliseconds) that more than {@link STRAY_SHARE} of the rows have reached: the largest but for strays.
 * @param leads one for each row; sorted in place
 * @returns null where there are no rows
 */
export function reachedLead(leads: Float64Array): number | null {
  return leads.sort().at(-1 - Math.floor(leads.length * STRAY_SHARE)) ?? null;
}
