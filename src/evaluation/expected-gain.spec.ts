import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { expectedGain, pairedBlock, type PairedBlock } from './expected-gain.js';
import { retrainingValue } from './retraining-value.js';
import { seededRandom } from '../observations/testing/random-observations.js';

interface Known {
  readonly blocks: number;
  readonly rows: number;
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}
const reference = JSON.parse(readFileSync(new URL('./reference/expected-gain.json', import.meta.url), 'utf8')) as {
  readonly cases: { name: string; alpha: number; losses: { champion: number[]; candidate: number[] }[]; rows: Known | null; blocks: Known | null }[];
};
const KINDS = ['rows', 'blocks'] as const;
const OPTIONS = { alpha: 0.1, dependence: 'rows', rowsPerDay: 1_000 } as const;
const block = (...gains: number[]): PairedBlock => pairedBlock(Float64Array.from(gains), new Float64Array(gains.length));

describe.each(KINDS)('the expected gain equals the reference, of %s', (dependence) => {
  it.each(reference.cases.map((known) => [known.name, known] as const))('%s', (_, { alpha, losses, ...known }) => {
    const blocks = losses.map(({ champion, candidate }) => pairedBlock(Float64Array.from(champion), Float64Array.from(candidate)));
    const found = expectedGain(blocks, { alpha, dependence, rowsPerDay: 500 });
    const right = known[dependence];
    if (!right || !found) return expect(found).toBe(right);
    expect(found).toMatchObject({ blocks: right.blocks, rows: right.rows, gain: { rowsPerDay: 500 } });
    for (const end of ['estimate', 'low', 'high'] as const) expect(Math.abs(found.gain[end] - right[end]), end).toBeLessThan(1e-12 + 1e-9 * Math.abs(right[end]));
  });
});

describe('paired losses', () => {
  it('leave out rows that have no label', () => {
    const [some, all] = [pairedBlock(Float64Array.of(0.5, NaN, 0.1), Float64Array.of(0.2, NaN, 0.2)), block(0.3, -0.1)];
    expect(some.rows).toBe(2);
    expect(some.meanGain).toBeCloseTo(all.meanGain, 15);
    expect(some.squares).toBeCloseTo(all.squares, 15);
    expect(pairedBlock(new Float64Array(0), new Float64Array(0))).toEqual({ rows: 0, meanGain: 0, squares: 0 });
  });

  it('are of the same rows, and finite', () => {
    const pairs = [[[1, 2], [1]], [[NaN], [1]], [[1], [NaN]], [[Infinity], [1]], [[Infinity], [Infinity]]] as const;
    for (const [champion, candidate] of pairs) expect(() => pairedBlock(Float64Array.from(champion), Float64Array.from(candidate))).toThrow(RangeError);
  });
});

describe('the stretch', () => {
  const [old, recent] = [block(-0.01, 0.01, -0.02, 0.02), block(0.29, 0.31, 0.3, 0.28)];

  it('is the newest where the world has just changed, and all of it where it has not', () => {
    expect(expectedGain([old, old, old, recent], OPTIONS)).toMatchObject({ blocks: 1, rows: 4 });
    expect(expectedGain([old, old, recent, recent], OPTIONS)).toMatchObject({ blocks: 2, rows: 8 });
    expect(expectedGain([recent, recent, recent], OPTIONS)).toMatchObject({ blocks: 3, rows: 12 });
    expect(expectedGain([recent, block(), recent, block()], OPTIONS)).toMatchObject({ blocks: 2, rows: 8 });
  });

  it('needs two observations', () => {
    expect(expectedGain([], OPTIONS)).toBeNull();
    expect(expectedGain([block(0.3)], OPTIONS)).toBeNull();
    expect(expectedGain([recent], { ...OPTIONS, dependence: 'blocks' })).toBeNull();
    expect(expectedGain([block(0.3), block(0.2)], OPTIONS)).toMatchObject({ blocks: 2, rows: 2 });
  });

  it('of a candidate that answers as the champion does gains surely nothing', () => {
    expect(expectedGain([block(0, 0), block(0, 0, 0)], OPTIONS)!.gain).toEqual({ estimate: 0, low: 0, high: 0, rowsPerDay: 1_000 });
  });

  it('is chosen at its price: without a gain, "surely above 0" is said no more often than by alpha', () => {
    const uniform = seededRandom(20240607);
    let [said, unpaid] = [0, 0];
    for (let run = 0; run < 2_000; run++) {
      const blocks = Array.from({ length: 8 }, () => block(...Array.from({ length: 25 }, () => uniform() - 0.5)));
      if (expectedGain(blocks, OPTIONS)!.gain.low > 0) said += 1;
      if ([1, 2, 4, 8].some((length) => expectedGain([joined(blocks.slice(-length))], OPTIONS)!.gain.low > 0)) unpaid += 1;
    }
    // Half of alpha lies on the side of a gain; four standard errors of 2,000 runs are 0.02.
    expect(said / 2_000).toBeLessThan(0.05 + 0.02);
    expect(unpaid / 2_000).toBeGreaterThan(0.05 + 0.02);
  });

  it('is chosen at its price of blocks too, where the newest has just begun', () => {
    const uniform = seededRandom(20240608);
    let said = 0;
    for (let run = 0; run < 2_000; run++) {
      const blocks = [25, 25, 25, 25, 25, 25, 25, 25, 1].map((rows) => ({ rows, meanGain: uniform() - 0.5, squares: 0 }));
      if (expectedGain(blocks, { ...OPTIONS, dependence: 'blocks' })!.gain.low > 0) said += 1;
    }
    expect(said / 2_000).toBeLessThan(0.05 + 0.02);
  });
});

/** Blocks as one. */
function joined(blocks: readonly PairedBlock[]): PairedBlock {
  const rows = blocks.reduce((sum, each) => sum + each.rows, 0);
  const meanGain = blocks.reduce((sum, each) => sum + each.rows * each.meanGain, 0) / rows;
  return { rows, meanGain, squares: blocks.reduce((sum, each) => sum + each.squares + each.rows * (each.meanGain - meanGain) ** 2, 0) };
}

describe('its figures', () => {
  it('can be weighed against the costs', () => {
    const { gain } = expectedGain([block(0.3, 0.1, 0.2)], OPTIONS)!;
    const value = retrainingValue(gain, { perLossUnit: 1, training: 10, release: 90, horizonMs: 10 * 86_400_000 })!;
    expect(value.saved.estimate).toBeCloseTo(0.2 * 1_000 * 10, 9);
    expect(value.saved.low).toBeLessThan(value.saved.estimate);
  });

  it('are refused where they make no sense', () => {
    for (const alpha of [0, 1, NaN]) expect(() => expectedGain([], { ...OPTIONS, alpha }), `alpha ${alpha}`).toThrow(/alpha/);
    for (const rowsPerDay of [-1, NaN, Infinity]) expect(() => expectedGain([], { ...OPTIONS, rowsPerDay }), `${rowsPerDay} a day`).toThrow(/rowsPerDay/);
    const right = block(0.1, 0.2);
    for (const wrong of [{ rows: -1 }, { rows: 1.5 }, { meanGain: NaN }, { squares: -1 }, { squares: Infinity }]) {
      expect(() => expectedGain([{ ...right, ...wrong }], OPTIONS), JSON.stringify(wrong)).toThrow(/no block/);
    }
  });
});
