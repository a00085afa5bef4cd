import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { normalQuantile } from '../evaluation/distributions.js';
import { type ClosedFacts, type CountedFacts, type CounterfactualState, CUSUM_DEFAULTS, type CusumPlan, PSI_LIMIT, startCounterfactuals, stepCounterfactuals } from './counterfactual-triggers.js';
import { seededRandom } from '../observations/testing/random-observations.js';

const { cases } = JSON.parse(readFileSync(new URL('./reference/counterfactual-triggers.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly { readonly plan: CusumPlan; readonly losses: readonly (number | null)[]; readonly sums: readonly (number | null)[]; readonly alarms: readonly number[] }[];
};

const BEGIN = Date.UTC(2026, 0, 10);
const PLAN: CusumPlan = { mean: 0.2, deviation: 0.02, ...CUSUM_DEFAULTS };
/** A window that closes, and whose labels are counted at once. */
type Both = ClosedFacts & Omit<CountedFacts, 'plan'>;
const QUIET: Both = { untilMs: BEGIN, features: [], version: 1, meanLoss: null };
const stepOf = (state: CounterfactualState, facts: Both, plan = PLAN) => stepCounterfactuals(state, { closed: facts, counted: { ...facts, plan } });

/** The policies' retrains, window by window, the state taken through JSON each time. */
function run(windows: readonly Partial<Both>[], plan = PLAN): { readonly retrained: readonly string[]; readonly states: readonly CounterfactualState[] } {
  let state = startCounterfactuals(BEGIN);
  const states: CounterfactualState[] = [];
  const retrained = windows.map((window) => {
    const step = stepOf(JSON.parse(JSON.stringify(state)) as CounterfactualState, { ...QUIET, ...window }, plan);
    ({ state } = step);
    states.push(state);
    return step.retrained.join();
  });
  return { retrained, states };
}

describe('the calendar', () => {
  it('retrains once in each month that begins, in UTC, also after a gap', () => {
    const ends = [Date.UTC(2026, 0, 31, 23, 59), Date.UTC(2026, 1, 1), Date.UTC(2026, 1, 20), Date.UTC(2026, 4, 3), Date.UTC(2026, 4, 4), Date.UTC(2026, 11, 31), Date.UTC(2027, 0, 1)];
    expect(run(ends.map((untilMs) => ({ untilMs }))).retrained).toEqual(['', 'calendar', '', 'calendar', '', 'calendar', 'calendar']);
  });
});

describe("Page's test", () => {
  it.each(cases.map((one, index) => [index, one] as const))('is his definition, case %i', (_, { plan, losses, sums, alarms }) => {
    const { retrained, states } = run(losses.map((meanLoss) => ({ meanLoss })), plan);
    expect(retrained.flatMap((policies, window) => (policies === 'cusum' ? [window] : []))).toEqual(alarms);
    sums.forEach((sum, window) => {
      if (sum === null) expect(states[window]!.cusum.sum).toBe(window === 0 ? 0 : states[window - 1]!.cusum.sum);
      else expect(Math.abs(states[window]!.cusum.sum - (alarms.includes(window) ? 0 : sum)), `window ${window}`).toBeLessThan(1e-9);
    });
  });

  it('has the published length of a run without change: 930 for k = 0.5 and h = 5', () => {
    const uniform = seededRandom(465);
    let [state, alarms] = [startCounterfactuals(BEGIN), 0];
    const windows = 600_000;
    for (let window = 0; window < windows; window++) {
      const step = stepOf(state, { ...QUIET, meanLoss: 0.2 + 0.02 * normalQuantile(uniform() + 2 ** -34) });
      ({ state } = step);
      alarms += step.retrained.length;
    }
    expect(windows / alarms).toBeGreaterThan(930 * 0.88);
    expect(windows / alarms).toBeLessThan(930 * 1.12);
  });

  it('refuses plans and losses that make no sense', () => {
    for (const plan of [{ ...PLAN, deviation: 0 }, { ...PLAN, deviation: NaN }, { ...PLAN, threshold: 0 }, { ...PLAN, allowance: -1 }, { ...PLAN, mean: NaN }]) {
      expect(() => run([{}], plan)).toThrow(RangeError);
    }
    expect(() => run([{ meanLoss: NaN }])).toThrow(/not finite/);
  });
});

describe('PSI', () => {
  const of = (a: number | null, b: number | null): Partial<Both> => ({ features: [{ name: 'a', psi: a }, { name: 'b', psi: b }] });

  it('retrains where a feature comes to lie above the limit', () => {
    expect(run([of(0.1, null), of(PSI_LIMIT, 0), of(0.21, 0), of(0.5, 0), of(0.5, 0.3), of(0, 0), of(0, 0.3)]).retrained).toEqual(['', '', 'psi', '', 'psi', '', 'psi']);
  });
});

describe('a decision', () => {
  const shifted = [{ name: 'a', psi: 3 }];
  it('of a window that closes is one of the calendar and of PSI, which wait for no label', () => {
    const { retrained, state } = stepCounterfactuals(startCounterfactuals(BEGIN), { closed: { untilMs: Date.UTC(2026, 1, 1), features: shifted }, counted: null });
    expect(retrained).toEqual(['calendar', 'psi']);
    expect(state.cusum).toEqual({ sum: 0 });
    expect(stepCounterfactuals(state, { closed: null, counted: { version: 1, meanLoss: 1, plan: PLAN } }).retrained).toEqual(['cusum']);
  });

  it('of neither changes nothing', () => {
    const state = startCounterfactuals(BEGIN);
    expect(stepCounterfactuals(state, { closed: null, counted: null })).toEqual({ state, retrained: [] });
  });

  it("of another version begins Page's sum anew", () => {
    const { states } = run([{ meanLoss: 0.22 }, { meanLoss: 0.22 }, { meanLoss: 0.22, version: 2 }]);
    expect(states.map(({ cusum: { sum } }) => Number(sum.toFixed(9)))).toEqual([0.5, 1, 0.5]);
  });
});

it('tells all that would have retrained', () => {
  const window = { untilMs: Date.UTC(2026, 1, 1), meanLoss: 1, features: [{ name: 'a', psi: 3 }] };
  expect(run([window]).retrained).toEqual(['calendar,cusum,psi']);
});
