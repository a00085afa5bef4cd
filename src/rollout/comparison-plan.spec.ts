import { describe, expect, it } from 'vitest';
import { rolloutSection } from '../spec/rollout-section.js';
import { comparisonPlan, planDigest, planOfSpec } from './comparison-plan.js';

describe('the plan of a comparison', () => {
  it('comes from the spec, with every default written out', () => {
    expect(planOfSpec({ task: 'binary-classification', rollout: rolloutSection.parse({}) })).toEqual({
      metric: 'brier', bound: 1, alpha: 0.05, margin: 0, minimumSamples: 1_000, maximumSamples: 1_000_000, method: 'asymptotic',
      blockMs: 86_400_000, dependence: 'blocks', minimumBlocks: 7, tunedFor: 10_000, assumedDeviation: 0.1,
    });
    const rollout = rolloutSection.parse({ comparison: { bound: 30, block: 'PT6H', minimumSamples: 50, method: 'empirical-bernstein' } });
    expect(planOfSpec({ task: 'regression', rollout })).toMatchObject({ metric: 'absoluteError', bound: 30, blockMs: 21_600_000, tunedFor: 500, assumedDeviation: 3, method: 'empirical-bernstein' });
  });

  it('has a digest that every value changes', () => {
    const plan = comparisonPlan({ metric: 'brier' });
    const digests = [plan, { ...plan, margin: 0.01 }, { ...plan, alpha: 0.01 }, { ...plan, dependence: 'rows' as const }, { ...plan, metric: 'clippedLogLoss' as const }].map(planDigest);
    expect(new Set(digests).size).toBe(digests.length);
    expect(planDigest({ ...plan })).toBe(digests[0]);
  });

  it('names everything that makes no sense', () => {
    expect(() => comparisonPlan({ metric: 'absoluteError' })).toThrow(/needs a bound/);
    expect(() => comparisonPlan({ metric: 'brier', alpha: 0.5, margin: 1, minimumSamples: 10, maximumSamples: 9, blockMs: 0 }))
      .toThrow(/alpha 0.5 .*; margin 1 .*; maximumSamples 9 .*; blockMs 0 /);
    expect(() => comparisonPlan({ metric: 'brier', assumedDeviation: NaN })).toThrow(/assumedDeviation NaN/);
  });
});
