/**
 * The questionnaire that a risk tier comes from: four questions, each with answers in rising order that count 0, 1, 2 and 3 points. Own scoring, after what
 * supervisors ask for: materiality and use of a model's output (SR 26-2), and whether it decides about people's rights (EU AI Act, Annex III).
 */
export const RISK_QUESTIONS = {
  /** What wrong answers can cost before anybody notices. */
  materiality: ['minor', 'moderate', 'major', 'severe'],
  /** How much rests on its answers. */
  exposure: ['few', 'some', 'many', 'public'],
  /** What happens with an answer: it informs a person, is mostly followed, decides and can be reversed in time, or decides. */
  autonomy: ['informs', 'recommends', 'decidesReviewed', 'decides'],
  /** Whom it concerns: nobody in particular, people in passing, people directly, their access to work, credit, health care, education or justice. */
  affected: ['nobody', 'indirectly', 'people', 'rights'],
} as const;

export type RiskQuestion = keyof typeof RISK_QUESTIONS;
export type RiskAnswers = { readonly [Q in RiskQuestion]: (typeof RISK_QUESTIONS)[Q][number] };

/** In rising order. */
export const TIERS = ['low', 'medium', 'high', 'critical'] as const;
export type Tier = (typeof TIERS)[number];

export interface RiskScore {
  /** 0 to 12. */
  readonly points: number;
  readonly tier: Tier;
}

/** The fewest points of each tier. */
const FEWEST_POINTS: Readonly<Record<Tier, number>> = { low: 0, medium: 3, high: 6, critical: 9 };

/** The least tier that a model with these answers may have. A model that concerns rights is high, and critical where it does more than inform. */
export function riskScore(answers: RiskAnswers): RiskScore {
  const questions = Object.keys(RISK_QUESTIONS) as RiskQuestion[];
  const points = questions.reduce((sum, question) => sum + (RISK_QUESTIONS[question] as readonly string[]).indexOf(answers[question]), 0);
  const byPoints = TIERS.findLast((tier) => points >= FEWEST_POINTS[tier]) ?? 'low';
  if (answers.affected !== 'rights') return { points, tier: byPoints };
  return { points, tier: higherTier(byPoints, answers.autonomy === 'informs' ? 'high' : 'critical') };
}

export const higherTier = (one: Tier, other: Tier): Tier => (isBelow(one, other) ? other : one);

export const isBelow = (tier: Tier, other: Tier): boolean => TIERS.indexOf(tier) < TIERS.indexOf(other);
