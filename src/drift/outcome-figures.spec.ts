import { describe, expect, it } from 'vitest';
import { meanEstimate } from '../evaluation/metrics.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { pearson, spearman, welchDifference } from './correlations.js';
import { outcomeFigures, type OutcomeTerms } from './outcome-figures.js';

const SEED = 20261124;
const TERMS: OutcomeTerms = { section: { name: 'revenue', unit: 'EUR' }, task: 'binary-classification', threshold: 0.6, alpha: 0.1 };

/** Outcomes that rise with outputs by `slope`; every fifth row without an output, every third without an outcome. */
function draw(rows: number, slope: number): { outputs: Float32Array; outcomes: Float64Array } {
  const random = seededRandom(SEED);
  const chances = Float32Array.from({ length: rows }, random);
  return { outputs: chances.map((chance, row) => (row % 5 === 4 ? NaN : chance)), outcomes: Float64Array.from(chances, (chance, row) => (row % 3 === 2 ? NaN : slope * chance + random())) };
}

describe(`how outputs go with outcomes (seed ${SEED})`, () => {
  it('is measured on the rows that have both', () => {
    const { outputs, outcomes } = draw(300, 2);
    const both = Int32Array.from(outcomes.keys()).filter((row) => !Number.isNaN(outputs[row]! + outcomes[row]!));
    const [xs, ys] = [Float64Array.from(both, (row) => outputs[row]!), Float64Array.from(both, (row) => outcomes[row]!)];
    const [positive, negative] = [ys.filter((_, row) => xs[row]! >= 0.6), ys.filter((_, row) => xs[row]! < 0.6)];
    const found = outcomeFigures({ outputs, outcomes }, TERMS);
    expect(found).toEqual({
      name: 'revenue', unit: 'EUR', rows: 160, mean: meanEstimate(ys, undefined, 0.1), pearson: pearson(xs, ys, 0.1), spearman: spearman(xs, ys, 0.1), threshold: { limit: null, verdict: 'inconclusive' },
      decisions: {
        positive: { rows: positive.length, mean: meanEstimate(positive, undefined, 0.1)!.value }, negative: { rows: negative.length, mean: meanEstimate(negative, undefined, 0.1)!.value },
        difference: welchDifference(positive, negative, 0.1),
      },
    });
    expect(found.pearson!.low).toBeGreaterThan(0.7);
    expect(outcomeFigures({ outputs, outcomes }, { ...TERMS, task: 'regression' }).decisions).toBeNull();
  });

  it.each([['surely above', 0.3, 2, 'pass'], ['surely below', 0.5, 0, 'fail'], ['neither', 0.05, 0, 'inconclusive']] as const)('is held against the least of the spec: %s', (_, minimumCorrelation, slope, verdict) => {
    const { threshold } = outcomeFigures(draw(300, slope), { ...TERMS, section: { name: 'revenue', minimumCorrelation } });
    expect(threshold).toEqual({ limit: minimumCorrelation, verdict });
  });

  it('is nothing without outcomes, and JSON through and through', () => {
    const none = outcomeFigures({ outputs: Float32Array.of(0.1, 0.9), outcomes: Float64Array.of(NaN, NaN) }, { ...TERMS, section: { name: 'revenue', minimumCorrelation: 0.1 } });
    expect(none).toEqual({
      name: 'revenue', unit: null, rows: 0, mean: null, pearson: null, spearman: null, threshold: { limit: 0.1, verdict: 'inconclusive' },
      decisions: { positive: { rows: 0, mean: null }, negative: { rows: 0, mean: null }, difference: null },
    });
    const one = outcomeFigures({ outputs: Float32Array.of(0.9), outcomes: Float64Array.of(12) }, TERMS);
    expect(one).toMatchObject({ rows: 1, mean: { value: 12, low: null, high: null }, pearson: null, decisions: { positive: { rows: 1, mean: 12 } } });
    for (const found of [none, one, outcomeFigures(draw(90, 1), TERMS)]) expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });
});
