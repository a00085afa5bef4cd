import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { changeBudget, endSequence, type HarmBudget, splitBudget, startBudget, startSequence, YEAR_MS, yearStart } from './alarm-budget.js';
import { decideDrift, type DriftDiscoveries, type DriftTests, startDiscoveries } from './drift-discoveries.js';
import { seededRandom } from '../observations/testing/random-observations.js';

interface Window {
  fromMs: number; untilMs: number; quantities: string[]; values: (number | string)[];
  found: string[]; level: number | null; discovered: string[];
}

const reference = JSON.parse(readFileSync(new URL('./reference/alarm-budget.json', import.meta.url), 'utf8')) as {
  readonly allowances: { yearly: number; events: ['start' | 'end', string, number][]; allowances: number[] };
  readonly discoveries: {
    streams: { kind: DriftTests['kind']; alpha: number; windows: Window[] }[];
    eBenjaminiHochberg: { alpha: number; values: number[]; rejected: boolean[] }[];
  };
};
const DAY = 86_400_000;

describe('a budget', () => {
  it('is divided by weights', () => {
    expect(splitBudget(0.1, { loss: 2, estimatedError: 1, drift: 1, unused: 0 })).toEqual({ loss: 0.05, estimatedError: 0.025, drift: 0.025, unused: 0 });
    expect(() => splitBudget(0.1, { loss: 1, drift: -1 })).toThrow(/weight/);
    expect(() => splitBudget(0.1, { loss: NaN })).toThrow(/weight/);
    expect(() => splitBudget(0.1, {})).toThrow(/no quantity/);
  });

  it('counts years of event time from its own start', () => {
    expect(yearStart(7, 7 + 2.5 * YEAR_MS)).toBe(7 + 2 * YEAR_MS);
    expect(yearStart(7, 7 + YEAR_MS)).toBe(7 + YEAR_MS);
    expect(() => yearStart(7, 6)).toThrow(/before/);
  });

  it('gives sequences what the reference gives them', () => {
    const { yearly, events, allowances } = reference.allowances;
    let budget = startBudget(yearly, 0);
    const given: number[] = [];
    for (const [kind, id, atMs] of events) {
      if (kind === 'end') {
        budget = endSequence(budget, id, atMs);
        continue;
      }
      const started = startSequence(JSON.parse(JSON.stringify(budget)) as HarmBudget, id, atMs);
      budget = started.budget;
      given.push(started.allowance);
    }
    expect(given.length).toBe(allowances.length);
    given.forEach((allowance, at) => expect(allowance / allowances[at]!, `start ${at}`).toBeCloseTo(1, 10));
  });

  it('is never overspent in a year, whatever starts and ends', () => {
    const draw = seededRandom(11);
    let budget = startBudget(1, 0);
    const alive = new Map<string, number>();
    let [spent, year] = [0, 0];
    for (let day = 0; day < 1_500; day += Math.floor(9 * draw())) {
      if (yearStart(0, day * DAY) > year) {
        year = yearStart(0, day * DAY);
        spent = [...alive.values()].reduce((sum, allowance) => sum + allowance, 0);
      }
      const [oldest] = alive.keys();
      if (oldest !== undefined && draw() < 0.4) {
        budget = endSequence(budget, oldest, day * DAY);
        alive.delete(oldest);
      }
      const started = startSequence(budget, `s${day}-${draw()}`, day * DAY);
      budget = started.budget;
      alive.set(Object.keys(budget.running).find((id) => !alive.has(id))!, started.allowance);
      spent += started.allowance;
      expect(started.allowance).toBeGreaterThan(0);
      expect(spent).toBeLessThanOrEqual(1 + 1e-12);
    }
    expect(spent).toBeGreaterThan(0.9);
  });

  it('that is changed in a year has in it what is left of the share, and all of itself in the next', () => {
    const { budget } = startSequence(startBudget(0.1, 0), 'a', 0);
    const lower = changeBudget(budget, 0.02);
    expect(lower).toEqual({ yearly: 0.02, yearFromMs: 0, left: 0.01, started: 1, running: { a: 0.05 } });
    expect(changeBudget(lower, 0.1)).toEqual(budget);
    expect(changeBudget(budget, 0.1)).toEqual(budget);
    const ended = endSequence(lower, 'a', DAY);
    expect(startSequence(ended, 'b', DAY).allowance).toBeCloseTo(0.02 / 6, 12);
    expect(startSequence(ended, 'b', YEAR_MS).allowance).toBe(0.01);
    expect(() => changeBudget(budget, 0)).toThrow(/greater than 0/);
  });

  it('refuses a second start, an end without a start, and nothing to spend', () => {
    const { budget } = startSequence(startBudget(0.1, 0), 'a', 0);
    expect(() => startSequence(budget, 'a', 5)).toThrow(/runs already/);
    expect(() => endSequence(budget, 'toString', 5)).toThrow(/no sequence/);
    expect(() => startSequence(budget, 'b', -1)).toThrow(/before/);
    expect(() => startBudget(0, 0)).toThrow(/greater than 0/);
  });
});

