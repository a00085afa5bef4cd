import { describe, expect, it } from 'vitest';
import { servingSection } from '../spec/serving-section.js';
import { GUARD_NAMES, guardRails } from './guard-rails.js';

const apply = (spec: object, ...raw: number[]): [number, string][] => {
  const { guardRails: section } = servingSection.parse({ guardRails: spec });
  const { outputs, guards, used } = guardRails(section!).apply(Float32Array.from(raw));
  expect(used).toBe([...guards].filter((code) => code !== 0).length);
  return [...outputs].map((value, row) => [value, GUARD_NAMES[guards[row]!]!]);
};

describe('guardRails', () => {
  it('clamps each row by itself, bounds included', () => {
    expect(apply({ min: 0.25, max: 0.75 }, 0.1, 0.25, 0.5, 0.75, 0.9, Infinity, -Infinity)).toEqual([
      [0.25, 'clamped'], [0.25, 'none'], [0.5, 'none'], [0.75, 'none'], [0.75, 'clamped'], [0.75, 'clamped'], [0.25, 'clamped'],
    ]);
  });

  it('clamps to a float32 that keeps a bound which float32 cannot hold', () => {
    for (const bound of [0.1, 0.3, 0.7, -0.1, -0.3, 1e-40, 1e-50, -1e-50, 12_345.678]) {
      const [[low] = [NaN]] = apply({ min: bound }, -1e9);
      const [[high] = [NaN]] = apply({ max: bound }, 1e9);
      expect(low).toBeGreaterThanOrEqual(bound);
      expect(high).toBeLessThanOrEqual(bound);
      expect(low - bound).toBeLessThan(Math.abs(bound) * 2e-7 + 2e-45);
      expect(bound - high).toBeLessThan(Math.abs(bound) * 2e-7 + 2e-45);
    }
  });

  it('counts what is no number as out of bounds, and never answers it', () => {
    expect(apply({ min: 0 }, NaN)).toEqual([[NaN, 'abstained']]);
    expect(apply({ min: 0, fallback: 0.5 }, NaN, -1)).toEqual([[0.5, 'fallback'], [0, 'clamped']]);
    expect(apply({ outOfBounds: 'abstain' }, NaN)).toEqual([[NaN, 'abstained']]);
  });

  it('answers the fallback or nothing where the spec says so', () => {
    expect(apply({ max: 10, outOfBounds: 'fallback', fallback: 7 }, 3, 11, NaN)).toEqual([[3, 'none'], [7, 'fallback'], [7, 'fallback']]);
    expect(apply({ max: 10, outOfBounds: 'abstain', fallback: 7 }, 11)).toEqual([[NaN, 'abstained']]);
  });

  it('withholds an answer whose likelier class is not likely enough', () => {
    expect(apply({ abstainBelow: 0.75 }, 0.25, 0.5, 0.8, 0.75).map(([, guard]) => guard)).toEqual(['none', 'abstained', 'none', 'none']);
  });
});
