import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { assign, placeOf } from './traffic-split.js';

const keys = Array.from({ length: 40_000 }, (_, index) => `entity-${index}`);
const STEPS = [1, 5, 25, 50, 100];
const shareOf = (salt: string, weights: ReadonlyMap<number, number>, version: number | null): number => keys.filter((key) => assign(salt, key, weights) === version).length;

/** 99.9 % quantiles of chi-square (NIST/SEMATECH e-Handbook, table 1.3.6.7.4), by degrees of freedom. */
const CHI_SQUARE_999 = { 1: 10.828, 2: 13.816, 3: 16.266, 99: 148.23 } as const;
const chiSquare = (observed: readonly number[], expected: readonly number[]): number =>
  observed.reduce((sum, count, at) => sum + (count - expected[at]!) ** 2 / expected[at]!, 0);

describe('the place of an entity', () => {
  it('is the first 52 bits of SHA-256', () => {
    const bits = BigInt(`0x${createHash('sha256').update('4:saltkey').digest('hex').slice(0, 13)}`);
    expect(placeOf('salt', 'key')).toBe((Number(bits) / 2 ** 52) * 100);
    expect(placeOf('a', 'bc')).not.toBe(placeOf('ab', 'c'));
  });

  it.each(['salt', '', 'Werk Süd'])('is uniform in [0, 100) with the salt %j', (salt) => {
    const counts = new Array<number>(100).fill(0);
    for (const key of keys) counts[Math.floor(placeOf(salt, key))]! += 1;
    expect(counts).toHaveLength(100);
    expect(chiSquare(counts, counts.map(() => keys.length / 100))).toBeLessThan(CHI_SQUARE_999[99]);
  });

  it('is independent of that with another salt', () => {
    const table = [0, 0, 0, 0];
    for (const key of keys) table[Number(placeOf('one', key) < 50) * 2 + Number(placeOf('two', key) < 50)]! += 1;
    expect(chiSquare(table, table.map(() => keys.length / 4))).toBeLessThan(CHI_SQUARE_999[3]);
  });
});

describe('assign', () => {
  it.each(STEPS)('gives a challenger its %i percent of the entities, always the same ones', (percent) => {
    const weights = new Map([[7, percent]]);
    const sent = shareOf('salt', weights, 7);
    const expected = (keys.length * percent) / 100;
    if (percent === 100) expect(sent).toBe(keys.length);
    else expect(chiSquare([sent, keys.length - sent], [expected, keys.length - expected])).toBeLessThan(CHI_SQUARE_999[1]);
    expect(shareOf('salt', new Map([[7, percent]]), 7)).toBe(sent);
  });

  it('keeps with a challenger whom a smaller step sent there', () => {
    for (const [at, percent] of STEPS.slice(1).entries()) {
      const kept = keys.filter((key) => assign('salt', key, new Map([[7, STEPS[at]!]])) === 7);
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.every((key) => assign('salt', key, new Map([[7, percent]])) === 7)).toBe(true);
    }
  });

  it('gives several challengers their shares, whatever the order in which they are listed, and the champion the rest', () => {
    const weights = new Map([[9, 30], [3, 20]]);
    const shares = [shareOf('salt', weights, 3), shareOf('salt', weights, 9), shareOf('salt', weights, null)];
    expect(shares.reduce((sum, count) => sum + count)).toBe(keys.length);
    expect(chiSquare(shares, [0.2, 0.3, 0.5].map((share) => share * keys.length))).toBeLessThan(CHI_SQUARE_999[2]);
    expect(keys.every((key) => assign('salt', key, weights) === assign('salt', key, new Map([[3, 20], [9, 30]])))).toBe(true);
  });

  it('leaves everybody with the champion where nothing is shared', () => {
    expect(shareOf('salt', new Map(), null)).toBe(keys.length);
    expect(shareOf('salt', new Map([[7, 0]]), null)).toBe(keys.length);
  });

  it('gives a challenger without a share no entity, beside one that has all', () => {
    expect(shareOf('salt', new Map([[2, 0], [7, 100]]), 7)).toBe(keys.length);
  });
});
