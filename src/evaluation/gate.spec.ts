import { describe, expect, it } from 'vitest';
import type { Estimate } from '../contracts/verdict.js';
import { decideGate, type GateInput } from './gate.js';
import type { PairedComparison, RecentGain } from '../contracts/evaluations.js';

type GateSpec = GateInput['spec'];
interface Over {
  readonly absolute?: GateSpec['gates']['absolute'];
  readonly minimumGain?: number;
  readonly by?: 'metric' | 'recentLoss';
  readonly costs?: GateSpec['retraining']['costs'];
}
const spec = ({ absolute = [{ metric: 'auc', min: 0.6 }], minimumGain = 0, by = 'metric', costs }: Over = {}): GateSpec => ({
  evaluation: { window: 'P4W', holdOutEvery: 1, minimumRows: 500, slices: [], threshold: 0.5, alpha: 0.05 },
  gates: { absolute, comparison: { metric: 'auc', minimumGain, by } },
  retraining: { costs } as GateSpec['retraining'],
});
const estimate = (value: number, low: number | null = value - 0.01, high: number | null = value + 0.01): Estimate => ({ value, low, high });
const comparison = (gain: Estimate): PairedComparison => ({ metric: 'auc', rows: 1_000, blocks: 28, candidate: 0.7, champion: 0.7 - gain.value, gain });
const decide = (over: Partial<GateInput> = {}) =>
  decideGate({ spec: spec(), measurement: { metrics: { auc: estimate(0.7) }, undefinedBecause: {} }, comparison: null, rows: 1_000, requested: false, ...over });

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

