import { loanConcepts } from './agrawal-loans.js';
import { type Change, driftStream, type DriftStream } from './drift-streams.js';
import { hyperplaneConcepts, seaConcepts } from './drifting-concepts.js';
import { ARENA_DEFAULTS } from './retraining-arena.js';

/** A year of weeks after the history. */
const WEEKS = 48;
/** Rows of a year that a deployed model scores. */
export const SCORED_ROWS = WEEKS * ARENA_DEFAULTS.rowsPerWindow;
const YEAR_ROWS = SCORED_ROWS + ARENA_DEFAULTS.trainingWindows * ARENA_DEFAULTS.rowsPerWindow;
const [THIRD, HALF] = [Math.floor(YEAR_ROWS / 3), Math.floor(YEAR_ROWS / 2)];

type World = readonly [name: string, concepts: (seed: number) => Parameters<typeof driftStream>[0]];

const NOISE = 0.1;
/** Concepts that change for the worse of a model of the first one, by the papers they come from. */
const WORLDS: readonly World[] = [
  ['SEA 8 → 9.5', () => () => seaConcepts({ thresholds: [8, 9.5], noise: NOISE })],
  ['SEA 9 → 7', () => () => seaConcepts({ thresholds: [9, 7], noise: NOISE })],
  ['AGRAWAL 1 → 2', () => () => loanConcepts({ rules: [1, 2], perturbation: 0.05, noise: NOISE / 2 })],
  ['AGRAWAL 4 → 3', () => () => loanConcepts({ rules: [4, 3], perturbation: 0.05, noise: NOISE / 2 })],
  ['hyperplane', (seed) => () => hyperplaneConcepts(seed, { dimensions: 10, irrelevant: 2, noise: NOISE / 2, stepSize: 0.001, turning: 0.1 })],
];
const CHANGES: readonly Change[] = [
  { kind: 'abrupt', at: THIRD }, { kind: 'gradual', from: THIRD, until: HALF, shape: 'sigmoid' }, { kind: 'recurring', at: THIRD, period: Math.floor(YEAR_ROWS / 6) },
];
const HARMLESS: readonly Change[] = [{ kind: 'none' }, { kind: 'covariate', at: THIRD }];

export interface Year {
  readonly name: string;
  readonly streamOf: (seed: number) => DriftStream;
}

const yearOf = ([name, concepts]: World, change: Change): Year => ({
  name: `${name}, ${change.kind}`, streamOf: (seed) => driftStream(concepts(seed), { rows: YEAR_ROWS, change, seed }),
});

/** Each world with each way of change, and the hyperplane that turns with every row. */
export const CHANGING_YEARS: readonly Year[] = [
  ...WORLDS.flatMap((world) => CHANGES.map((change) => yearOf(world, change))), yearOf(WORLDS.at(-1)!, { kind: 'incremental', from: THIRD }),
];
/** Each world unchanged, then each with features that move. */
export const HARMLESS_YEARS: readonly Year[] = HARMLESS.flatMap((change) => WORLDS.map((world) => yearOf(world, change)));
