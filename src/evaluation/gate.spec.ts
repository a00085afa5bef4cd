import { describe, expect, it } from 'vitest';
import type { Estimate } from '../contracts/verdict.js';
import { decideGate, type GateInput } from './gate.js';
import type { PairedComparison } from '../contracts/evaluations.js';

type GateSpec = GateInput['spec'];
const spec = (over: { absolute?: GateSpec['gates']['absolute']; minimumGain?: number } = {}): GateSpec => ({
  evaluation: { window: 'P4W', holdOutEvery: 1, minimumRows: 500, slices: [], threshold: 0.5, alpha: 0.05 },
  gates: { absolute: over.absolute ?? [{ metric: 'auc', min: 0.6 }], comparison: { metric: 'auc', minimumGain: over.minimumGain ?? 0, by: 'metric' } },
});
const estimate = (value: number, low: number | null = value - 0.01, high: number | null = value + 0.01): Estimate => ({ value, low, high });
const comparison = (gain: Estimate): PairedComparison => ({ metric: 'auc', rows: 1_000, blocks: 28, candidate: 0.7, champion: 0.7 - gain.value, gain });
const decide = (over: Partial<GateInput> = {}) =>
  decideGate({ spec: spec(), measurement: { metrics: { auc: estimate(0.7) }, undefinedBecause: {} }, comparison: null, rows: 1_000, ...over });

describe('the comparison with the champion', () => {
  it.each<[string, number, Estimate, string]>([
    ['the whole interval above zero', 0, estimate(0.02), 'pass'],
    ['an interval across zero', 0, estimate(0.005), 'inconclusive'],
    ['an interval that ends at zero', 0, estimate(0.01, 0, 0.02), 'inconclusive'],
    ['a worse point', 0, estimate(-0.001), 'fail'],
    ['no difference', 0, estimate(0, 0, 0), 'fail'],
    ['a gain too small to be worth it', 0.05, estimate(0.02), 'fail'],
    ['an interval across the smallest gain', 0.015, estimate(0.02), 'inconclusive'],
    ['no interval', 0, estimate(0.02, null, null), 'inconclusive'],
    ['no interval and no better', 0, estimate(-0.02, null, null), 'fail'],
  ])('%s', (_, minimumGain, gain, verdict) => {
    expect(decide({ spec: spec({ minimumGain }), comparison: comparison(gain) }).verdict).toBe(verdict);
  });

  it('explains itself with its numbers', () => {
    const check = decide({ comparison: comparison(estimate(0.02)) }).checks.find(({ name }) => name === 'comparison:auc');
    expect(check).toEqual({
      name: 'comparison:auc',
      verdict: 'pass',
      explanation: "auc (higher is better) is 0.7 against the champion's 0.68 on the same 1,000 rows in 28 time blocks: a gain of 0.02 (interval 0.01 to 0.03); the whole interval is above 0.",
      measured: estimate(0.02),
      required: 'a gain in auc of more than 0 at 95 % confidence',
    });
  });

  it('does not apply where there is no champion', () => {
    expect(decide().verdict).toBe('pass');
    expect(decide({ spec: spec({ absolute: [{ metric: 'auc', min: 0.8 }] }) }).verdict).toBe('fail');
  });

  it('is an error where the metric does not exist, or is another one', () => {
    const undefined_ = decide({ comparison: { metric: 'auc', rows: 1_000, undefinedBecause: 'no row is positive' } });
    expect(undefined_.verdict).toBe('error');
    expect(undefined_.checks.at(-1)?.explanation).toBe('auc cannot be compared on the evaluation rows: no row is positive.');
    expect(decide({ comparison: { ...comparison(estimate(0.1)), metric: 'brier' } }).verdict).toBe('error');
  });
});

describe('absolute thresholds', () => {
  it('are judged by the point, and an interval across them is told', () => {
    const measurement = { metrics: { auc: estimate(0.605) }, undefinedBecause: {} };
    const [, check] = decide({ measurement }).checks;
    expect(check).toMatchObject({ verdict: 'pass', explanation: 'auc is 0.605 (interval 0.595 to 0.615), which meets the required at least 0.6; the interval reaches across the threshold.' });
    expect(decide({ measurement: { ...measurement, metrics: { auc: estimate(0.599) } } }).verdict).toBe('fail');
  });

  it.each([[0.1, 'fail'], [0.2, 'pass'], [0.25, 'pass'], [0.3, 'pass'], [0.31, 'fail']])('min and max hold together: %d', (value, verdict) => {
    const measurement = { metrics: { brier: estimate(value, null, null) }, undefinedBecause: {} };
    expect(decide({ spec: spec({ absolute: [{ metric: 'brier', min: 0.2, max: 0.3 }] }), measurement }).verdict).toBe(verdict);
  });

  it('are an error on a metric that does not exist, with the reason', () => {
    const decision = decide({ measurement: { metrics: {}, undefinedBecause: { auc: 'every row is positive' } } });
    expect(decision).toMatchObject({ verdict: 'error', checks: [{}, { explanation: 'auc is not defined on the evaluation rows: every row is positive.' }, {}] });
  });
});

describe('the whole', () => {
  it('is the gravest of its checks', () => {
    const absolute = [{ metric: 'auc', min: 0.9 }, { metric: 'f1', min: 0.1 }] as const;
    const failing = decide({ spec: spec({ absolute: [absolute[0]] }), comparison: comparison(estimate(0.005)) });
    expect(failing.checks.map(({ verdict }) => verdict)).toEqual(['pass', 'fail', 'inconclusive']);
    expect(failing.verdict).toBe('fail');
    expect(decide({ spec: spec({ absolute: [...absolute] }) }).verdict).toBe('error');
  });

  it.each([0, 499])('is inconclusive on %d rows of 500, whatever they say', (rows) => {
    for (const absolute of [[{ metric: 'auc', min: 0.9 }], [{ metric: 'f1', min: 0.9 }], []] as GateSpec['gates']['absolute'][]) {
      for (const compared of [null, comparison(estimate(0.2)), comparison(estimate(-0.2))]) {
        const decision = decide({ spec: spec({ absolute }), comparison: compared, rows });
        expect(decision.verdict).toBe('inconclusive');
        expect(decision.checks[0]?.explanation).toBe(`Only ${rows} rows have mature labels and 500 are needed; wait for more labels or widen evaluation.window.`);
      }
    }
  });

  it('begins to judge at the number of rows that is needed', () => {
    expect(decide({ rows: 500 }).verdict).toBe('pass');
  });
});