describe('the gain on the newest rows', () => {
  const recent = (gain: Estimate, over: Partial<RecentGain> = {}): RecentGain => ({
    loss: 'brier', blocks: 4, rows: 800, since: '2024-05-01T00:00:00.000Z', candidate: 0.2, champion: 0.2 + gain.value, gain, rowsPerDay: 200, ...over,
  });
  const judge = (gain: Estimate, over: Over = {}, input: Partial<GateInput> = {}) =>
    decide({ spec: spec({ by: 'recentLoss', absolute: [], ...over }), comparison: comparison(estimate(-0.05)), recentGain: recent(gain), ...input });

  it.each<[string, number, Estimate, string]>([
    ['the whole interval above zero', 0, estimate(0.02), 'pass'],
    ['an interval across zero', 0, estimate(0.005), 'inconclusive'],
    ['an interval that ends at zero', 0, estimate(0.01, 0, 0.02), 'inconclusive'],
    ['a worse candidate', 0, estimate(-0.001), 'fail'],
    ['no difference', 0, estimate(0, 0, 0), 'fail'],
    ['a gain too small to be worth it', 0.03, estimate(0.02), 'fail'],
    ['an interval across the smallest gain', 0.015, estimate(0.02), 'inconclusive'],
    ['no interval', 0, estimate(0.02, null, null), 'inconclusive'],
    ['no interval and no better', 0, estimate(-0.02, null, null), 'inconclusive'],
  ])('decides, and the metric does not: %s', (_, minimumGain, gain, verdict) => {
    const { checks, ...decision } = judge(gain, { minimumGain });
    expect([decision.verdict, checks.map(({ name }) => name)]).toEqual([verdict, ['rows', 'comparison:recentLoss']]);
  });

  it('explains itself with its numbers', () => {
    expect(judge(estimate(0.02)).checks.at(-1)).toEqual({
      name: 'comparison:recentLoss',
      verdict: 'pass',
      explanation: "The mean loss of a row (brier, lower is better) is 0.2 against the champion's 0.22 on the same 800 rows of the newest 4 blocks, since 2024-05-01T00:00:00.000Z: a gain of 0.02 (interval 0.01 to 0.03); the whole interval is above 0.",
      measured: estimate(0.02),
      required: 'a gain in the loss of the newest rows of more than 0 at 95 % confidence',
    });
    const without = (over: Partial<RecentGain>) => judge(estimate(0), {}, { recentGain: recent(estimate(0.02, null, null), over) }).checks.at(-1)?.explanation;
    expect(without({ blocks: 1 })).toMatch(/800 rows of the newest block, since .*; no interval can be drawn from a single block; widen evaluation\.window\.$/);
    expect(without({ blocks: 1, rows: 1 })).toMatch(/ 1 row of the newest block, .* from a single row; /);
  });

  it('is an error where the champion could not be compared, and does not apply without one', () => {
    const hindered = judge(estimate(0), {}, { recentGain: undefined, comparison: { metric: 'auc', rows: 1_000, undefinedBecause: 'it has seen some of the rows' } });
    expect(hindered).toMatchObject({ verdict: 'error', checks: [{}, { name: 'comparison:recentLoss', explanation: 'The losses of the newest rows cannot be compared: it has seen some of the rows.' }] });
    expect(judge(estimate(0), {}, { recentGain: undefined }).verdict).toBe('error');
    expect(judge(estimate(0.02), {}, { comparison: { metric: 'auc', rows: 1_000, undefinedBecause: 'no row is positive' } }).verdict).toBe('pass');
    expect(judge(estimate(0), { costs: COSTS }, { recentGain: undefined, comparison: null })).toMatchObject({ verdict: 'pass', checks: [{}, { explanation: 'There is no champion yet to compare with; the absolute thresholds decide.' }] });
  });

  // 0.02 in each of 200 rows on 28 days is 112, at 10 for each 1,120.
  const COSTS = { perLossUnit: 10, training: 1e9, release: 1_119, horizon: 'P28D' };
  it.each<[string, Partial<typeof COSTS>, Partial<GateInput>, string]>([
    ['what pays for its release, whatever the training cost', {}, {}, 'pass'],
    ['what saves less than its release', { release: 1_121 }, {}, 'fail'],
    ['what can never pay', { release: 0, perLossUnit: 0 }, {}, 'fail'],
    ['what saves less, but was requested', { release: 1_121 }, { requested: true }, 'pass'],
    ['what is not known', {}, { recentGain: recent(estimate(0.02, null, null)) }, 'inconclusive'],
    ['what is not known, but was requested', {}, { recentGain: recent(estimate(0.02, null, null)), requested: true }, 'pass'],
  ])('is weighed against the costs: %s', (_, costs, input, verdict) => {
    expect(judge(estimate(0.02), { costs: { ...COSTS, ...costs } }, input).checks.at(-1)).toMatchObject({ name: 'worth', verdict });
  });

  it('is told with what it is worth', () => {
    const check = (input: Partial<GateInput> = {}) => judge(estimate(0.02), { costs: COSTS }, input).checks.at(-1);
    const explanation = 'Over P28D a release is expected to save 1120 [560, 1680] and costs 1120; it pays from a gain of 0.02 a row on.';
    expect(check()).toEqual({ name: 'worth', verdict: 'pass', explanation, measured: { value: expect.closeTo(1_120, 9), low: expect.closeTo(560, 9), high: expect.closeTo(1_680, 9) }, required: 'to save more than a release costs, 1119' });
    expect(check({ requested: true })?.explanation).toBe(`${explanation} The retrain was requested, and a request overrides the weighing.`);
    expect(check({ recentGain: recent(estimate(0.02, null, null)) })?.explanation).toBe('What a release would save is not known.');
    expect(decide({ spec: spec({ costs: COSTS }), comparison: comparison(estimate(0.02)) }).checks.map(({ name }) => name)).not.toContain('worth');
  });

  it('is inconclusive on too few rows, what it is worth too', () => {
    const decision = judge(estimate(0.02), { costs: COSTS }, { rows: 499, requested: true });
    expect(decision.checks.map(({ verdict }) => verdict)).toEqual(['inconclusive', 'inconclusive', 'inconclusive']);
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
