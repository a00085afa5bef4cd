import { type RetrainingValue, retrainingValue, valueWords } from '../evaluation/retraining-value.js';
import type { RetrainingFacts, RetrainingTrigger } from './retraining-facts.js';

export interface Worth {
  readonly passes: boolean;
  readonly because: string;
}

/** Triggers whose harm has been shown: a retrain need not prove that there is something to gain. */
const PROVEN: readonly RetrainingTrigger[] = ['performance', 'harmfulDrift'];

/**
 * Whether a retrain by this trigger is worth its cost, and in words why; see {@link retrainingValue} and, where something is not known, here.
 * Which gain is held against the cost depends on what the trigger has proven: the estimate, but for `dataDrift` the low end of the interval. Drift
 * without harm shows nothing by itself, and of many windows with a gain of 0 half have an estimate above it.
 */
export function weighRetraining(trigger: RetrainingTrigger, { gain, cost }: Pick<RetrainingFacts, 'gain' | 'cost'>): Worth {
  if (trigger === 'trial') return { passes: true, because: 'What a retrain would save is what its candidate has to show; the gate weighs it.' };
  const value = retrainingValue(gain, cost);
  const cautious = trigger === 'dataDrift';
  if (value) return weighed(value, cautious);
  const unknown = gain ? 'The spec gives no costs' : 'What a retrain would save is not known';
  if (PROVEN.includes(trigger)) return { passes: true, because: `${unknown}, and harm is shown.` };
  if (gain === null) {
    if (cost === null && !cautious) return { passes: true, because: 'The spec gives no costs.' };
    return { passes: false, because: `What a retrain would save is not known, and ${trigger} alone shows no harm.` };
  }
  if (!cautious) return { passes: gain.estimate > 0, because: `The spec gives no costs; a retrain is expected to gain ${rounded(gain.estimate)} a row.` };
  return { passes: gain.low > 0, because: `The spec gives no costs; a retrain surely gains ${rounded(gain.low)} a row, and drift alone asks for more than 0.` };
}

function weighed(value: RetrainingValue, cautious: boolean): Worth {
  const passes = (cautious ? value.saved.low : value.saved.estimate) > value.cost;
  return { passes, because: `${valueWords('A retrain', value)}${cautious ? ', and drift alone counts by the low end' : ''}.` };
}

const rounded = (value: number): string => String(Number(value.toPrecision(3)));
