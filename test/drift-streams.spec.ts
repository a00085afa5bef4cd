import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loanConcepts, loanGroup, type LoanRule } from '../bench/simulations/agrawal-loans.js';
import { type Change, chanceOfLater, driftStream, type DriftStream } from '../bench/simulations/drift-streams.js';
import { type ConceptPair, hyperplaneConcepts, seaConcepts } from '../bench/simulations/drifting-concepts.js';
import { Random } from '../bench/simulations/random.js';
import { rateOf } from '../bench/simulations/rates.js';
import { decileCounts, stabilityIndices } from '../bench/simulations/retraining-policies.js';

const reference = JSON.parse(readFileSync(new URL('../bench/simulations/reference/drift-streams.json', import.meta.url), 'utf8')) as {
  people: { features: number[]; groups: number[] }[]; sea: { threshold: number; features: number[]; label: number }[]; gradual: [number, number, number][];
};
const seed = 20010826;
const ROWS = 20_000;
const AT = 8_000;
const stream = (make: (seed: number) => ConceptPair, change: Change, rows = ROWS): DriftStream => driftStream(make, { rows, change, seed });
const abrupt: Change = { kind: 'abrupt', at: AT };
const none: Change = { kind: 'none' };

/** The exact 99.9 % interval of the share of rows for which it holds has the expected share in it. */
function expectShare(from: number, until: number, holds: (row: number) => boolean, expected: number): void {
  let count = 0;
  for (let row = from; row < until; row++) if (holds(row)) count += 1;
  const { low, high } = rateOf(count, until - from);
  expect(expected, `${count} of ${until - from}`).toBeGreaterThanOrEqual(low);
  expect(expected, `${count} of ${until - from}`).toBeLessThanOrEqual(high);
}

describe('concepts are those of the papers', () => {
  it('AGRAWAL: all ten rules, on the borders too', () => {
    for (const { features, groups } of reference.people) {
      expect(groups.map((_, rule) => loanGroup((rule + 1) as LoanRule, Float64Array.from(features))), features.join()).toEqual(groups);
    }
    for (let rule = 0; rule < 10; rule++) expect(new Set(reference.people.map(({ groups }) => groups[rule])).size).toBe(2);
  });

  it('SEA: each threshold', () => {
    for (const { threshold, features, label } of reference.sea) {
      expect(seaConcepts({ thresholds: [threshold, 0] }).truth(Float64Array.from(features), 'first')).toBe(label);
    }
    expect(seaConcepts({ thresholds: [8, 9] }).truth(Float64Array.of(4, 4, 9), 'first')).toBe(1);
  });

  it('the chance of the later concept on a stretch', () => {
    for (const [row, linear, sigmoid] of reference.gradual) {
      expect(Math.abs(chanceOfLater({ kind: 'gradual', from: 100, until: 300, shape: 'linear' }, row) - linear)).toBeLessThan(1e-9);
      expect(Math.abs(chanceOfLater({ kind: 'gradual', from: 100, until: 300, shape: 'sigmoid' }, row) - sigmoid)).toBeLessThan(1e-9);
    }
  });
});

describe(`label rates, seed ${seed}`, () => {
  it.each([[8, 0.32], [9, 0.405], [7, 0.245], [9.5, 0.45125]])('SEA with threshold %d: half its square of a hundred', (threshold, share) => {
    const made = stream(() => seaConcepts({ thresholds: [threshold, threshold], noise: 0.1 }), none);
    expectShare(0, ROWS, (row) => made.truth[row] === 1, share);
    expectShare(0, ROWS, (row) => made.labels[row] === 1, 0.9 * share + 0.1 * (1 - share));
    expectShare(0, ROWS, (row) => made.labels[row] !== made.truth[row], 0.1);
  });

  // Of 61 ages 20 lie below 40, 20 below 60; education has 5 levels; salaries span 130,000.
  it.each([[1, 41 / 61], [2, 50 / 130], [3, (20 * 0.4 + 41 * 0.6) / 61], [4, 50 / 130]] as const)('AGRAWAL with rule %d', (rule, share) => {
    const made = stream(() => loanConcepts({ rules: [rule, rule] }), none);
    expectShare(0, ROWS, (row) => made.labels[row] === 1, share);
  });

  it('a hyperplane through the middle has as many of either, also while it turns', () => {
    const made = stream((draws) => hyperplaneConcepts(draws), { kind: 'incremental', from: 0 });
    expectShare(0, ROWS, (row) => made.truth[row] === 1, 0.5);
    expectShare(0, ROWS, (row) => made.labels[row] !== made.truth[row], 0.05);
  });
});

/** Mean of the sigmoid over the first quarter of its stretch, from −5 to −2.5, rescaled to begin at 0 and to end at 1. */
const meanOfFirstQuarter = ((Math.log1p(Math.exp(-2.5)) - Math.log1p(Math.exp(-5))) / 2.5 - 1 / (1 + Math.exp(5))) / (1 - 2 / (1 + Math.exp(5)));

