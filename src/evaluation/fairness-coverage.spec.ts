import { describe, expect, it } from 'vitest';
import { seededRandom } from '../observations/testing/random-observations.js';
import { measureFairness, type DisparityName, type FairnessRows } from './fairness.js';

const SEED = 20240811;
const ALPHA = 0.1;
const REPETITIONS = 800;
/** Three standard errors of a share of ALPHA misses. */
const SLACK = 3 * Math.sqrt((ALPHA * (1 - ALPHA)) / REPETITIONS);
const GROUPS = ['A', 'B', 'C', 'D', 'E'];

/** The chance of decision 1 by label and group. */
interface World {
  readonly given0: readonly number[];
  readonly given1: readonly number[];
  readonly sizes: readonly number[];
  /** Days whose chances lie this much above or below, one way for all groups and one for each; 0: rows are independent. */
  readonly dayShift: number;
}

const POSITIVE = 0.4;
const DAYS = 30;

const equal: World = { given0: [0.1, 0.1, 0.1, 0.1, 0.1], given1: [0.6, 0.6, 0.6, 0.6, 0.6], sizes: [300, 250, 150, 120, 100], dayShift: 0 };
const oneDiffers: World = { ...equal, given0: [0.1, 0.1, 0.05, 0.1, 0.1], given1: [0.6, 0.6, 0.35, 0.6, 0.6] };
const inDays = (world: World): World =>
  ({ ...world, given0: world.given0.map((chance) => chance + 0.2), sizes: world.sizes.map((size) => size * 2), dayShift: 0.2 });

function drawRows(world: World, random: () => number): FairnessRows & { readonly blocks: Int32Array } {
  const n = world.sizes.reduce((sum, size) => sum + size, 0);
  const [decisions, labels, codes, blocks] = [new Uint8Array(n), new Float64Array(n), new Int32Array(n), new Int32Array(n)];
  const sign = (): number => (random() < 0.5 ? -world.dayShift : world.dayShift);
  const ofDay = Array.from({ length: DAYS }, sign);
  const ofGroup = GROUPS.map(() => Array.from({ length: DAYS }, sign));
  let row = 0;
  for (const [group, size] of world.sizes.entries()) {
    for (let of = 0; of < size; of++, row++) {
      const day = Math.floor(random() * DAYS);
      const label = random() < POSITIVE ? 1 : 0;
      const chance = (label === 1 ? world.given1 : world.given0)[group]! + (ofDay[day]! + ofGroup[group]![day]!) / 2;
      [decisions[row], labels[row], codes[row], blocks[row]] = [random() < chance ? 1 : 0, label, group, day];
    }
  }
  return { decisions, labels, blocks, columns: [{ column: 'race', groups: GROUPS, codes }] };
}

const range = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);

function truthOf({ given0, given1 }: World): Partial<Record<DisparityName, number>> {
  const selected = given0.map((chance, group) => (1 - POSITIVE) * chance + POSITIVE * given1[group]!);
  return {
    demographicParityRatio: Math.min(...selected) / Math.max(...selected),
    demographicParityDifference: range(selected),
    equalizedOddsDifference: Math.max(range(given0), range(given1)),
  };
}

/** The share of repetitions whose interval holds the truth, by disparity. */
function coverage(world: World, { alpha = ALPHA, keepBlocks = false } = {}): Record<string, number> {
  const random = seededRandom(SEED);
  const truth = Object.entries(truthOf(world)) as [DisparityName, number][];
  const held = Object.fromEntries(truth.map(([name]) => [name, 0]));
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    const { blocks, ...rows } = drawRows(world, random);
    const [measured] = measureFairness(keepBlocks ? { ...rows, blocks } : rows, { alpha, favourable: 1 });
    for (const [name, value] of truth) {
      const { low, high } = measured!.disparities[name]!;
      // The truth is a difference of rounded numbers.
      if (low <= value + 1e-12 && high >= value - 1e-12) held[name]! += 1 / REPETITIONS;
    }
  }
  return held;
}

describe(`simulated windows of five groups (seed ${SEED}): an interval covers the true disparity at its level`, () => {
  it.each([['all groups are equal', equal], ['one group differs', oneDiffers]])('when %s', (_, world) => {
    for (const [name, share] of Object.entries(coverage(world))) expect(share, name).toBeGreaterThan(1 - ALPHA - SLACK);
  });

  it.each([['all groups are equal', inDays(equal)], ['one group differs', inDays(oneDiffers)]])('when rows of a day go together and %s', (_, world) => {
    for (const [name, share] of Object.entries(coverage(world, { keepBlocks: true }))) expect(share, name).toBeGreaterThan(1 - ALPHA - SLACK);
  });

  it('and would not if the pair with the largest difference were taken for the only one', () => {
    // Ten pairs of groups share alpha; so each of them gets nearly all of ALPHA.
    const { demographicParityRatio } = coverage(equal, { alpha: 10 * ALPHA * 0.999 });
    expect(demographicParityRatio).toBeLessThan(1 - ALPHA - 5 * SLACK);
  });

  it('and would not if rows of a day were taken for independent', () => {
    expect(coverage(inDays(equal)).demographicParityRatio).toBeLessThan(1 - ALPHA - SLACK);
  });
});
