import { limitOfRows } from '../../src/drift/baseline-limit.js';
import { addBatch, type HarmState, splitHarmDelta, startHarm } from '../../src/drift/harm-sequence.js';
import { loanConcepts } from './agrawal-loans.js';
import { type Change, driftStream, type DriftStream } from './drift-streams.js';
import { hyperplaneConcepts, seaConcepts } from './drifting-concepts.js';
import { rateOf, type Rate } from './rates.js';
import { ARENA_DEFAULTS, type PolicyOutcome, retrainingOutcomes, type RetrainingPolicy, type WindowFacts } from './retraining-arena.js';
import { CLASSIC_POLICIES } from './retraining-policies.js';

/** The false alarms of harm that a model may have in a year: a probability. */
export const YEARLY_BUDGET = 0.05;
const WEEK_MS = 7 * 24 * 3_600_000;
/** A year of weeks after the history. */
const WEEKS = 48;
export const STREAM_ROWS = (WEEKS + ARENA_DEFAULTS.trainingWindows) * ARENA_DEFAULTS.rowsPerWindow;
const [THIRD, HALF] = [Math.floor(STREAM_ROWS / 3), Math.floor(STREAM_ROWS / 2)];

/** Ours: retrains where the losses of the deployed model are surely above those on rows held out from its training (src/drift/harm-sequence.ts). */
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

type Concepts = Parameters<typeof driftStream>[0];

const NOISE = 0.1;
/** Concepts that change for the worse of a model of the first one, by the papers they come from. */
const WORLDS: readonly (readonly [name: string, concepts: (seed: number) => Concepts])[] = [
  ['SEA 8 → 9.5', () => () => seaConcepts({ thresholds: [8, 9.5], noise: NOISE })],
  ['SEA 9 → 7', () => () => seaConcepts({ thresholds: [9, 7], noise: NOISE })],
  ['AGRAWAL 1 → 2', () => () => loanConcepts({ rules: [1, 2], perturbation: 0.05, noise: NOISE / 2 })],
  ['AGRAWAL 4 → 3', () => () => loanConcepts({ rules: [4, 3], perturbation: 0.05, noise: NOISE / 2 })],
  ['hyperplane', (seed) => () => hyperplaneConcepts(seed, { dimensions: 10, irrelevant: 2, noise: NOISE / 2, stepSize: 0.001, turning: 0.1 })],
];
const CHANGES: readonly Change[] = [
  { kind: 'abrupt', at: THIRD }, { kind: 'gradual', from: THIRD, until: HALF, shape: 'sigmoid' }, { kind: 'recurring', at: THIRD, period: Math.floor(STREAM_ROWS / 6) },
];
const HARMLESS: readonly Change[] = [{ kind: 'none' }, { kind: 'covariate', at: THIRD }];

const streamOf = (world: number, change: Change, seed: number): DriftStream => driftStream(WORLDS[world]![1](seed), { rows: STREAM_ROWS, change, seed });

/** The share of a year's streams without harm in which the policy raised an alarm. */
export function harmlessAlarms(policy: RetrainingPolicy, { runs, seed }: { readonly runs: number; readonly seed: number }): Rate {
  let alarms = 0;
  for (let run = 0; run < runs; run++) {
    const [outcome] = retrainingOutcomes(streamOf(run % WORLDS.length, HARMLESS[Math.floor(run / WORLDS.length) % HARMLESS.length]!, seed + run), [policy]);
    if (outcome!.falseAlarms > 0) alarms += 1;
  }
  return rateOf(alarms, runs);
}

export interface StreamOutcomes {
  readonly stream: string;
  /** Of each policy, over so many streams of different seeds. */
  readonly policies: readonly (Pick<PolicyOutcome, 'policy'> & { readonly lossAvoided: number; readonly retrains: number; readonly found: number; readonly delayWindows: number })[];
}

/** Each world with each way of change, under every policy: means over `repeats` seeds. */
export function changingStreams({ repeats, seed }: { readonly repeats: number; readonly seed: number }, policies: readonly RetrainingPolicy[] = [...CLASSIC_POLICIES, retrainOnHarm()]): StreamOutcomes[] {
  return WORLDS.flatMap(([name], world) => CHANGES.map((change) => {
    const runs = Array.from({ length: repeats }, (_, repeat) => retrainingOutcomes(streamOf(world, change, seed + repeat), policies));
    const means = policies.map(({ name: policy }, index) => {
      const outcomes = runs.map((run) => run[index]!);
      const delays = outcomes.flatMap(({ delayWindows }) => delayWindows ?? []);
      const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
      return { policy, lossAvoided: mean(outcomes.map(({ lossAvoided }) => lossAvoided ?? 0)), retrains: mean(outcomes.map(({ retrains }) => retrains)), found: delays.length / repeats, delayWindows: mean(delays) };
    });
    return { stream: `${name}, ${change.kind}`, policies: means };
  }));
}
