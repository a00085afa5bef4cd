import { expect, it } from 'vitest';
import { restartDelayMs } from './restart-limit.js';

it('waits longer with each restart in the last minute, and gives up after five', () => {
  const delays = [0, 1, 2, 3, 4, 5].map((count) => restartDelayMs(Array.from({ length: count }, () => 1_000), 2_000));
  expect(delays).toEqual([200, 400, 800, 1_600, 3_200, undefined]);
});

it('forgets restarts that are more than a minute old', () => {
  const five = [0, 1, 2, 3, 4].map((second) => second * 1_000);
  expect(restartDelayMs(five, 63_999)).toBe(400);
  expect(restartDelayMs(five, 64_000)).toBe(200);
});

it('never waits longer than ten seconds', () => {
  expect(restartDelayMs(Array.from({ length: 9 }, () => 0), 1, 100)).toBe(10_000);
});
