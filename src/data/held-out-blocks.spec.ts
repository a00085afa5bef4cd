import { describe, expect, it } from 'vitest';
import type { HeldOut } from '../contracts/artifacts.js';
import { isoTime } from '../contracts/time.js';
import { query } from './data-fixture.js';
import { heldOutCondition, heldOutTest, lastEnds } from './held-out-blocks.js';

const DAY = 86_400_000;
const EVERY_THIRD: HeldOut = { every: 3, block: 'P1D' };

describe('blocks held out', () => {
  it('are those whose number from 1970 on leaves one less than the divisor, from their first moment until before their last', () => {
    const isHeldOut = heldOutTest(EVERY_THIRD);
    expect([0, 1, 2, 3, 4, 5].map((day) => isHeldOut(day * DAY))).toEqual([false, false, true, false, false, true]);
    expect([2 * DAY - 1, 2 * DAY, 3 * DAY - 1, 3 * DAY].map(isHeldOut)).toEqual([false, true, true, false]);
    // Day −1 of the epoch is 2 of a cycle before it.
    expect([-1, -DAY, -DAY - 1, -3 * DAY, -4 * DAY].map(isHeldOut)).toEqual([true, true, false, false, true]);
  });

  it('are the same in SQL, to the microsecond and before 1970', async () => {
    const microseconds = [-4, -3, -1, 0, 1, 2, 3, 19_000, 19_001].flatMap((day) => [day * DAY * 1_000 - 1, day * DAY * 1_000, day * DAY * 1_000 + 1]);
    const rows = await query(`SELECT ${heldOutCondition(EVERY_THIRD, 'make_timestamp(us)')} AS held FROM (VALUES ${microseconds.map((us) => `(${us}::BIGINT)`).join(', ')}) AS times(us)`);
    expect(rows.map(({ held }) => held)).toEqual(microseconds.map((us) => heldOutTest(EVERY_THIRD)(Math.floor(us / 1_000))));
  });

  it.each<[string, number, number, number]>([
    ['at the end of a block that judges', 3 * DAY, 2 * DAY, 3 * DAY],
    ['within one that judges', 2.5 * DAY, 2 * DAY, 2.5 * DAY],
    ['where one that judges begins', 2 * DAY, 2 * DAY, 0],
    ['within one that trains', 4.5 * DAY, 4.5 * DAY, 3 * DAY],
  ])('end last, in a window that ends %s', (_name, endMs, train, evaluation) => {
    expect(lastEnds(EVERY_THIRD, endMs)).toEqual({ train, evaluation });
    const isHeldOut = heldOutTest(EVERY_THIRD);
    expect([isHeldOut(train - 1), isHeldOut(evaluation - 1)], isoTime(endMs)).toEqual([false, true]);
  });
});
