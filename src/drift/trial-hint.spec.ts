import { describe, expect, it } from 'vitest';
import { harmHint, type LossOfWindow } from './trial-hint.js';

const BASELINE = { mean: 0.2, variance: 0.0001 };
const window = (mean: number, rows = 100, variance = 0.0003): LossOfWindow => ({ rows, mean, variance });

describe('a hint at harm', () => {
  it('of one window is its distance from the baseline in standard errors of the difference', () => {
    // √(0.0003 + 0.0001) = 0.02
    expect(harmHint(BASELINE, [window(0.23)], 1)).toEqual({ windows: 1, mean: 0.23, variance: 0.0003, errors: expect.closeTo(1.5, 12) as number });
    expect(harmHint(BASELINE, [window(0.23)], 1.49)).not.toBeNull();
    expect(harmHint(BASELINE, [window(0.23)], 1.51)).toBeNull();
    expect(harmHint(BASELINE, [window(0.17)], 0)).toBeNull();
  });

  it('weighs windows by their rows', () => {
    // (300 · 0.26 + 100 · 0.22) ÷ 400; (300² + 100²) · 0.0003 ÷ 400².
    const found = harmHint(BASELINE, [window(0.26, 300), window(0.22)], 0)!;
    expect(found).toMatchObject({ windows: 2, mean: expect.closeTo(0.25, 12) as number, variance: expect.closeTo(0.0003 * 0.625, 12) as number });
    expect(found.errors).toBeCloseTo(0.05 / Math.sqrt(0.0003 * 0.625 + 0.0001), 12);
  });

  it('looks at the newest 1, 2, 4, … windows, and tells of those that hint most', () => {
    const slow = Array.from({ length: 9 }, () => window(0.215));
    expect(harmHint(BASELINE, slow, 0)).toMatchObject({ windows: 8, mean: expect.closeTo(0.215, 12) as number });
    expect(harmHint(BASELINE, [...slow, window(0.4)], 1)).toMatchObject({ windows: 1, mean: 0.4 });
    // One that was bad long ago is past.
    expect(harmHint(BASELINE, [window(0.4), ...Array.from({ length: 8 }, () => window(0.19))], 0)).toBeNull();
  });

  it('passes over windows without rows, and hears nothing of none', () => {
    expect(harmHint(BASELINE, [window(0.3), window(NaN, 0, NaN)], 1)).toEqual(harmHint(BASELINE, [window(0.3)], 1));
    expect(harmHint(BASELINE, [], 0)).toBeNull();
    expect(harmHint(BASELINE, [window(NaN, 0)], 0)).toBeNull();
  });
});
