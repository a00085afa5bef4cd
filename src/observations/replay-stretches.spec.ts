import { describe, expect, it } from 'vitest';
import { observedBlocks, replayStretches } from './replay-stretches.js';

const period = { fromMs: 1_000, untilMs: 1_950 };
const BLOCK = 100;
const file = (firstMs: number, lastMs: number, rows = 10) => ({ rows, firstMs, lastMs });
const cut = (files: Parameters<typeof replayStretches>[2], bounds = { rows: 1_000, files: 100 }) =>
  replayStretches(period, BLOCK, files, bounds).map(({ firstBlock, fromMs, untilMs }) => [firstBlock, fromMs, untilMs]);

describe('stretches of a replay', () => {
  it('are whole blocks from the beginning of the period, of those that files reach into', () => {
    expect(cut([file(1_210, 1_290), file(1_299, 1_300), file(1_940, 3_000), file(0, 999), file(1_950, 1_960)])).toEqual([[3, 1_200, 1_400], [10, 1_900, 1_950]]);
  });

  it('are cut before they hold more rows or files than they may, never within a block', () => {
    const files = Array.from({ length: 9 }, (_, index) => file(1_000 + index * BLOCK, 1_050 + index * BLOCK));
    expect(cut(files, { rows: 30, files: 100 })).toEqual([[1, 1_000, 1_300], [4, 1_300, 1_600], [7, 1_600, 1_900]]);
    expect(cut(files, { rows: 1_000, files: 5 })).toEqual([[1, 1_000, 1_500], [6, 1_500, 1_900]]);
    expect(cut(files.slice(0, 2), { rows: 1, files: 1 })).toEqual([[1, 1_000, 1_100], [2, 1_100, 1_200]]);
  });

  it('hold a file once, in however many of their blocks it has rows', () => {
    expect(cut([file(1_000, 1_899, 900)])).toEqual([[1, 1_000, 1_900]]);
    expect(cut([file(1_000, 1_450, 600), file(1_400, 1_899, 500)])).toEqual([[1, 1_000, 1_400], [5, 1_400, 1_500], [6, 1_500, 1_900]]);
    expect(cut([file(1_000, 1_450, 2_000)], { rows: 1_000, files: 1 })).toHaveLength(5);
  });

  it('are none where nothing was observed', () => {
    expect(cut([])).toEqual([]);
    expect(observedBlocks(period, BLOCK, [file(0, 999), file(1_950, 2_000)])).toBeNull();
    expect(observedBlocks(period, BLOCK, [file(0, 1_000), file(1_949, 9_000)])).toEqual({ first: 1, last: 10 });
  });
});
