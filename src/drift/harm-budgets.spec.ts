import { describe, expect, it } from 'vitest';
import { deploymentShare, estimatedHarmTerms, labelledHarmTerms } from './harm-budgets.js';

const SPENT = { falseAlarms: 0.1, tolerance: 0.1 };

describe('the share of a deployment', () => {
  it('is three quarters for the first, and of the rest ever less for those that follow', () => {
    expect([1, 2, 3, 4, 5].map(deploymentShare)).toEqual([3 / 4, 1 / 8, 1 / 24, 1 / 48, 1 / 80]);
    for (let place = 1; place < 1_000; place++) expect(deploymentShare(place + 1)).toBeLessThan(deploymentShare(place));
  });

  it('comes to no more than the whole with all others, however many there are', () => {
    let sum = 0;
    for (let place = 1; place <= 10_000; place++) {
      sum += deploymentShare(place);
      // What is left is a quarter of 1/place.
      expect(Math.abs(1 - 1 / (4 * place) - sum), `${place} deployments`).toBeLessThan(1e-12);
    }
  });

  it.each([0, -1, 1.5, NaN, Infinity])('is none in place %d', (place) => {
    expect(() => deploymentShare(place)).toThrow(/whole number from 1/);
  });
});

describe('the budget of false alarms', () => {
  it('is shared by halves where both alarm, and labels have all of it where only they do', () => {
    for (const [estimatedHarm, labels] of [['off', 0.1], ['observe', 0.1], ['alarm', 0.05]] as const) {
      expect(labelledHarmTerms({ ...SPENT, estimatedHarm }, 1 / 8)).toEqual({ falseAlarms: labels, share: 1 / 8, tolerance: 0.1 });
      expect(estimatedHarmTerms({ ...SPENT, estimatedHarm }, 1 / 8)).toEqual({ falseAlarms: 0.05, share: 1 / 8, tolerance: 0.1 });
    }
  });
});
