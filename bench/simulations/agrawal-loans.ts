import { bit, type ConceptPair, drawn } from './drifting-concepts.js';

/**
 * AGRAWAL: people who ask for a loan, of whom one of ten rules puts some into group A (label 1) and the others into group B.
 * Source: Agrawal, Imielinski & Swami, "Database mining: a performance perspective", IEEE Transactions on Knowledge and Data
 * Engineering 5(6), 1993. Amounts are in dollars, ages and years in whole years. Where the usual implementations (MOA, river)
 * leave the paper, the paper is followed: rule 5 asks for the loan throughout, and label 1 is group A for every rule.
 */
export const LOAN_FEATURES = ['salary', 'commission', 'age', 'educationLevel', 'car', 'zipCode', 'houseValue', 'houseYears', 'loan'] as const;

/** The paper's functions 1 to 10. */
export type LoanRule = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

export interface LoanOptions {
  readonly rules?: readonly [LoanRule, LoanRule];
  /** The share of a feature's range over which it is blurred after labelling, half of it to each side. 0.05 in the paper. */
  readonly perturbation?: number;
  readonly noise?: number;
}

/** Features that are blurred, with the least and the greatest value. A house's value has a range of its own, by zip code. */
const BLURRED = [[0, 20_000, 150_000], [1, 10_000, 75_000], [2, 20, 80], [7, 1, 30], [8, 0, 500_000]] as const;

/**
 * A covariate change moves what a rule does not ask for: cars, and but for rule 10 zip codes, house values and house years.
 * Perturbed values are kept within the feature's range, and are no longer whole; a commission of 0 stays 0.
 */
export function loanConcepts({ rules = [1, 2], perturbation = 0.05, noise = 0 }: LoanOptions = {}): ConceptPair {
  const housesMatter = rules.includes(10);
  return {
    width: LOAN_FEATURES.length,
    noise,
    draw: (random, moved, into) => {
      const whole = (least: number, most: number, movable = false): number => least + Math.floor((most - least + 1) * drawn(random, movable && moved));
      const salary = 20_000 + 130_000 * random.uniform();
      into[0] = salary;
      into[1] = salary >= 75_000 ? 0 : 10_000 + 65_000 * random.uniform();
      into[2] = whole(20, 80);
      into[3] = whole(0, 4);
      into[4] = whole(1, 20, true);
      into[5] = whole(0, 8, !housesMatter);
      into[6] = (9 - into[5]) * 100_000 * (0.5 + random.uniform());
      into[7] = whole(1, 30, !housesMatter);
      into[8] = 500_000 * random.uniform();
    },
    truth: (features, concept) => loanGroup(rules[concept === 'second' ? 1 : 0], features),
    perturb: (random, features) => {
      const share = (): number => perturbation * (random.uniform() - 0.5);
      for (const [feature, least, most] of BLURRED) if (feature !== 1 || features[1]! > 0) blur(features, feature, least, most, share());
      const middle = (9 - features[5]!) * 100_000;
      blur(features, 6, 0.5 * middle, 1.5 * middle, share());
    },
  };
}

function blur(features: Float64Array, feature: number, least: number, most: number, share: number): void {
  features[feature] = Math.min(most, Math.max(least, features[feature]! + share * (most - least)));
}

const within = (value: number, [least, most]: readonly [number, number]): boolean => least <= value && value <= most;

/** The age's place in a rule's list: below 40, below 60, and above. */
const thirdOf = (age: number): 0 | 1 | 2 => (age < 40 ? 0 : age < 60 ? 1 : 2);

const INCOMES = [[50_000, 100_000], [75_000, 125_000], [25_000, 75_000]] as const;
const LEVELS = [[0, 1], [1, 3], [2, 4]] as const;
/** Rule 4: the salaries of those with a listed education level, and of the others. */
const SALARIES = [
  [[25_000, 75_000], [50_000, 100_000]],
  [[50_000, 100_000], [75_000, 125_000]],
  [[50_000, 100_000], [25_000, 75_000]],
] as const;
/** Rule 5: the loans of those with a listed income, and of the others. */
const LOANS = [
  [[100_000, 300_000], [200_000, 400_000]],
  [[200_000, 400_000], [300_000, 500_000]],
  [[300_000, 500_000], [100_000, 300_000]],
] as const;

/**
 * The group by one of the paper's functions, without noise.
 * @param features of one row, in the order of {@link LOAN_FEATURES}
 * @returns 1 for group A, 0 for group B
 */
export function loanGroup(rule: LoanRule, features: Float64Array): 0 | 1 {
  const [salary, commission, level, loan] = [features[0]!, features[1]!, features[3]!, features[8]!];
  const third = thirdOf(features[2]!);
  const earned = (2 / 3) * (salary + commission);
  switch (rule) {
    case 1: return bit(third !== 1);
    case 2: return bit(within(salary, INCOMES[third]));
    case 3: return bit(within(level, LEVELS[third]));
    case 4: return bit(within(salary, SALARIES[third][within(level, LEVELS[third]) ? 0 : 1]));
    case 5: return bit(within(loan, LOANS[third][within(salary, INCOMES[third]) ? 0 : 1]));
    case 6: return bit(within(salary + commission, INCOMES[third]));
    case 7: return bit(earned - 0.2 * loan - 20_000 > 0);
    case 8: return bit(earned - 5_000 * level - 20_000 > 0);
    case 9: return bit(earned - 5_000 * level - 0.2 * loan - 10_000 > 0);
    case 10: return bit(earned - 5_000 * level + 0.2 * equity(features[6]!, features[7]!) - 10_000 > 0);
  }
}

const equity = (houseValue: number, houseYears: number): number => 0.1 * houseValue * Math.max(0, houseYears - 20);
