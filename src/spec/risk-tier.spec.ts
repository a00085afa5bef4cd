import { describe, expect, it } from 'vitest';
import { RISK_QUESTIONS, type RiskAnswers, type RiskQuestion, riskScore, TIERS } from './risk-tier.js';

const MILD: RiskAnswers = { materiality: 'minor', exposure: 'few', autonomy: 'informs', affected: 'nobody' };

const everyAnswer = (): RiskAnswers[] =>
  (Object.keys(RISK_QUESTIONS) as RiskQuestion[]).reduce<Record<string, string>[]>((known, question) =>
    known.flatMap((answers) => RISK_QUESTIONS[question].map((answer) => ({ ...answers, [question]: answer }))), [{}]) as unknown as RiskAnswers[];

describe('the tier that the questionnaire comes to', () => {
  it.each([
    [{}, 0, 'low'],
    [{ exposure: 'some', affected: 'indirectly' }, 2, 'low'],
    [{ exposure: 'many', affected: 'indirectly' }, 3, 'medium'],
    [{ materiality: 'major', exposure: 'many', autonomy: 'recommends' }, 5, 'medium'],
    [{ materiality: 'major', exposure: 'many', autonomy: 'decidesReviewed' }, 6, 'high'],
    [{ materiality: 'severe', exposure: 'public', autonomy: 'decides' }, 9, 'critical'],
    [{ affected: 'rights' }, 3, 'high'],
    [{ affected: 'rights', autonomy: 'recommends' }, 4, 'critical'],
  ] as const)('%o: %i points, %s', (answers, points, tier) => {
    expect(riskScore({ ...MILD, ...answers })).toEqual({ points, tier });
  });

  it('never falls where an answer rises', () => {
    const all = everyAnswer();
    expect(all).toHaveLength(256);
    for (const answers of all) {
      for (const question of Object.keys(RISK_QUESTIONS) as RiskQuestion[]) {
        const scale: readonly string[] = RISK_QUESTIONS[question];
        const next = scale[scale.indexOf(answers[question]) + 1];
        if (next === undefined) continue;
        const [before, after] = [riskScore(answers), riskScore({ ...answers, [question]: next })];
        expect(after.points).toBe(before.points + 1);
        expect(TIERS.indexOf(after.tier)).toBeGreaterThanOrEqual(TIERS.indexOf(before.tier));
      }
    }
  });
});
