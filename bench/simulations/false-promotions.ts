import { addBlock, judge, startComparison, type ComparisonState } from '../../src/rollout/comparison.js';
import { comparisonPlan, type ComparisonPlan } from '../../src/rollout/comparison-plan.js';
import { GainSequence } from '../../src/rollout/gain-sequence.js';
import { Random } from './random.js';
import { rateOf, type Rate } from './rates.js';
import { emptyRow, probabilities, type World } from './worlds.js';

export type Method = ComparisonPlan['method'];

const planOf = (world: World, method: Method, more: Partial<ComparisonPlan> = {}): ComparisonPlan =>
  comparisonPlan({ metric: world.metric, bound: world.bound, method, ...more });

/**
 * No difference on any row, looked at after every label from the first that counts up to `rows`.
 * @returns the share of runs that ever said `better`
 */
export function lookingAfterEveryLabel(world: World, method: Method, { runs, seed, rows }: { runs: number; seed: number; rows: number }): Rate {
  const plan = planOf(world, method, { dependence: 'rows', minimumSamples: method === 'asymptotic' ? 500 : 1 , tunedFor: 5_000 });
  const row = emptyRow();
  let promoted = 0;
  for (let run = 0; run < runs; run++) {
    const random = new Random(seed, run);
    const sequence = new GainSequence(plan);
    for (let n = 1; n <= rows; n++) {
      world.draw(random, 0, 0, row);
      sequence.add(row.gain, row.low, row.high);
      if (!sequence.isBetter()) continue;
      promoted += 1;
      break;
    }
  }
  return rateOf(promoted, runs);
}

export interface ClusteredRates {
  /** Said `better` while the average conditional gain of the rows so far was 0 or less: the error that alpha bounds. */
  readonly againstEstimand: Rate;
  /** Said `better` at all, though over many days the challenger is no better. */
  readonly againstLongRun: Rate;
}

/**
 * Rows of one day share a shock to what happens; the challenger's probabilities are higher by 0.05, so that a day with
 * more positives is a good day for it. Over many days both are equally good. Looked at after each day.
 */
export function clusteredByDay(
  method: Method, dependence: ComparisonPlan['dependence'], { runs, seed, days, rowsPerDay, shock }: { runs: number; seed: number; days: number; rowsPerDay: number; shock: number },
): ClusteredRates {
  const world = probabilities('days', 0.05, 0.05);
  const plan = planOf(world, method, { dependence });
  const row = emptyRow();
  const [estimand, longRun] = [{ events: 0 }, { events: 0 }];
  for (let run = 0; run < runs; run++) {
    const random = new Random(seed, run);
    const sequence = new GainSequence(plan);
    let [expected, better, wrong] = [0, false, false];
    for (let day = 0; day < days; day++) {
      const shared = shock * random.normal();
      for (let n = 0; n < rowsPerDay; n++) {
        world.draw(random, 0, shared, row);
        sequence.add(row.gain, row.low, row.high);
        expected += row.expected;
      }
      sequence.closeBlock();
      if (sequence.rows < plan.minimumSamples || !sequence.isBetter()) continue;
      better = true;
      if (expected <= 0) wrong = true;
    }
    if (better) longRun.events += 1;
    if (wrong) estimand.events += 1;
  }
  return { againstEstimand: rateOf(estimand.events, runs), againstLongRun: rateOf(longRun.events, runs) };
}

/**
 * No difference, and labels that come late: a positive takes five days on average, a negative one. `horizon`: a day's rows enter
 * when three weeks have passed, as the product does. `arrival`: each look takes the labels that are there, which is wrong, and
 * shown for comparison: the challenger's probabilities are lower by 0.05, so that early labels favour it.
 */
export function lateLabels(method: Method, entering: 'horizon' | 'arrival', { runs, seed, days, rowsPerDay }: { runs: number; seed: number; days: number; rowsPerDay: number }): Rate & { readonly missingShare: number } {
  const world = probabilities('late labels', 0.05, -0.05);
  const plan = planOf(world, method);
  let [promoted, missing, total] = [0, 0, 0];
  for (let run = 0; run < runs; run++) {
    const random = new Random(seed, run);
    let state = startComparison(plan);
    let better = false;
    for (let day = 0; day < days; day++) {
      state = addDay(state, world, random, day, rowsPerDay, entering === 'horizon' ? 21 : 0);
      better ||= judge(state).outcome === 'better';
    }
    promoted += better ? 1 : 0;
    missing += state.missing;
    total += state.rows;
  }
  return { ...rateOf(promoted, runs), missingShare: missing / total };
}

const DAY = 86_400_000;

function addDay(state: ComparisonState, world: World, random: Random, day: number, rows: number, horizonDays: number): ComparisonState {
  const [champion, challenger, label] = [new Float32Array(rows), new Float32Array(rows), new Float64Array(rows)];
  const row = emptyRow();
  for (let n = 0; n < rows; n++) {
    world.draw(random, 0, 0, row);
    const arrives = n / rows + random.exponential() * (row.label === 1 ? 5 : 1);
    champion[n] = row.champion;
    challenger[n] = row.challenger;
    label[n] = arrives <= 1 + horizonDays ? row.label : NaN;
  }
  return addBlock(state, { fromMs: day * DAY, untilMs: (day + 1) * DAY, champion, challenger, label });
}