describe('discoveries of drift', () => {
  it.each(reference.discoveries.streams.map((stream) => [stream.kind, stream] as const))('equal the reference: %s', (kind, { alpha, windows }) => {
    let state = startDiscoveries(alpha, 0);
    windows.forEach((window, at) => {
      const decision = decideDrift(state, { ...window, kind, values: Float64Array.from(window.values, Number) });
      expect(decision.found, `window ${at}`).toEqual(window.found);
      expect(decision.state.discovered, `window ${at}`).toEqual(window.discovered);
      if (window.level === null) expect(decision.level).toBeNull();
      else expect(decision.level! / window.level, `window ${at}`).toBeCloseTo(1, 10);
      state = JSON.parse(JSON.stringify(decision.state)) as DriftDiscoveries;
    });
    expect(windows.some(({ found }) => found.length > 1) && windows.some(({ found }) => found.length === 0)).toBe(true);
  });

  it('are those of e-BH where one window is the whole year', () => {
    for (const { alpha, values, rejected } of reference.discoveries.eBenjaminiHochberg) {
      const quantities = values.map((_, at) => `q${at}`);
      const year: DriftTests = { fromMs: 0, untilMs: YEAR_MS, quantities, kind: 'eValues', values: Float64Array.from(values) };
      const { found } = decideDrift(startDiscoveries(alpha, 0), year);
      expect(found).toEqual(quantities.filter((_, at) => rejected[at]));
    }
  });

  const window = (day: number, kind: DriftTests['kind'], ...values: number[]): DriftTests =>
    ({ fromMs: day * DAY, untilMs: (day + 1) * DAY, quantities: values.map((_, at) => `q${at}`), kind, values: Float64Array.from(values) });

  it('do not depend on the order of the quantities', () => {
    const values = [3e-5, 0.2, 2e-4, 1e-9, 0.9];
    const straight = decideDrift(startDiscoveries(0.2, 0), window(0, 'pValues', ...values));
    const turned = decideDrift(startDiscoveries(0.2, 0), { ...window(0, 'pValues', ...values.toReversed()), quantities: ['q4', 'q3', 'q2', 'q1', 'q0'] });
    expect(straight.found).toEqual(['q0', 'q3']);
    expect(turned.found).toEqual(['q3', 'q0']);
    expect(turned.state).toEqual(straight.state);
  });

  it('raise the level once for a quantity that many windows find', () => {
    let state = startDiscoveries(0.05, 0);
    const levels = Array.from({ length: 30 }, (_, day) => {
      const decision = decideDrift(state, window(day, 'pValues', 1e-12, 0.5));
      ({ state } = decision);
      return decision.level!;
    });
    expect(Math.max(...levels)).toBeCloseTo(Math.min(...levels), 15);
  });

  it('take no value for no discovery, and refuse what is no value and no next window', () => {
    const start = startDiscoveries(0.05, 0);
    expect(decideDrift(start, window(0, 'pValues', NaN, NaN))).toMatchObject({ found: [], level: null });
    expect(decideDrift(start, window(0, 'pValues'))).toMatchObject({ found: [], level: null, state: { discovered: [] } });
    expect(decideDrift(start, window(0, 'pValues', 0, NaN)).found).toEqual(['q0']);
    expect(decideDrift(start, window(0, 'eValues', Infinity, 0)).found).toEqual(['q0']);
    expect(() => decideDrift(start, window(0, 'pValues', 1.5))).toThrow(/none of the pValues/);
    expect(() => decideDrift(start, window(0, 'eValues', -1))).toThrow(/none of the eValues/);
    expect(() => decideDrift(start, { ...window(0, 'pValues', 0.5, 0.5), quantities: ['a', 'a'] })).toThrow(/twice/);
    expect(() => decideDrift(start, { ...window(0, 'pValues', 0.5), quantities: [] })).toThrow(/have 1 values/);
    const { state } = decideDrift(start, window(3, 'pValues', 0.5));
    expect(() => decideDrift(state, window(3, 'pValues', 0.5))).toThrow(/does not follow/);
  });

  it.each(['independent', 'equal'] as const)('are seldom false in simulated years, without drift and with one drifted quantity (seed 7): %s', (dependence) => {
    const draw = seededRandom(7);
    const [alpha, years] = [0.4, 400];
    let [falseYears, share] = [0, 0];
    for (let year = 0; year < years; year++) {
      const drifted = year % 2;
      let state = startDiscoveries(alpha, 0);
      let wrong = 0;
      for (let week = 0; week < 52; week++) {
        const shared = draw();
        const values = Float64Array.from({ length: 10 }, (_, at) => (at < drifted ? 0 : dependence === 'equal' ? shared : draw()));
        const quantities = Array.from(values.keys(), (at) => `q${at}`);
        const { found, state: next } = decideDrift(state, { fromMs: 7 * week * DAY, untilMs: 7 * (week + 1) * DAY, quantities, kind: 'pValues', values });
        state = next;
        wrong += found.length - drifted;
      }
      if (drifted === 0 && wrong > 0) falseYears += 1;
      share += wrong / Math.max(1, state.discovered.length) / years;
    }
    const figures = `in ${falseYears} of ${years / 2} years without drift, ${share.toFixed(3)} for each quantity discovered`;
    console.log(`${dependence}: false alarms ${figures}; the budget is ${alpha}`);
    expect(falseYears / (years / 2)).toBeLessThanOrEqual(alpha);
    expect(share).toBeLessThanOrEqual(alpha);
    if (dependence === 'independent') expect(falseYears).toBeGreaterThan(0);
  });
});
