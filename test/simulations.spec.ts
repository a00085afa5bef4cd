import { describe, expect, it } from 'vitest';
import { clusteredByDay, lateLabels, lookingAfterEveryLabel } from '../bench/simulations/false-promotions.js';
import { changingStreams, harmlessAlarms, retrainOnHarm, YEARLY_BUDGET } from '../bench/simulations/harm-alarms.js';
import { Random } from '../bench/simulations/random.js';
import { rateOf } from '../bench/simulations/rates.js';
import type { WindowFacts } from '../bench/simulations/retraining-arena.js';
import { rowsUntilBetter } from '../bench/simulations/sample-sizes.js';
import { heavyTails, probabilities, rarePositives } from '../bench/simulations/worlds.js';

/** A seeded share of `npm run simulate`, which counts ten times as many runs. */
const seed = 20210614;
const METHODS = ['asymptotic', 'empirical-bernstein'] as const;

describe.each(METHODS)('%s', (method) => {
  it.each([probabilities('probabilities', 0.1), rarePositives, heavyTails].map((world) => [world.name, world] as const))(
    'promotes no more than alpha without a difference, looked at after every label: %s', (_, world) => {
      expect(lookingAfterEveryLabel(world, method, { runs: 200, seed, rows: 2_000 }).low).toBeLessThan(0.05);
    });

  it('keeps alpha where rows of one day share their fate', () => {
    const { againstEstimand, againstLongRun } = clusteredByDay(method, 'blocks', { runs: 60, seed, days: 30, rowsPerDay: 200, shock: 0.1 });
    expect(againstEstimand.low).toBeLessThan(0.05);
    expect(againstLongRun.low).toBeLessThan(0.05);
  });

  it('keeps alpha where labels come late', () => {
    const rate = lateLabels(method, 'horizon', { runs: 60, seed, days: 20, rowsPerDay: 200 });
    expect(rate.low).toBeLessThan(0.05);
    expect(rate.missingShare).toBeGreaterThan(0);
  });

  it('needs not many more rows than a test of a fixed sample', () => {
    const { ratio, neverShare } = rowsUntilBetter(probabilities('0.05 apart', 0.05), 1, method, { runs: 60, seed });
    expect(ratio).toBeLessThan(method === 'asymptotic' ? 1.5 : 3);
    expect(neverShare).toBe(0);
  });
});

describe('alarms of harm', () => {
  it('stay under their budget on years without harm, features that move among them', () => {
    expect(harmlessAlarms(retrainOnHarm(), { runs: 60, seed }).low).toBeLessThan(YEARLY_BUDGET);
  });

  it('would not, if every rise were one', () => {
    const onAnyRise = { name: 'any rise', start: () => ({ heldOut, labelled }: WindowFacts) => labelled !== null && meanOf(labelled.losses) > meanOf(heldOut.losses) };
    expect(harmlessAlarms(onAnyRise, { runs: 20, seed }).low).toBeGreaterThan(YEARLY_BUDGET);
  });

  it('come soon after a change that costs much', () => {
    const found = changingStreams({ repeats: 1, seed }, [retrainOnHarm()]).find(({ stream }) => stream === 'AGRAWAL 1 → 2, abrupt')!.policies[0]!;
    expect(found.found).toBe(1);
    expect(found.delayWindows).toBeLessThan(6);
    expect(found.lossAvoided).toBeGreaterThan(0.1);
  });
});

const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the simulations notice', () => {
  it('labels that enter before their horizon', () => {
    expect(lateLabels('asymptotic', 'arrival', { runs: 30, seed, days: 30, rowsPerDay: 200 }).low).toBeGreaterThan(0.05);
  });

  it('days that are taken for independent rows', () => {
    expect(clusteredByDay('asymptotic', 'rows', { runs: 60, seed, days: 30, rowsPerDay: 200, shock: 0.1 }).againstLongRun.low).toBeGreaterThan(0.05);
  });
});

describe('what they count with', () => {
  it('the exact interval of a share', () => {
    // SciPy 1.15.3: binomtest(7, 200).proportion_ci(0.999, 'exact')
    const { low, high } = rateOf(7, 200);
    expect(low).toBeCloseTo(0.00682152651033547, 9);
    expect(high).toBeCloseTo(0.09979535150488399, 9);
    expect(rateOf(0, 10).low).toBe(0);
    expect(rateOf(10, 10).high).toBe(1);
  });

  it('normal numbers of mean 0 and variance 1, the same for the same seed', () => {
    const random = new Random(seed);
    const values = Float64Array.from({ length: 100_000 }, () => random.normal());
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.015);
    expect(Math.abs(variance - 1)).toBeLessThan(0.02);
    expect(new Random(seed).normal()).toBe(values[0]);
    expect(new Random(seed, 1).normal()).not.toBe(values[0]);
  });
});