/** A model that is the first concept itself is right on all rows but the noise before a change; after it, it loses what the papers' areas imply. */
describe(`a model of the old concept loses accuracy after the change, seed ${seed}`, () => {
  // Areas between the lines x₁ + x₂ = θ: |θ² − θ'²| of two hundred.
  it.each([[8, 9, 0.085], [9, 7, 0.16], [7, 9.5, 0.20625]])('SEA from %d to %d', (before, after, apart) => {
    const made = stream(() => seaConcepts({ thresholds: [before, after], noise: 0.1 }), abrupt);
    expect(made.harmStart).toBe(AT);
    expectShare(0, AT, (row) => made.labels[row] === made.formerTruth[row], 0.9);
    expectShare(AT, ROWS, (row) => made.truth[row] !== made.formerTruth[row], apart);
    expectShare(AT, ROWS, (row) => made.labels[row] === made.formerTruth[row], 0.9 - (1 - 2 * 0.1) * apart);
  });

  it('AGRAWAL from rule 1 to 2', () => {
    const made = stream(() => loanConcepts({ rules: [1, 2] }), abrupt);
    expectShare(0, AT, (row) => made.labels[row] === made.formerTruth[row], 1);
    expectShare(AT, ROWS, (row) => made.labels[row] === made.formerTruth[row], 1 - (41 * 80 + 20 * 50) / (61 * 130));
  });

  it.each(['linear', 'sigmoid'] as const)('gradually, %s: not before the stretch, by half on it, by all after it', (shape) => {
    const made = stream(() => seaConcepts({ thresholds: [7, 9.5], noise: 0 }), { kind: 'gradual', from: AT, until: AT + 8_000, shape });
    const apart = (row: number): boolean => made.truth[row] !== made.formerTruth[row];
    expect(made.harmStart).toBe(AT);
    expectShare(0, AT, apart, 0);
    expectShare(AT, AT + 8_000, apart, 0.20625 / 2);
    expectShare(AT, AT + 2_000, apart, shape === 'linear' ? 0.20625 / 8 : 0.20625 * meanOfFirstQuarter);
    expectShare(AT + 8_000, ROWS, apart, 0.20625);
  });

  it('in seasons: as before in every second one', () => {
    const made = stream(() => seaConcepts({ thresholds: [8, 9.5], noise: 0 }), { kind: 'recurring', at: AT, period: 3_000 });
    const apart = (row: number): boolean => made.truth[row] !== made.formerTruth[row];
    expectShare(AT, AT + 3_000, apart, 0.13125);
    expectShare(AT + 3_000, AT + 6_000, apart, 0);
    expectShare(AT + 6_000, AT + 9_000, apart, 0.13125);
  });

  it('a hyperplane that turns is further and further from where it was', () => {
    const made = stream((draws) => hyperplaneConcepts(draws, { stepSize: 0.0002 }), { kind: 'incremental', from: AT });
    const apart = made.truth.map((truth, row) => truth ^ made.formerTruth[row]!);
    const rates = [0, AT, AT + 4_000, AT + 8_000].map((from) => apart.subarray(from, from + 4_000).reduce((sum, is) => sum + is, 0));
    expect(rates[0]).toBe(0);
    expect(rates).toEqual([...rates].sort((a, b) => a - b));
    expect(rates[3]! - rates[1]!).toBeGreaterThan(400);
  });

  it('weights that turn at every second step stay near', () => {
    const apartAtEnd = (turning: number): number => {
      const made = stream((draws) => hyperplaneConcepts(draws, { stepSize: 0.0005, turning }), { kind: 'incremental', from: 0 });
      return made.truth.subarray(ROWS - 2_000).filter((truth, row) => truth !== made.formerTruth[ROWS - 2_000 + row]).length;
    };
    expect(apartAtEnd(0.5)).toBeLessThan(apartAtEnd(0) / 2);
  });
});

