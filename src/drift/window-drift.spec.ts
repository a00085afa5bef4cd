import { describe, expect, it } from 'vitest';
import type { DriftSearch } from '../contracts/window-drift.js';
import { YEAR_MS } from './alarm-budget.js';
import { numericDrift } from './numeric-drift.js';
import { type DriftFindings, findDrift } from './window-drift.js';

const DAY = 86_400_000;
const ramp = (from: number): Float64Array => Float64Array.from({ length: 500 }, (_, row) => from + row / 500);
const features = [numericDrift('moved', ramp(0), ramp(5)), numericDrift('kept', ramp(0), ramp(0))];
const find = (day: number, alpha: number, before: DriftSearch | null): DriftFindings => findDrift(features, { fromMs: day * DAY, untilMs: (day + 1) * DAY }, alpha, before);

describe('the search for drift', () => {
  it('goes on with its year under another rate: what was used stays used, and what was found counts once', () => {
    const { search } = find(0, 0.05, null);
    expect(search).toEqual({ alpha: 0.05, yearFromMs: 0, untilMs: DAY, used: DAY / YEAR_MS, discovered: ['moved'] });
    const other = find(1, 0.2, search);
    expect(other).toMatchObject({ drifted: ['moved'], search: { alpha: 0.2, yearFromMs: 0, untilMs: 2 * DAY, used: expect.closeTo((2 * DAY) / YEAR_MS, 12) as number, discovered: ['moved'] } });
    expect(other.level! / find(1, 0.05, search).level!).toBeCloseTo(4, 12);
  });

  it('has no more of a year by rates that are changed to and fro', () => {
    let search: DriftSearch | null = null;
    for (let day = 0; day < 365; day++) ({ search } = find(day, day % 2 === 0 ? 0.05 : 0.04, search));
    expect(search).toMatchObject({ yearFromMs: 0, used: expect.closeTo((365 * DAY) / YEAR_MS, 9) as number });
    // The last quarter of a day that the year has.
    expect(findDrift(features, { fromMs: 365 * DAY, untilMs: YEAR_MS }, 0.04, search).search.used).toBeCloseTo(1, 9);
  });

  it('has a year of its own from the first window, also where none was kept in it', () => {
    expect(findDrift([], { fromMs: 3 * DAY, untilMs: 4 * DAY }, 0.05, null)).toEqual({ drifted: [], level: null, search: { alpha: 0.05, yearFromMs: 3 * DAY, untilMs: 4 * DAY, used: 0, discovered: [] } });
  });
});
