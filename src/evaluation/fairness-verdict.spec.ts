import { describe, expect, it } from 'vitest';
import type { Disparity, DisparityName, FairnessMeasurement } from './fairness.js';
import { measureFairness } from './fairness.js';
import { judgeFairness } from './fairness-verdict.js';

const disparity = (value: number, low: number, high: number): Disparity =>
  ({ value, low, high, rate: 'selectionRate', highest: ['M'], lowest: ['F'], pairs: 3 });

const measured = (name: DisparityName, found: Disparity | null): FairnessMeasurement => ({
  columns: ['sex', 'race'], alpha: 0.05, rows: 1000, unknownRows: 0, groups: [],
  disparities: {
    demographicParityRatio: null, demographicParityDifference: null, equalizedOddsDifference: null,
    adverseActionRatio: null, adverseActionDifference: null, accuracyDifference: null, [name]: found,
  },
  undefinedBecause: found ? {} : { [name]: 'only 1 of 2 groups are large enough and have rows for the accuracy' },
});

describe('a disparity is judged by its whole interval', () => {
  it.each([
    ['demographicParityRatio', [0.9, 0.8, 1], 'pass'],
    ['demographicParityRatio', [0.9, 0.79, 1], 'inconclusive'],
    ['demographicParityRatio', [0.7, 0.6, 0.8], 'inconclusive'],
    ['demographicParityRatio', [0.7, 0.6, 0.79], 'fail'],
    ['adverseActionRatio', [0.7, 0.6, 0.79], 'fail'],
    ['demographicParityDifference', [0.7, 0.6, 0.8], 'pass'],
    ['demographicParityDifference', [0.7, 0.6, 0.81], 'inconclusive'],
    ['equalizedOddsDifference', [0.85, 0.8, 0.9], 'inconclusive'],
    ['adverseActionDifference', [0.85, 0.81, 0.9], 'fail'],
    ['accuracyDifference', [0, 0, 0.1], 'pass'],
  ] as const)('%s of %j against 0.8: %s', (name, [value, low, high], verdict) => {
    const [check] = judgeFairness(measured(name, disparity(value, low, high)), { [name]: 0.8 });
    expect(check).toMatchObject({ verdict, disparity: name, columns: ['sex', 'race'], measured: { value, low, high } });
  });

  it('and is inconclusive where it is not defined', () => {
    expect(judgeFairness(measured('accuracyDifference', null), { accuracyDifference: 0.1 })).toEqual([{
      name: 'fairness:sex×race:accuracyDifference',
      columns: ['sex', 'race'],
      disparity: 'accuracyDifference',
      verdict: 'inconclusive',
      explanation: 'The accuracyDifference by sex × race is not defined: only 1 of 2 groups are large enough and have rows for the accuracy.',
      measured: null,
      required: 'accuracyDifference of at most 0.1',
    }]);
  });

  it('and says which groups make it', () => {
    const [check] = judgeFairness(measured('demographicParityRatio', disparity(0.7, 0.6, 0.75)), { demographicParityRatio: 0.8 });
    expect(check!.explanation).toBe(
      'The demographicParityRatio by sex × race is 0.7 (interval 0.6 to 0.75), at 95 % confidence for all 3 pairs of groups; '
      + 'the selectionRate is highest for M and lowest for F; the whole interval breaks the limit 0.8.',
    );
    expect(check!.required).toBe('demographicParityRatio of at least 0.8');
  });
});

it('judges what has a limit only, in the order of the limits', () => {
  const found = measured('accuracyDifference', disparity(0.1, 0, 0.2));
  expect(judgeFairness(found, {})).toEqual([]);
  expect(judgeFairness(found, { equalizedOddsDifference: 0.1, accuracyDifference: 0.3 }).map(({ verdict }) => verdict)).toEqual(['inconclusive', 'pass']);
});

it('refuses limits that no disparity can reach', () => {
  for (const limit of [-0.1, 1.1, 80, NaN]) {
    expect(() => judgeFairness(measured('accuracyDifference', null), { accuracyDifference: limit })).toThrow(RangeError);
  }
});

it('is sure of what many rows show', () => {
  const n = 20_000;
  const codes = Int32Array.from({ length: n }, (_, row) => row % 2);
  // Of every 20 rows of a group, 10 of M and 6 of F are chosen.
  const decisions = Uint8Array.from({ length: n }, (_, row) => (Math.floor(row / 2) % 20 < (row % 2 === 0 ? 6 : 10) ? 1 : 0));
  const [found] = measureFairness({ decisions, labels: null, columns: [{ column: 'sex', groups: ['F', 'M'], codes }] }, { alpha: 0.01, favourable: 1 });
  expect(found!.disparities.demographicParityRatio!.value).toBeCloseTo(0.6, 12);
  const verdictAt = (demographicParityRatio: number): string => judgeFairness(found!, { demographicParityRatio })[0]!.verdict;
  expect([verdictAt(0.8), verdictAt(0.6), verdictAt(0.5)]).toEqual(['fail', 'inconclusive', 'pass']);
});
