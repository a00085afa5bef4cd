import { normalQuantile } from '../../src/evaluation/distributions.js';
import { BoundedMean } from '../../src/rollout/bounded-mean.js';
import { comparisonPlan } from '../../src/rollout/comparison-plan.js';
import { GainSequence } from '../../src/rollout/gain-sequence.js';
import type { Method } from './false-promotions.js';
import { Random } from './random.js';
import { emptyRow, type World } from './worlds.js';

export interface SampleSize {
  /** Rows of the two-sided z test at the plan's alpha that finds the difference in 80 % of the cases. */
  readonly fixed: number;
  /** Mean rows until `better` was said; those that never said it count with `limit`. */
  readonly expected: number;
  readonly ratio: number;
  readonly neverShare: number;
  /** Difference over standard deviation of a row. */
  readonly effect: number;
}

/** Rows after which a run is given up, over the fixed-sample test's. */
const LIMIT = 15;

/**
 * The rows that a real difference takes, looked at after every label, with the plan that a spec without a word about it
 * gets (1,000 samples at least, tuned for 10,000) but for dependence, which independent rows do not have.
 */
export function rowsUntilBetter(world: World, edge: number, method: Method, { runs, seed }: { runs: number; seed: number }): SampleSize {
  const plan = comparisonPlan({ metric: world.metric, bound: world.bound, method, dependence: 'rows' });
  const { mean, deviation } = momentsOf(world, edge, seed);
  const fixed = Math.ceil((((normalQuantile(1 - plan.alpha / 2) + normalQuantile(0.8)) * deviation) / mean) ** 2);
  const row = emptyRow();
  let [total, never] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const random = new Random(seed, run);
    const sequence = new GainSequence(plan);
    let [n, better] = [0, false];
    while (!better && n < LIMIT * fixed) {
      world.draw(random, edge, 0, row);
      sequence.add(row.gain, row.low, row.high);
      n += 1;
      better = n >= plan.minimumSamples && sequence.isBetter();
    }
    total += n;
    if (!better) never += 1;
  }
  return { fixed, expected: total / runs, ratio: total / runs / fixed, neverShare: never / runs, effect: mean / deviation };
}

/** The same by the sequence that knows only the metric's range (bounded-mean.ts), looked at every hundredth of the fixed test's rows. */
export function rowsUntilBetterByRangeAlone(world: World, edge: number, { runs, seed }: { runs: number; seed: number }): SampleSize {
  const alpha = 0.05;
  const { mean, deviation } = momentsOf(world, edge, seed);
  const fixed = Math.ceil((((normalQuantile(1 - alpha / 2) + normalQuantile(0.8)) * deviation) / mean) ** 2);
  const every = Math.ceil(fixed / 100);
  const row = emptyRow();
  let [total, never] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const random = new Random(seed, run);
    const sequence = new BoundedMean(2 * world.bound);
    let [n, better] = [0, false];
    while (!better && n < LIMIT * fixed) {
      world.draw(random, edge, 0, row);
      sequence.add(row.gain);
      n += 1;
      better = n % every === 0 && sequence.interval(alpha, fixed * deviation ** 2).low > 0;
    }
    total += n;
    if (!better) never += 1;
  }
  return { fixed, expected: total / runs, ratio: total / runs / fixed, neverShare: never / runs, effect: mean / deviation };
}

function momentsOf(world: World, edge: number, seed: number): { mean: number; deviation: number } {
  const random = new Random(seed, -1);
  const row = emptyRow();
  const rows = 1_000_000;
  let [sum, squares] = [0, 0];
  for (let n = 0; n < rows; n++) {
    world.draw(random, edge, 0, row);
    sum += row.gain;
    squares += row.gain ** 2;
  }
  const mean = sum / rows;
  return { mean, deviation: Math.sqrt(squares / rows - mean ** 2) };
}
