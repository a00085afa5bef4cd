import { limitOfRows } from '../../src/drift/baseline-limit.js';
import { addBatch, type HarmState, splitHarmDelta, startHarm } from '../../src/drift/harm-sequence.js';
import { rateOf, type Rate } from './rates.js';
import { retrainingOutcomes, type RetrainingPolicy, type WindowFacts } from './retraining-arena.js';
import { HARMLESS_YEARS } from './world-years.js';

/** The false alarms of harm that a model may have in a year: a probability. */
export const YEARLY_BUDGET = 0.05;
const WEEK_MS = 7 * 24 * 3_600_000;

/** Our alarm as a policy: retrains where the losses of the deployed model are surely above those on rows held out from its training (src/drift/harm-sequence.ts). */
export const retrainOnHarm = (yearly = YEARLY_BUDGET): RetrainingPolicy => ({
  name: 'harm sequence',
  start: () => {
    let [deployment, state] = [-1, null as HarmState | null];
    return ({ window, deployment: current, heldOut, labelled }: WindowFacts) => {
      if (current !== deployment) [deployment, state] = [current, startOf(heldOut.losses, yearly, window)];
      if (state && labelled) state = addBatch(state, { fromMs: window * WEEK_MS, untilMs: (window + 1) * WEEK_MS, losses: labelled.losses });
      return state?.alarm !== null && state !== null;
    };
  },
});

function startOf(losses: Float64Array, yearly: number, window: number): HarmState | null {
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const variance = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (losses.length - 1);
  const deltas = splitHarmDelta(yearly);
  const limit = limitOfRows({ rows: losses.length, mean, variance }, 1, deltas.source);
  return limit && startHarm({ limit, bound: 1, tolerance: 0, deltas }, window * WEEK_MS);
}

/** The share of a year's streams without harm in which the policy raised an alarm. */
export function harmlessAlarms(policy: RetrainingPolicy, { runs, seed }: { readonly runs: number; readonly seed: number }): Rate {
  let alarms = 0;
  for (let run = 0; run < runs; run++) {
    const [outcome] = retrainingOutcomes(HARMLESS_YEARS[run % HARMLESS_YEARS.length]!.streamOf(seed + run), [policy]);
    if (outcome!.falseAlarms > 0) alarms += 1;
  }
  return rateOf(alarms, runs);
}
