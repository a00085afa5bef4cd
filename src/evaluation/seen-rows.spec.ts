import { describe, expect, it } from 'vitest';
import type { HeldOut, SnapshotSplit } from '../contracts/artifacts.js';
import { durationMs, isoTime } from '../contracts/time.js';
import { heldOutTest } from '../data/held-out-blocks.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { seenRows } from './seen-rows.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const days = (every: number, block = 'P1D'): HeldOut => ({ every, block });

/** Ten days train before `startMs`, and those until `endMs` judge, or their blocks held out. */
const splitOf = (startMs: number, endMs: number, heldOut?: HeldOut): SnapshotSplit => ({
  train: { window: { start: isoTime(startMs - 10 * DAY), end: isoTime(heldOut ? endMs : startMs) } },
  evaluation: { window: { start: isoTime(startMs), end: isoTime(endMs) } }, ...(heldOut && { heldOut }),
});
/** Evaluation windows of 28 days. */
const from = (day: number, heldOut?: HeldOut): SnapshotSplit => splitOf(day * DAY, (day + 28) * DAY, heldOut);

describe('a champion has seen no row that judges', () => {
  it.each<[string, SnapshotSplit, SnapshotSplit]>([
    ['whose training ended before', from(100), from(100)],
    ['whose training with blocks held out ended before', from(100, days(3)), from(128)],
    ['that held out the same blocks, though its training went on into the window', from(100, days(3)), from(101, days(3))],
    ['that was trained on the same snapshot', from(100, days(3)), from(100, days(3))],
    ['that held out the same blocks, written otherwise', from(100, days(3)), from(101, days(3, 'PT24H'))],
    ['that held out more blocks, those that judge among them', from(100, days(2)), from(101, days(4))],
    ['that held out nothing, before the window', from(100), from(100, days(3))],
  ])('%s', (_name, learntFrom, judging) => {
    expect(seenRows(7, learntFrom, judging)).toBeUndefined();
  });
});

describe('a champion has seen rows that judge', () => {
  const later = 'ask for a retrain as of a later time';
  it.each<[string, SnapshotSplit, SnapshotSplit, string]>([
    ['where its training ended later', from(101), from(100), `the champion, version 7, was trained on rows up to ${isoTime(101 * DAY)} and has seen some of those that judge, which begin at ${isoTime(100 * DAY)}; ${later}`],
    ['where its own window began later', from(101, days(3)), from(100, days(3)), `trained on all rows up to ${isoTime(101 * DAY)} and has seen`],
    ['where it held out other blocks', from(100, days(2)), from(127, days(3)), `rows up to ${isoTime(128 * DAY)}, holding out other blocks (one in 2 of P1D) than those that judge now (one in 3 of P1D), and has seen`],
    ['where it held out fewer than judge', from(100, days(4)), from(101, days(2)), 'than those that judge now (one in 2 of P1D)'],
    ['where it held out blocks of another length', from(100, days(2)), from(101, days(2, 'PT12H')), 'than those that judge now (one in 2 of PT12H)'],
    ['where all of the window judges', from(100, days(2)), from(101), 'than those that judge now (all of the window)'],
  ])('%s', (_name, learntFrom, judging, says) => {
    expect(seenRows(7, learntFrom, judging)).toContain(says);
  });
});

const SEED = 41;

it(`is compared only where no hour that judges was learnt, whatever windows and blocks there are (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const drawn = (): SnapshotSplit => {
    const [every, block] = [1 + Math.floor(random() * 4), random() < 0.8 ? 'PT6H' : 'PT9H'];
    const startMs = HOUR * Math.floor(random() * 120 - 40);
    return splitOf(startMs, startMs + every * durationMs(block)! + HOUR * Math.floor(random() * 60), every === 1 ? undefined : { every, block });
  };
  const hours = Array.from({ length: 700 }, (_, hour) => (hour - 300) * HOUR);
  const within = ({ start, end }: { start: string; end: string }, ms: number): boolean => ms >= Date.parse(start) && ms < Date.parse(end);
  const judges = ({ evaluation, heldOut }: SnapshotSplit, ms: number): boolean => within(evaluation.window, ms) && (!heldOut || heldOutTest(heldOut)(ms));
  const learns = (split: SnapshotSplit, ms: number): boolean => within(split.train.window, ms) && !judges(split, ms);
  const counts = { compared: 0, overlapping: 0, hindered: 0 };
  for (let round = 0; round < 2_000; round++) {
    const [learntFrom, judging] = [drawn(), drawn()];
    const seen = hours.filter((ms) => learns(learntFrom, ms) && judges(judging, ms));
    if (seenRows(1, learntFrom, judging) !== undefined) {
      counts.hindered += 1;
      continue;
    }
    expect(seen, JSON.stringify({ learntFrom, judging })).toEqual([]);
    counts.compared += 1;
    if (learntFrom.train.window.end > judging.evaluation.window.start) counts.overlapping += 1;
  }
  expect(Math.min(counts.overlapping, counts.hindered, counts.compared - counts.overlapping)).toBeGreaterThan(50);
});
