import { durationMs } from '../contracts/time.js';
import type { ModelSpec } from '../spec/model-spec.js';
import type { GuardRailsSpec } from '../spec/serving-section.js';

/** How a deployment answers, as the spec of its champion says. */
export interface ServingPolicy {
  /** Age of the routing, in milliseconds of wall time, from which `whenStale` holds. */
  readonly maxStaleMs: number;
  readonly whenStale: 'serve' | 'stop';
  /** Whether the inputs of answered predictions may be kept. */
  readonly observeInputs: boolean;
  readonly guardRails: GuardRailsSpec | null;
}

/** Without a word in the spec, a critical model rather gives no answer than one that may be outdated. */
export function servingPolicy({ tier, serving }: Pick<ModelSpec, 'tier' | 'serving'>): ServingPolicy {
  return {
    maxStaleMs: durationMs(serving.maxStale) as number,
    whenStale: serving.whenStale ?? (tier === 'critical' ? 'stop' : 'serve'),
    observeInputs: serving.observe.inputs,
    guardRails: serving.guardRails ?? null,
  };
}
