import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BoundedMean } from './bounded-mean.js';
import { addBlock, judge, startComparison } from './comparison.js';
import { comparisonPlan } from './comparison-plan.js';
import { distributionBound } from './distribution-bound.js';
import { betaBinomialLogMixture, gammaExponentialBound, gammaExponentialLogMixture, normalMixtureBound, tunedRho } from './mixture-boundaries.js';

interface Reference {
  readonly boundaries: {
    readonly normal: [v: number, alpha: number, tuned: number, bound: number][];
    readonly gammaExponential: [v: number, alpha: number, tuned: number, c: number, bound: number][];
    readonly gammaExponentialMixture: [s: number, v: number, alpha: number, tuned: number, c: number, log: number][];
    readonly betaBinomialMixture: [successes: number, trials: number, share: number, alpha: number, tuned: number, log: number][];
  };
  readonly empiricalBernstein: { name: string; values: number[]; tunedFor: number; alphaOfOneSide: number; low: number[] }[];
  readonly distance: [t: number, alpha: number, start: number, bound: number][];
  readonly comparisons: {
    alpha: number; tunedFor: number; assumedDeviation: number; champion: number[]; challenger: number[]; label: number[]; gain: number;
    asymptotic: [number, number]; empiricalBernstein: [number, number];
  }[];
}

const reference = JSON.parse(readFileSync(new URL('./reference/reference.json', import.meta.url), 'utf8')) as Reference;

/** To 1e-9 of the value, or of 1 where it is less. */
function expectClose(found: number | null, expected: number, what: string): void {
  expect(found, what).not.toBeNull();
  expect(Math.abs(found! - expected) / Math.max(1, Math.abs(expected)), `${what}: ${found} for ${expected}`).toBeLessThan(1e-9);
}

describe('boundaries equal confseq', () => {
  const { normal, gammaExponential, gammaExponentialMixture, betaBinomialMixture } = reference.boundaries;

  it('normal mixture', () => {
    for (const [v, alpha, tuned, bound] of normal) expectClose(normalMixtureBound(v, tunedRho(tuned, alpha), alpha), bound, `v ${v}, alpha ${alpha}, tuned for ${tuned}`);
  });

  it('gamma-exponential mixture', () => {
    for (const [v, alpha, tuned, c, bound] of gammaExponential) expectClose(gammaExponentialBound(v, tunedRho(tuned, 2 * alpha), c, alpha), bound, `v ${v}, alpha ${alpha}, tuned for ${tuned}, c ${c}`);
    for (const [s, v, alpha, tuned, c, log] of gammaExponentialMixture) expectClose(gammaExponentialLogMixture(s, v, tunedRho(tuned, 2 * alpha), c), log, `s ${s}, v ${v}, alpha ${alpha}, tuned for ${tuned}, c ${c}`);
  });

  it('beta-binomial mixture', () => {
    for (const [successes, trials, share, alpha, tuned, log] of betaBinomialMixture) expectClose(betaBinomialLogMixture(successes, trials, share, tuned, alpha), log, `${successes} of ${trials} at ${share}`);
  });

  it('bound on an empirical distribution', () => {
    for (const [t, alpha, start, bound] of reference.distance) expectClose(distributionBound(t, start, alpha), bound, `t ${t}, alpha ${alpha}, from ${start}`);
  });

  it.each(reference.empiricalBernstein.map((known) => [known.name, known] as const))('empirical Bernstein, row by row: %s', (_, { values, tunedFor, alphaOfOneSide, low }) => {
    const sequence = new BoundedMean(1, 0.5);
    values.forEach((value, row) => {
      sequence.add(value);
      expectClose(Math.max(0, sequence.interval(2 * alphaOfOneSide, tunedFor).low), low[row]!, `row ${row}`);
    });
  });
});

describe('comparisons equal the second implementation', () => {
  const judged = (known: Reference['comparisons'][number], method: 'asymptotic' | 'empirical-bernstein') => {
    const { alpha, tunedFor, assumedDeviation } = known;
    const plan = comparisonPlan({ metric: 'brier', alpha, tunedFor, assumedDeviation, method, minimumSamples: 20, dependence: 'rows' });
    let state = startComparison(plan);
    // In three unequal blocks: the state carries over.
    const cuts = [0, 7, Math.floor(known.label.length / 2), known.label.length];
    for (let block = 0; block < 3; block++) {
      const part = (values: number[]): Float64Array => Float64Array.from(values.slice(cuts[block], cuts[block + 1]));
      const pairs = { champion: part(known.champion), challenger: part(known.challenger), label: part(known.label) };
      state = JSON.parse(JSON.stringify(addBlock(state, { fromMs: block, untilMs: block + 1, ...pairs }))) as typeof state;
    }
    return judge(state);
  };

  it.each(reference.comparisons.map((known) => [known.label.length, known] as const))('%i pairs', (_, known) => {
    for (const [method, [low, high]] of [['asymptotic', known.asymptotic], ['empirical-bernstein', known.empiricalBernstein]] as const) {
      const found = judged(known, method);
      expectClose(found.gain, known.gain, `${method} gain`);
      expectClose(found.low, low, `${method} low`);
      expectClose(found.high, high, `${method} high`);
    }
  });
});
