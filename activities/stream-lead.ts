import { durationMs } from '../src/contracts/time.js';
import { STRAY_SHARE, STREAM_FILES } from '../src/observations/stream-time.js';
import type { ObservationsRepository } from '../src/registry/observations.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';

/** Whether a deployment's rows come from files of the spec (`monitoring.source`). */
export const isFromSource = ({ monitoring: { source } }: ModelSpec, deployment: string): boolean => source?.deployment === deployment;

/**
 * The lead of a deployment's event time over the clock, in milliseconds; null where nothing was observed. Files do not say how far event time has
 * come: what is not there yet may come until the source's delay has passed.
 */
export async function streamLead(observations: ObservationsRepository, spec: ModelSpec, model: string, deployment: string): Promise<number | null> {
  const reachedMs = await observations.leadMs(model, deployment, { latest: STREAM_FILES, strayShare: STRAY_SHARE });
  const { source } = spec.monitoring;
  return reachedMs !== null && source && isFromSource(spec, deployment) ? -(durationMs(source.delay) as number) : reachedMs;
}
