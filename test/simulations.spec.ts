import { describe, expect, it } from 'vitest';
import { clusteredByDay, lateLabels, lookingAfterEveryLabel } from '../bench/simulations/false-promotions.js';
import { harmlessAlarms, retrainOnHarm, YEARLY_BUDGET } from '../bench/simulations/harm-alarms.js';
import { Random } from '../bench/simulations/random.js';
import { rateOf } from '../bench/simulations/rates.js';
import { PERENNIAL_DEFAULTS, perennialPolicy, RETRAINING_COST } from '../bench/simulations/perennial-policy.js';
import { ARENA_DEFAULTS, HOLD_OUT_EVERY, isHeldOut, retrainingOutcomes, type RetrainingPolicy, type JudgedRows, type WindowFacts } from '../bench/simulations/retraining-arena.js';
import { policySums, policyYears } from '../bench/simulations/retraining-comparison.js';
import { rowsUntilBetter } from '../bench/simulations/sample-sizes.js';
import { CHANGING_YEARS, HARMLESS_YEARS, SCORED_ROWS } from '../bench/simulations/world-years.js';
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
    const abrupt = CHANGING_YEARS.filter(({ name }) => name === 'AGRAWAL 1 → 2, abrupt');
    const [found] = policyYears(abrupt, { repeats: 1, seed }, [retrainOnHarm()]);
    expect(found!.delayWindows).toBeLessThan(6);
    expect(found!.lossAvoided).toBeGreaterThan(0.1);
  });
});

describe('retraining', () => {
  const years = policyYears(CHANGING_YEARS, { repeats: 1, seed });

  it.each(['lossAvoided', 'netLossAvoided'] as const)('avoids more than every other policy on the sum over the years: %s', (measure) => {
    const sums = policySums(years, measure);
    const ours = sums.pop()!;
    expect(ours.policy).toBe('Perennial');
    expect(sums.map(({ policy }) => policy)).toEqual(['monthly', 'PSI > 0.2', 'CUSUM', 'ADWIN', 'harm sequence']);
    for (const { policy, sum, behindOurs } of sums) {
      expect(ours.sum, policy).toBeGreaterThan(sum);
      expect(behindOurs).toBe(1);
    }
  });

  const retrainsOf = (policy: RetrainingPolicy, year = 'AGRAWAL 1 → 2, abrupt'): number =>
    policyYears(CHANGING_YEARS.filter(({ name }) => name === year), { repeats: 1, seed }, [policy])[0]!.retrains;

  it('is decided by its costs, and only where a gain is sure', () => {
    const retrainsAt = (release: number): number => retrainsOf(perennialPolicy({ ...PERENNIAL_DEFAULTS, cost: { ...RETRAINING_COST, release } }));
    expect(retrainsAt(9)).toBeGreaterThan(1);
    expect(retrainsAt(1_000)).toBe(0);
    const whenSure = (alpha: number): number => retrainsOf(perennialPolicy({ ...PERENNIAL_DEFAULTS, alpha }), 'SEA 8 → 9.5, abrupt');
    expect(whenSure(0.1)).toBeGreaterThan(0);
    expect(whenSure(1e-12)).toBe(0);
  });

  it('is not decided by rows that the champion has learnt from', () => {
    const saying = (score: (place: number, score: number, label: number) => number): RetrainingPolicy => ({
      name: 'says other things', start: () => {
        const asks = perennialPolicy().start();
        const other = (stretch: JudgedRows): JudgedRows => ({ ...stretch, scores: stretch.scores.map((said, place) => score(place, said, stretch.labels[place]!)) });
        return (facts) => asks({ ...facts, stretch: () => other(facts.stretch()) });
      },
    });
    const known = retrainsOf(perennialPolicy());
    expect(known).toBeGreaterThan(0);
    expect(retrainsOf(saying((place, said) => (isHeldOut(place) ? said : 0.5)))).toBe(known);
    // A champion that knows all cannot be bettered.
    expect(retrainsOf(saying((_place, _said, label) => label))).toBe(0);
  });

  it('deploys the candidate that was judged', () => {
    const { rowsPerWindow, trainingWindows } = ARENA_DEFAULTS;
    expect(rowsPerWindow % HOLD_OUT_EVERY).toBe(0);
    const held = Array.from({ length: trainingWindows * rowsPerWindow }, (_, place) => place).filter(isHeldOut);
    expect(held).toHaveLength((trainingWindows * rowsPerWindow) / HOLD_OUT_EVERY);
    const seen: WindowFacts[] = [];
    const stretches: JudgedRows[] = [];
    retrainingOutcomes(CHANGING_YEARS[0]!.streamOf(seed), [{ name: 'asking', start: () => (facts) => {
      seen.push(facts);
      stretches.push(facts.stretch());
      return facts.window === 3;
    } }]);
    // What the new model has not learnt from is what its candidate would be judged on.
    expect(seen[4]!.heldOut.labels).toEqual(stretches[3]!.labels.filter((_, place) => isHeldOut(place)));
  });

  it('seldom happens where nothing is to be gained', () => {
    const harmless = policyYears(HARMLESS_YEARS, { repeats: 1, seed }, [perennialPolicy()]);
    expect(harmless).toHaveLength(10);
    expect(harmless.reduce((sum, { retrains }) => sum + retrains, 0)).toBeLessThan(10);
  });

  it('is charged for, and so are candidates that are not released', () => {
    const { training, release } = RETRAINING_COST;
    for (const { policy, retrains, candidates, lossAvoided, netLossAvoided } of years) {
      expect((lossAvoided - netLossAvoided) * SCORED_ROWS).toBeCloseTo(retrains * (training + release) + candidates * training, 6);
      if (policy !== 'Perennial') expect(candidates).toBe(0);
    }
    expect(years.some(({ policy, candidates }) => policy === 'Perennial' && candidates > 0)).toBe(true);
  });

  it('sees in advance the rows that a retraining would learn from', () => {
    const seen: { facts: WindowFacts; stretch: JudgedRows }[] = [];
    const asking = { name: 'asking', start: () => (facts: WindowFacts) => {
      seen.push({ facts, stretch: facts.stretch() });
      return facts.window === 3;
    } };
    retrainingOutcomes(CHANGING_YEARS[0]!.streamOf(seed), [asking]);
    const { rowsPerWindow, trainingWindows } = ARENA_DEFAULTS;
    expect(seen[4]!.facts.trainingFeatures).toEqual(seen[3]!.stretch.features.filter((_, place) => Math.floor(place / 3) % 5 !== 4));
    expect(seen[7]!.stretch.losses.slice(-rowsPerWindow)).toEqual(seen[7]!.facts.labelled!.losses);
    expect(seen.every(({ stretch }) => stretch.labels.length === trainingWindows * rowsPerWindow)).toBe(true);
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
