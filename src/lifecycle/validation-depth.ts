import { SOUNDNESS_QUESTIONS, VALIDATION_CHECKS, type ValidationCheckName } from '../contracts/validations.js';
import type { ModelSpec } from '../spec/model-spec.js';

type Tier = ModelSpec['tier'];

/** From which tier on a check is made; the others are of every tier, but for fairness, which the spec decides on too. */
const FROM_TIER: Readonly<Partial<Record<ValidationCheckName, Tier>>> = { slices: 'medium', sensitivity: 'medium', stability: 'high' };
const ORDER: readonly Tier[] = ['low', 'medium', 'high', 'critical'];

const reaches = (tier: Tier, from: Tier): boolean => ORDER.indexOf(tier) >= ORDER.indexOf(from);

/** What a version of a model is examined for, in this order: fairness only where the spec says between which groups, and in every tier where it says how far they may differ. */
export const checksOf = ({ tier, fairness }: Pick<ModelSpec, 'tier' | 'fairness'>): readonly ValidationCheckName[] =>
  VALIDATION_CHECKS.filter((name) => (name === 'fairness' ? fairness !== undefined && (hasLimits(fairness) || reaches(tier, 'medium')) : reaches(tier, FROM_TIER[name] ?? 'low')));

const hasLimits = ({ limits }: Pick<NonNullable<ModelSpec['fairness']>, 'limits'>): boolean => Object.values(limits).some((limit) => limit !== undefined);

/** Whether approvers vote after the validator. */
export const needsApprovers = (tier: Tier): boolean => reaches(tier, 'high');

/** Asked of the validator; empty where the tier asks for none. */
export const questionsOf = (tier: Tier): Readonly<Partial<typeof SOUNDNESS_QUESTIONS>> => (reaches(tier, 'high') ? SOUNDNESS_QUESTIONS : {});

/** Who decides once the checks are done, as a sentence. */
export function decidedBy(tier: Tier): string {
  if (tier === 'low') return 'The checks decide: all passed promotes the version, a failed one rejects it, anything else waits for a validator.';
  return needsApprovers(tier) ? 'A validator decides, then the approvers of the tier vote.' : 'A validator decides.';
}
