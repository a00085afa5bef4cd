import { describe, expect, it } from 'vitest';
import type { WindowSummary } from '../contracts/window-summary.js';
import { specWith } from '../data/data-fixture.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { lowerMean, lowerShare } from './lower-bounds.js';
import { checkWindow } from './window-check.js';

const SPEC = specWith({
  data: {
    features: [
      { name: 'speed', type: 'number', min: 0, max: 100, maxMissing: 0.05 },
      { name: 'side', type: 'category', categories: ['north', 'south'], maxUnknown: 0.02 },
    ],
  },
});
const WATCHED: ModelSpec = { ...SPEC, monitoring: { ...SPEC.monitoring, maximumLoss: 0.2 } };

const window = (rows: number, share: { missing?: number; outOfRange?: number; unknown?: number } = {}, loss: WindowSummary['loss'] = null): WindowSummary => ({
  rows, inputRows: rows,
  features: [
    { name: 'speed', missing: Math.round(rows * (share.missing ?? 0)), unknown: 0, outOfRange: Math.round(rows * (share.outOfRange ?? 0)) },
    { name: 'side', missing: 0, unknown: Math.round(rows * (share.unknown ?? 0)), outOfRange: 0 },
  ],
  loss,
});

describe('checkWindow', () => {
  it('finds a share beyond its limit, with the numbers', () => {
    const { verdict, findings } = checkWindow(SPEC, window(2_000, { missing: 0.2 }));
    expect(verdict).toBe('fail');
    expect(findings).toEqual([{
      check: 'missing', feature: 'speed', measured: 0.2, low: expect.closeTo(0.162, 2), limit: 0.05, rows: 2_000,
      message: expect.stringMatching(/^speed: 20 % of 2000 rows have no value, surely more than 16\.\d %; the spec allows 5 %$/),
    }]);
  });

  it.each([
    ['missing', { missing: 0.5 }, 'speed'],
    ['outOfRange', { outOfRange: 0.5 }, 'speed'],
    ['unknown', { unknown: 0.5 }, 'side'],
  ] as const)('holds %s against the spec', (check, share, feature) => {
    expect(checkWindow(SPEC, window(500, share)).findings).toMatchObject([{ check, feature }]);
  });

  it('does not fail a window for being large: within the limit it passes at any size', () => {
    for (const rows of [1e3, 1e5, 1e7, 1e9]) expect(checkWindow(SPEC, window(rows, { missing: 0.05, unknown: 0.02 })).verdict).toBe('pass');
    expect(checkWindow(SPEC, { ...window(1e9), features: [{ name: 'speed', missing: 0, unknown: 0, outOfRange: 500_000 }] }).verdict).toBe('pass');
  });

  it('does not fail a small window for a few odd rows', () => {
    expect(checkWindow(SPEC, window(20, { missing: 0.1 })).verdict).toBe('pass');
    expect(checkWindow(SPEC, window(20_000, { missing: 0.1 })).verdict).toBe('fail');
  });

  it('holds the mean loss against its limit by its lower bound', () => {
    const loss = (rows: number, mean: number) => ({ rows, mean, variance: 0.05 });
    expect(checkWindow(WATCHED, window(5_000, {}, loss(5_000, 0.3))).findings).toMatchObject([{ check: 'loss', feature: null, measured: 0.3, limit: 0.2 }]);
    expect(checkWindow(WATCHED, window(5_000, {}, loss(50, 0.3))).verdict).toBe('pass');
    expect(checkWindow(WATCHED, window(5_000, {}, loss(5_000, 0.2))).verdict).toBe('pass');
    expect(checkWindow(SPEC, window(5_000, {}, loss(5_000, 0.9))).verdict).toBe('pass');
  });

  it('does not call an empty window good, nor one of which nothing was kept', () => {
    expect(checkWindow(WATCHED, window(0))).toEqual({ verdict: 'inconclusive', rows: 0, checks: 0, findings: [] });
    expect(checkWindow(WATCHED, { rows: 100, inputRows: 0, features: [], loss: null }).verdict).toBe('inconclusive');
  });
});

describe('rows whose inputs were not kept', () => {
  it('do not thin out the shares of the others', () => {
    const summary = { ...window(500, { missing: 0.5 }), rows: 100_000 };
    expect(checkWindow(SPEC, summary).findings).toMatchObject([{ check: 'missing', measured: 0.5, rows: 500 }]);
  });
});

describe('over many windows at their limit', () => {
  it('the share of false findings stays far below the error rate that it is given', () => {
    const random = generator(4);
    const delta = 0.05;
    let [wrongShares, wrongMeans] = [0, 0];
    const runs = 4_000;
    for (let run = 0; run < runs; run++) {
      const rows = 20 + Math.floor(random() * 400);
      const share = 0.02 + 0.5 * random();
      const values = Array.from({ length: rows }, () => (random() < share ? 1 : 0) as number);
      const count = values.reduce((sum, value) => sum + value, 0);
      const mean = count / rows;
      wrongShares += lowerShare(count, rows, delta) > share ? 1 : 0;
      wrongMeans += lowerMean({ rows, mean, variance: (rows * mean * (1 - mean)) / (rows - 1) }, 1, delta) > share ? 1 : 0;
    }
    expect(wrongShares / runs).toBeLessThan(delta);
    expect(wrongShares).toBeGreaterThan(0);
    expect(wrongMeans / runs).toBeLessThan(delta);
  });
});

describe('lowerShare', () => {
  it('is the share for which the bound on the tail is exactly the error rate', () => {
    // Where every row counts the bound is δ^(1/n), and where none does it is 0.
    expect(lowerShare(10, 10, 0.01)).toBeCloseTo(0.01 ** (1 / 10), 12);
    expect(lowerShare(0, 10, 0.01)).toBe(0);
    const low = lowerShare(30, 100, 0.001);
    expect(100 * (0.3 * Math.log(0.3 / low) + 0.7 * Math.log(0.7 / (1 - low)))).toBeCloseTo(Math.log(1_000), 9);
  });
});

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
