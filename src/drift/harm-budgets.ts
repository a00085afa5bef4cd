import type { ModelSpec } from '../spec/model-spec.js';
import type { HarmTerms } from './harm-course.js';

type Monitoring = Pick<ModelSpec['monitoring'], 'falseAlarms' | 'tolerance' | 'estimatedHarm'>;

/**
 * A deployment's share of its model's yearly false alarms of harm: 3/4 of the first one, 1/4 · 1/((k − 1) k) of that in place k, which is 1/8, 1/24, 1/48, …
 * All of them together, however many there are, come to at most 1, and none changes by those that follow: a share that did would depend on what is not known yet,
 * and evidence that has begun under it would have to begin anew.
 * @param place from 1, in the order in which the model's deployments first had a champion (RoutingRepository.placeOf)
 * @throws RangeError for any other place
 */
export function deploymentShare(place: number): number {
  if (!Number.isSafeInteger(place) || place < 1) throw new RangeError(`a place must be a whole number from 1, not ${place}`);
  return place === 1 ? 3 / 4 : 1 / (4 * (place - 1) * place);
}

/** What harm on labels may spend: all of the deployment's share of `monitoring.falseAlarms`, or half of it where estimated harm alarms too. */
export const labelledHarmTerms = ({ falseAlarms, tolerance, estimatedHarm }: Monitoring, share: number): HarmTerms => ({ falseAlarms: estimatedHarm === 'alarm' ? falseAlarms / 2 : falseAlarms, share, tolerance });

/** Half of it, also where it is only observed: its evidence goes on when it begins to alarm. */
export const estimatedHarmTerms = ({ falseAlarms, tolerance }: Monitoring, share: number): HarmTerms => ({ falseAlarms: falseAlarms / 2, share, tolerance });
