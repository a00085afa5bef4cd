import { rowGain, type RowGain } from '../../src/rollout/row-gain.js';
import type { RowLoss } from '../../src/spec/comparison-loss.js';
import type { Random } from './random.js';

/** A row as it happens: both outputs, the label, and its conditional mean gain. */
export interface Row extends RowGain {
  champion: number;
  challenger: number;
  label: number;
  /** E[gain | both outputs, and the day], known to the simulation only. */
  expected: number;
}

export const emptyRow = (): Row => ({ champion: 0, challenger: 0, label: 0, gain: 0, low: 0, high: 0, championLoss: 0, challengerLoss: 0, expected: 0 });

/**
 * Where rows come from. `edge` 0: the challenger is no better on any row; 1: what happens follows the challenger. `day` is
 * what rows of one day share; 0 for none.
 */
export interface World {
  readonly name: string;
  readonly metric: RowLoss;
  readonly bound: number;
  readonly draw: (random: Random, edge: number, day: number, into: Row) => void;
}

/** Probabilities from 0.05 to 0.75 that the challenger moves by about `apart`, and higher by `bias`. */
export const probabilities = (name: string, apart: number, bias = 0): World => ({
  name,
  metric: 'brier',
  bound: 1,
  draw: (random, edge, day, into) => {
    const champion = 0.05 + 0.7 * random.uniform();
    drawLabel(random, champion, within(champion + bias + apart * random.normal()), edge, day, into);
  },
});

/** Positives are rare, two in a hundred; the challenger's probabilities differ by a factor. */
export const rarePositives: World = {
  name: 'rare positives, Brier',
  metric: 'brier',
  bound: 1,
  draw: (random, edge, day, into) => {
    const champion = 0.06 * random.uniform() ** 2;
    drawLabel(random, champion, within(champion * Math.exp(0.6 * random.normal())), edge, day, into);
  },
};

/** Predictions about 1 apart, and labels with heavy tails (Student's t with 3 degrees of freedom): the error is cut at 10. */
export const heavyTails: World = {
  name: 'heavy tails, absolute error',
  metric: 'absoluteError',
  bound: 10,
  draw: (random, edge, day, into) => {
    into.champion = 50 + 10 * random.normal();
    into.challenger = into.champion + random.normal();
    const tail = random.normal() / Math.sqrt((random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2) / 3);
    into.label = (into.champion + into.challenger) / 2 + (edge * (into.challenger - into.champion)) / 2 + day + 2 * tail;
    into.expected = edge === 0 && day === 0 ? 0 : NaN;
    rowGain('absoluteError', 10, into.champion, into.challenger, into.label, into);
  },
};

/** The chance midway between both outputs makes them equally good (Brier); `edge` moves it towards the challenger's. */
function drawLabel(random: Random, champion: number, challenger: number, edge: number, day: number, into: Row): void {
  const chance = within((champion + challenger) / 2 + (edge * (challenger - champion)) / 2 + day);
  into.champion = champion;
  into.challenger = challenger;
  into.label = random.uniform() < chance ? 1 : 0;
  into.expected = (champion - challenger) * (champion + challenger - 2 * chance);
  rowGain('brier', 1, champion, challenger, into.label, into);
}

const within = (chance: number): number => Math.min(0.999, Math.max(0.001, chance));