describe(`a covariate change leaves the concept, seed ${seed}`, () => {
  const worlds: readonly (readonly [string, (seed: number) => ConceptPair, readonly number[]])[] = [
    ['SEA', () => seaConcepts({ noise: 0 }), [2]],
    ['SEA, along the border', () => seaConcepts({ noise: 0, alongBorder: true }), [0, 1, 2]],
    ['AGRAWAL', () => loanConcepts({ rules: [5, 2], perturbation: 0 }), [4, 5, 6, 7]],
    ['AGRAWAL, rule 10', () => loanConcepts({ rules: [10, 2], perturbation: 0 }), [4]],
    ['hyperplane', (draws) => hyperplaneConcepts(draws, { irrelevant: 3, noise: 0 }), [7, 8, 9]],
  ];

  it.each(worlds)('%s', (_, make, moved) => {
    const made = stream(make, { kind: 'covariate', at: AT });
    expect(made.harmStart).toBeNull();
    expect(made.truth).toEqual(made.formerTruth);
    const indices = stabilityIndices(decileCounts(made.features.subarray(0, AT * made.width), made.width), made.features.subarray(AT * made.width));
    const above = (limit: number): number[] => indices.flatMap((index, feature) => (index! > limit ? [feature] : []));
    expect(above(0.2)).toEqual(moved);
    expect(above(0.02)).toEqual(moved);
  });

  it.each(worlds)('%s: as many labels of 1, and SEA\'s border as near', (_, make) => {
    const [made, still] = [stream(make, { kind: 'covariate', at: 0 }), stream(make, none)];
    const share = still.truth.reduce((sum, truth) => sum + truth, 0) / ROWS;
    const found = made.truth.reduce((sum, truth) => sum + truth, 0) / ROWS;
    expect(Math.abs(found - share)).toBeLessThan(4 * Math.sqrt((2 * share * (1 - share)) / ROWS));
    const sumOf = (row: number): number => made.features[3 * row]! + made.features[3 * row + 1]!;
    if (made.width === 3) expectShare(0, ROWS, (row) => Math.abs(sumOf(row) - 8) < 1, (9 ** 2 - 7 ** 2) / 200);
  });

  it('needs a feature that is irrelevant', () => {
    expect(() => stream((draws) => hyperplaneConcepts(draws, { irrelevant: 0 }), { kind: 'covariate', at: 10 }, 20)).toThrow(/irrelevant/);
    expect(() => hyperplaneConcepts(seed, { dimensions: 2, irrelevant: 2 })).toThrow(RangeError);
  });
});

describe('streams', () => {
  const worlds = [
    ['SEA', () => seaConcepts()], ['AGRAWAL', () => loanConcepts({ perturbation: 0.2, noise: 0.05 })],
    ['hyperplane', (draws: number) => hyperplaneConcepts(draws)],
  ] as const;

  it.each(worlds)('%s: equal up to the change, and the same for the same seed', (_, make) => {
    const [changed, still] = [stream(make, { kind: 'abrupt', at: 300 }, 600), stream(make, none, 600)];
    expect(changed.features).toEqual(still.features);
    expect(changed.labels.subarray(0, 300)).toEqual(still.labels.subarray(0, 300));
    expect(changed.labels).not.toEqual(still.labels);
    expect(stream(make, none, 600)).toEqual(still);
    expect(driftStream(make, { rows: 600, change: none, seed: seed + 1 }).features).not.toEqual(still.features);
  });

  it('AGRAWAL: perturbed features stay in their ranges and move by no more than half of the share', () => {
    const [blurred, plain] = [0.2, 0].map((perturbation) => stream(() => loanConcepts({ perturbation }), none, 2_000).features) as [Float64Array, Float64Array];
    const ranges = [[20_000, 150_000], [10_000, 75_000], [20, 80], [0, 4], [1, 20], [0, 8], [50_000, 1_350_000], [1, 30], [0, 500_000]] as const;
    const most = ranges.map(() => 0);
    blurred.forEach((value, place) => {
      const [feature, [least, greatest]] = [place % 9, ranges[place % 9]!];
      if (feature === 1 && plain[place] === 0) expect(value).toBe(0);
      else if (value < least || value > greatest) throw new Error(`feature ${feature}: ${value}`);
      const range = feature === 6 ? (9 - plain[place - 1]!) * 100_000 : greatest - least;
      most[feature] = Math.max(most[feature]!, Math.abs(value - plain[place]!) / range);
    });
    for (const feature of [0, 1, 2, 6, 7, 8]) expect(most[feature]! > 0.09 && most[feature]! <= 0.1 + 1e-9, `feature ${feature}: ${most[feature]}`).toBe(true);
    for (const feature of [3, 4, 5]) expect(most[feature]).toBe(0);
  });

  it('may be empty, and refuse what lies outside', () => {
    expect(stream(() => seaConcepts(), none, 0)).toMatchObject({ rows: 0, harmStart: null });
    expect(stream(() => seaConcepts(), { kind: 'abrupt', at: 1 }, 1).truth).toHaveLength(1);
    const wrong: Change[] = [
      { kind: 'abrupt', at: 11 }, { kind: 'abrupt', at: -1 }, { kind: 'gradual', from: 5, until: 5, shape: 'linear' },
      { kind: 'recurring', at: 1, period: 0 }, { kind: 'incremental', from: NaN }, { kind: 'covariate', at: 10.5 },
    ];
    for (const change of wrong) expect(() => stream((draws) => hyperplaneConcepts(draws), change, 10)).toThrow(RangeError);
    expect(() => stream(() => seaConcepts(), { kind: 'incremental', from: 1 }, 10)).toThrow(/steps/);
    expect(() => stream(() => seaConcepts(), none, 1.5)).toThrow(RangeError);
  });

  it('SEA draws the square evenly', () => {
    const [random, features] = [new Random(seed), new Float64Array(3)];
    const counts = new Float64Array(16);
    for (let row = 0; row < 16_000; row++) {
      seaConcepts().draw(random, false, features);
      counts[4 * Math.floor(features[0]! / 2.5) + Math.floor(features[1]! / 2.5)]! += 1;
    }
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(130);
  });
});
