import { FAILURES, type FailureType } from './failures.js';

/** Whose fault a failed request is: the caller's, the model's, the record's, or the gateway's own. */
export const FAILURE_SOURCES = ['caller', 'model', 'record', 'gateway'] as const;
export type FailureSource = (typeof FAILURE_SOURCES)[number];

const OF_MODEL: ReadonlySet<FailureType> = new Set(['InferenceFailed', 'ModelRefused']);
const OF_RECORD: ReadonlySet<FailureType> = new Set(['ModelNotReady', 'RoutingStale', 'DependencyUnavailable', 'ArtifactMissing', 'ArtifactCorrupt']);

export function sourceOf(type: FailureType): FailureSource {
  if (OF_MODEL.has(type)) return 'model';
  if (OF_RECORD.has(type)) return 'record';
  return FAILURES[type].status < 500 ? 'caller' : 'gateway';
}
