import { type CheckOutcome, type FeatureResponse, SENSITIVITY_STEP } from '../contracts/validations.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { count, figure, named } from './validation-words.js';

export interface Responses {
  readonly rows: number;
  readonly responses: readonly FeatureResponse[];
}

/**
 * Sensitivity: x′ is x with one feature moved, a number by ± {@link SENSITIVITY_STEP} standard deviations of the rows (within the spec's bounds), a category to the next one of its list; what is missing stays so. It passes
 * where every threshold of the spec is still met whichever feature is moved; where one is missed, the model hangs on a feature so much that a person has to say whether that is sound.
 */
export function judgeSensitivity({ rows, responses }: Responses, { absolute }: Pick<ModelSpec['gates'], 'absolute'>): CheckOutcome {
  if (responses.length === 0) return { verdict: 'inconclusive', explanation: 'No feature can be moved: each has one value.', figures: { rows, step: SENSITIVITY_STEP, responses: [] } };
  const missed = responses.filter(({ metrics }) => absolute.some(({ metric, min = -Infinity, max = Infinity }) => {
    const value = metrics[metric];
    return value == null || value < min || value > max;
  }));
  const most = responses.reduce((one, other) => (other.outputMoved > one.outputMoved ? other : one));
  const moved = `On ${count(rows)} rows ${most.feature} (${most.move}) moves the output most, by ${figure(most.outputMoved)} in the mean and ${figure(most.outputMovedMost)} at most`;
  const verdict = absolute.length === 0 || missed.length > 0 ? 'inconclusive' : 'pass';
  const conclusion = absolute.length === 0
    ? 'the spec states no threshold (gates.absolute) that says how far is too far'
    : missed.length > 0
      ? `thresholds of the spec are missed when ${named(missed.map(({ feature, move }) => `${feature} (${move})`))} is moved: a person has to judge whether it may hang on that`
      : 'every threshold of the spec is still met, whichever feature is moved';
  return { verdict, explanation: `${moved}; ${conclusion}.`, figures: { rows, step: SENSITIVITY_STEP, responses } };
}
