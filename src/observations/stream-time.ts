/**
 * How far a deployment's event time has come, in milliseconds since 1970: the largest of event time + (now − received at) over
 * its observations. In production that is the clock; while recorded traffic is replayed faster it follows the replay.
 * A prediction that claims to come from the future does not carry it past the clock.
 * @param leadMs the largest of event time − received at over the observations; null where there are none
 * @returns null where nothing was observed
 */
export const streamTime = (leadMs: number | null, nowMs: number): number | null => (leadMs === null ? null : nowMs + Math.min(0, leadMs));

/** Whether every label of the event time before `untilMs` has had its horizon: the maturity watermark has passed. */
export const isMature = (untilMs: number, labelHorizonMs: number, streamTimeMs: number | null): boolean =>
  streamTimeMs !== null && streamTimeMs >= untilMs + labelHorizonMs;
